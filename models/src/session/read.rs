//! Reading hooks: boxes of states in one staged copy, and what is computed from them.

use std::ops::Range;

use vitrine_kernels::ops::row_stats::EntropyOf;
use vitrine_kernels::{Control, Read, Recorder, Step};

use super::Session;
use super::recordings::{Built, Key};
use super::sites::{Sites, key_hook, query_hook};
use crate::arch::Forward;
use crate::arch::forward::{Frame, RunInput, heads_of, masks_of};
use crate::error::ModelError;
use crate::hook::{Form, Hook, HookPoint};
use crate::trace::{Trace, TraceTensor};

/// What to read of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The hook.
    pub point: HookPoint,
    /// One head of it (hooks by head); the head's dimension is then dropped.
    pub head: Option<usize>,
    /// Which tokens (rows; of maps: queries); all if `None`.
    pub rows: Option<Range<usize>>,
}

impl Tap {
    /// All of a hook.
    pub fn of(point: HookPoint) -> Self {
        Self { point, head: None, rows: None }
    }
}

/// Values of one staged copy: 64 MiB.
const MAX_VALUES_A_READ: usize = 16 << 20;

impl Session {
    /// Reads hooks of the tokens that have run, in one copy (of bounded size: else a few) from the
    /// states where they are kept.
    /// Hooks that are not kept yet are from now on, and the tokens run again for them.
    ///
    /// # Errors
    /// A hook, head or row that is not there; the engine's.
    pub async fn read(&mut self, taps: &[Tap], control: &Control) -> Result<Trace, ModelError> {
        let n_tokens = self.n_filled;
        for tap in taps {
            self.check_tap(tap)?;
        }
        let missing: Vec<_> = taps
            .iter()
            .map(|tap| tap.point.hook)
            .filter(|&hook| hook.is_derived() || !self.is_computable(hook))
            .collect();
        if self.want(missing)? {
            let mut input = self.input.clone();
            input.ids.truncate(n_tokens);
            for list in [&mut input.token_types, &mut input.attention_mask].into_iter().flatten() {
                list.truncate(n_tokens);
            }
            self.set_tokens(&input, control).await?;
        }
        let spec = self.spec().clone();
        let mut reads = Vec::new();
        let mut tensors: Vec<Option<TraceTensor>> = Vec::new();
        for tap in taps {
            let kept = self.sites.find(tap.point, &spec);
            tensors.push(kept.is_some().then(|| self.tensor_of(tap, Vec::new())));
            if let Some((state, cols)) = kept {
                let rows = tap.rows.clone().unwrap_or(0..n_tokens);
                reads.push(Read::state(state, self.ranges(tap, rows, cols)));
            }
        }
        let mut kept = tensors.iter_mut().flatten();
        for batch in batches(&reads) {
            for values in self.engine.read(batch).await? {
                if let Some(tensor) = kept.next() {
                    tensor.values = values.into();
                }
            }
            control.check()?;
        }
        for (tap, tensor) in taps.iter().zip(&mut tensors) {
            if tensor.is_none() {
                let values = self.derive(tap, control).await?;
                *tensor = Some(self.tensor_of(tap, values));
            }
        }
        Ok(Trace::new(tensors.into_iter().flatten().collect()))
    }

    /// Whether a hook is kept, or patterns can be had from queries and keys.
    fn is_computable(&self, hook: Hook) -> bool {
        let spec = self.spec();
        let kept = |hook| self.sites.find(HookPoint { hook, layer: 0 }, spec).is_some();
        // A block's output is kept as the next one's input; only the last block's is its own.
        let kept_last = |hook| {
            let layer = if Hook::is_per_layer(hook) { spec.n_layers - 1 } else { 0 };
            self.sites.find(HookPoint { hook, layer }, spec).is_some()
        };
        let has_queries = self.sites.maps_left_out && kept(query_hook(spec));
        kept(hook) && kept_last(hook) || hook == Hook::Pattern && has_queries
    }

