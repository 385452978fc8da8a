//! What a session runs, recorded once and kept.

use std::rc::Rc;

use super::recordings::{Built, Key};
use super::{NO_ENCODER, Session};
use crate::arch::forward::{Frame, RunInput};
use crate::arch::{Forward, pass};
use crate::error::ModelError;
use crate::hook::{Hook, Stack};

impl Session {
    /// The recording of a key, made if it is not there.
    pub(super) fn recording(&mut self, key: Key) -> Result<Rc<Built>, ModelError> {
        if let Some(built) = self.recordings.find(key) {
            return Ok(built);
        }
        let built = match key {
            Key::Source { n_rows, has_padding } => self.record_source(n_rows, has_padding)?,
            Key::Pass { n_rows, has_padding, has_head } => {
                self.record_pass(n_rows, has_padding, has_head)?
            }
            Key::Head { n_rows } => self.record_head(n_rows)?,
            Key::Pooled => self.record_pooled()?,
            Key::Scores { of, layer, is_pattern } => self.record_scores(of, layer, is_pattern)?,
            Key::RowSums => self.record_row_sums()?,
        };
        Ok(self.recordings.keep(&mut self.engine, key, built))
    }

    fn record_pass(
        &self,
        n_rows: usize,
        has_padding: bool,
        has_head: bool,
    ) -> Result<Built, ModelError> {
        let sites = Some(&self.text.sites);
        let patches = &self.patches;
        let frame = Frame { n_rows, sites, has_padding, patches, batch: None };
        let mut f = Forward::new(&self.model, self.spec(), frame);
        let x = pass::body(&mut f)?;
        // The statistics of all rows are captured; logits are computed of the last one only.
        let mut y = pass::final_norm(&mut f, x)?;
        if !self.spec().causal && !self.spec().has_dual() {
            y = f.hook(Hook::LastHiddenState, y)?;
        }
        let mut outputs = Vec::new();
        if has_head {
            if n_rows > 1 {
                let last_row = f.input(RunInput::LastRow);
                y = f.recorder().gather(y, last_row)?;
            }
            let logits = pass::unembed(&mut f, y)?;
            f.recorder().keep(logits);
            outputs.push((Hook::Logits, logits));
        }
        let (recording, inputs) = f.finish();
        Ok(Built { stack: self.spec().stack, recording, inputs, outputs })
    }

    /// The encoder's pass, and the keys and values that the decoder's blocks ask.
    fn record_source(&self, n_rows: usize, has_padding: bool) -> Result<Built, ModelError> {
        let spec = self.spec();
        let (Some(encoder), Some(source)) = (&spec.encoder, &self.source) else {
            return Err(ModelError::input("source", NO_ENCODER));
        };
        let sites = Some(&source.sites);
        let patches = &self.patches;
        let frame = Frame { n_rows, sites, has_padding, patches, batch: None };
        let mut f = Forward::new(&self.model, encoder, frame);
        let x = pass::body(&mut f)?;
        let y = pass::final_norm(&mut f, x)?;
        let encoded = f.hook(Hook::LastHiddenState, y)?;
        f.turn_to(spec, &self.text.sites);
        pass::cross_keys(&mut f, encoded)?;
        let (recording, inputs) = f.finish();
        Ok(Built { stack: Stack::Encoder, recording, inputs, outputs: Vec::new() })
    }
}
