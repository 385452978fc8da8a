//! The room that a session's states have, and how it grows.

use vitrine_kernels::{Control, Engine};

use super::sites::Sites;
use super::{Options, Session};
use crate::arch::Model;
use crate::error::ModelError;
use crate::hook::Stack;

/// The smallest capacity of the states.
pub(super) const MIN_CAPACITY: usize = 64;

impl Session {
    /// Declares rows of the text from `n_valid` on stale.
    pub(super) fn forget_rows(&mut self, n_valid: usize) {
        self.text.forget_rows(n_valid);
        self.logits.clear();
    }

    /// Tokens that the states have room for: of the text, of a source.
    pub(super) fn capacities(&self) -> [usize; 2] {
        [self.text.sites.capacity, self.source.as_ref().map_or(0, |source| source.sites.capacity)]
    }

    /// Makes room for so many tokens of text and source; growing starts from the first token, a
    /// source that had run runs again.
    pub(super) async fn reserve(
        &mut self,
        needed: [usize; 2],
        control: &Control,
    ) -> Result<(), ModelError> {
        let before = self.capacities();
        let n_ctx = [self.spec().n_ctx, self.spec_of(Stack::Encoder).n_ctx];
        let capacities = [0, 1].map(|idx| match needed[idx] {
            needed if needed <= before[idx] => before[idx],
            needed if self.options.is_exact => needed,
            needed => needed.next_power_of_two().max(MIN_CAPACITY).min(n_ctx[idx]),
        });
        if capacities == before {
            return Ok(());
        }
        let has_run = self.n_source() > 0;
        let outcome = self.reallocate(capacities);
        if outcome.is_err() {
            self.reallocate(before)?;
        }
        if has_run {
            self.run_source(control).await?;
        }
        outcome
    }

    pub(super) fn reallocate(&mut self, capacities: [usize; 2]) -> Result<(), ModelError> {
        self.free();
        self.forget();
        let (sites, source) = allocate(&mut self.engine, &self.model, &self.options, capacities)?;
        self.text.sites = sites;
        if let Some((text, sites)) = self.source.as_mut().zip(source) {
            text.sites = sites;
        }
        Ok(())
    }

    /// Gives the states back, and the recordings that hold them.
    pub(super) fn free(&mut self) {
        self.recordings.clear(&mut self.engine);
        self.text.sites.free(&mut self.engine);
        if let Some(source) = &mut self.source {
            source.sites.free(&mut self.engine);
        }
    }
}

/// The states of the text, and of a source where there is an encoder.
pub(super) fn allocate(
    engine: &mut Engine,
    model: &Model,
    options: &Options,
    [capacity, n_source]: [usize; 2],
) -> Result<(Sites, Option<Sites>), ModelError> {
    let (spec, max_bytes) = (model.spec(), options.max_state_bytes);
    let sites_of = |engine: &mut Engine, spec, capacities, max_bytes| {
        Sites::allocate(engine, spec, &options.capture, capacities, options.wall_side, max_bytes)
    };
    let Some(encoder) = &spec.encoder else {
        return Ok((sites_of(engine, spec, [capacity, 0], max_bytes)?, None));
    };
    // What is kept of the source is at most half of all.
    let mut source = sites_of(engine, encoder, [n_source, 0], max_bytes / 2)?;
    match sites_of(engine, spec, [capacity, n_source], max_bytes - source.n_bytes) {
        Ok(sites) => Ok((sites, Some(source))),
        Err(err) => {
            source.free(engine);
            Err(err)
        }
    }
}