    fn check_tap(&self, tap: &Tap) -> Result<(), ModelError> {
        let spec = self.spec();
        let refuse = |problem: String| Err(ModelError::input(tap.point.to_string(), problem));
        let n_layers = if tap.point.hook.is_per_layer() { spec.n_layers } else { 1 };
        if !spec.has(tap.point.hook) || tap.point.layer >= n_layers {
            return refuse(format!(
                "{} with {} layers has no such hook",
                self.model.name(),
                spec.n_layers
            ));
        }
        let n_heads = match tap.point.hook.form() {
            Form::Heads | Form::Map => spec.n_heads,
            Form::KvHeads => spec.n_kv_heads,
            _ => 0,
        };
        if let Some(head) = tap.head.filter(|&head| head >= n_heads) {
            return refuse(format!("head {head} of {n_heads}"));
        }
        let n_tokens = self.n_filled;
        match &tap.rows {
            Some(rows) if rows.is_empty() || rows.end > n_tokens => {
                refuse(format!("rows {rows:?} of {n_tokens} tokens"))
            }
            _ if n_tokens == 0 => refuse("nothing has run yet".to_owned()),
            _ => Ok(()),
        }
    }

    /// The box of a tap in a state.
    fn ranges(&self, tap: &Tap, rows: Range<usize>, cols: Range<usize>) -> Vec<Range<usize>> {
        let spec = self.spec();
        match (tap.point.hook.form(), tap.head) {
            (Form::Map, head) => {
                let heads = head.map_or(0..spec.n_heads, |head| head..head + 1);
                vec![heads, rows, 0..self.n_filled]
            }
            (_, Some(head)) => vec![rows, head * spec.d_head..(head + 1) * spec.d_head],
            (_, None) => vec![rows, cols],
        }
    }

    /// The tap's shape with values: that of the hook, narrowed to the rows and the head.
    fn tensor_of(&self, tap: &Tap, values: Vec<f32>) -> TraceTensor {
        let spec = self.spec();
        let mut shape = tap.point.hook.shape(spec, self.n_filled);
        let (row_axis, head_axis) = match tap.point.hook.form() {
            Form::Map => (1, 0),
            _ => (0, 1),
        };
        if let Some(rows) = &tap.rows
            && !matches!(tap.point.hook.form(), Form::Pooled | Form::Pair)
        {
            shape[row_axis] = rows.len();
        }
        if tap.head.is_some() {
            shape.remove(head_axis);
        }
        TraceTensor { point: tap.point, head: tap.head, shape, values: values.into() }
    }

    /// A hook that is computed when it is read.
    async fn derive(&mut self, tap: &Tap, control: &Control) -> Result<Vec<f32>, ModelError> {
        let rows = tap.rows.clone().unwrap_or(0..self.n_filled);
        match tap.point.hook {
            Hook::Logits => self.logits_of(rows, control).await,
            Hook::PoolerOutput | Hook::NspLogits => {
                let pooled = self.pooled(control).await?;
                let found = pooled.into_iter().find(|(hook, _)| *hook == tap.point.hook);
                Ok(found.map(|(_, values)| values).unwrap_or_default())
            }
            hook @ (Hook::AttnScores | Hook::Pattern) => {
                let (layer, is_pattern) = (tap.point.layer, hook == Hook::Pattern);
                let built = self.recording(Key::Scores { layer, is_pattern })?;
                let read = Read {
                    ranges: self.ranges(tap, rows.clone(), 0..0),
                    ..Read::tensor(&built.recording, built.outputs[0].1)
                };
                let values = self.run(&built, 0..0, &[], Step::default(), &[read], control).await?;
                let mut values = values.into_iter().next().unwrap_or_default();
                if !is_pattern {
                    self.mask(&mut values, layer, tap.head.unwrap_or(0), rows);
                }
                Ok(values)
            }
            _ => Err(self.too_long_for(tap.point)),
        }
    }

    /// A hook that a shorter text would have.
    pub(super) fn too_long_for(&self, point: HookPoint) -> ModelError {
        let (n_tokens, limit) = (self.n_filled, self.options.max_state_bytes);
        let problem =
            format!("is not kept of {n_tokens} tokens: all hooks would exceed {limit} bytes");
        ModelError::input(point.to_string(), problem)
    }

    /// Scores as the softmax gets them: less what distance costs, −∞ where a query does not see a
    /// key. `first_head` is that of the first map.
    fn mask(&self, scores: &mut [f32], layer: usize, first_head: usize, rows: Range<usize>) {
        let (causal, reach) = (self.spec().causal, self.spec().reach(layer));
        let slopes = reach.slopes(self.spec().n_heads);
        for (map_idx, map) in scores.chunks_exact_mut(rows.len() * self.n_filled).enumerate() {
            let slope = slopes.get(first_head + map_idx).copied().unwrap_or(0.0);
            for (query, row) in rows.clone().zip(map.chunks_exact_mut(self.n_filled)) {
                reach.add_to(row, 0, query, slope);
                for (key, score) in row.iter_mut().enumerate() {
                    let is_far = causal && (key > query || key < reach.start(query));
                    if is_far || !self.input.is_visible(key) {
                        *score = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }

    /// Scores (or pattern) of a layer for all rows of the states: `[n_heads, capacity, capacity]`.
    pub(super) fn record_scores(
        &self,
        layer: usize,
        is_pattern: bool,
    ) -> Result<Built, ModelError> {
        let spec = self.spec();
        let capacity = self.sites.capacity;
        let frame = Frame {
            n_rows: capacity,
            sites: Some(&self.sites),
            has_padding: is_pattern,
            patches: &[],
        };
        let mut f = Forward::new(&self.model, frame);
        let rows_of = |recorder: &mut Recorder, hook: Hook| {
            let point = HookPoint::layer(hook, layer);
            let (state, _) =
                self.sites.find(point, spec).ok_or_else(|| self.too_long_for(point))?;
            Ok::<_, ModelError>(recorder.state(state, [capacity, Sites::n_cols(hook, spec)]))
        };
        let q = rows_of(f.recorder(), query_hook(spec))?;
        let k = rows_of(f.recorder(), key_hook(spec))?;
        let mut maps = f.recorder().attention_scores(q, k, heads_of(spec))?;
        let mut hook = Hook::AttnScores;
        if is_pattern {
            // The padding hides what lies beyond the text.
            let padding = Some(f.input(RunInput::Padding));
            maps = f.recorder().softmax(maps, masks_of(spec, layer, padding))?;
            hook = Hook::Pattern;
        }
        f.recorder().keep(maps);
        let (recording, inputs) = f.finish();
        Ok(Built { recording, inputs, outputs: vec![(hook, maps)] })
    }

    /// Statistics of every row of every kept pattern, `[n_heads·capacity, 6]` a layer.
    pub(super) fn record_row_sums(&self) -> Result<Built, ModelError> {
        let (spec, capacity) = (self.spec(), self.sites.capacity);
        let mut recorder = Recorder::new();
        let mut outputs = Vec::new();
        for layer in 0..spec.n_layers {
            let Some(map) = self.sites.map(layer) else { continue };
            let map = recorder.state(map, [spec.n_heads, capacity, capacity]);
            let stats = recorder.row_stats(map, EntropyOf::Probabilities)?;
            recorder.keep(stats);
            outputs.push((Hook::Pattern, stats));
        }
        Ok(Built { recording: recorder.finish(), inputs: Vec::new(), outputs })
    }
}

/// Cuts reads into runs of bounded size.
fn batches(reads: &[Read]) -> impl Iterator<Item = &[Read]> {
    let mut rest = reads;
    std::iter::from_fn(move || {
        let mut n_values = 0;
        let n_reads = rest.iter().take_while(|read| {
            n_values += read.len();
            n_values <= MAX_VALUES_A_READ
        });
        let (batch, after) = rest.split_at(n_reads.count().max(1).min(rest.len()));
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}
