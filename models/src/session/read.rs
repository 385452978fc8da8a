//! Reading hooks: boxes of states in one staged copy, and what is computed from them.

use std::ops::Range;

use vitrine_kernels::ops::attention_scores::AttentionScores;
use vitrine_kernels::ops::row_stats::EntropyOf;
use vitrine_kernels::ops::softmax::{Masks, Reach, add_by_distance};
use vitrine_kernels::{Control, Read, Recorder, StateId, Step};

use super::Session;
use super::recordings::{Built, Key, Map};
use super::sites::{Sites, key_hook, query_hook};
use crate::arch::forward::{Frame, RunInput, heads_of};
use crate::arch::{Forward, Mixer, ModelSpec};
use crate::error::ModelError;
use crate::hook::{Form, Hook, HookPoint, Stack};
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
        let n_tokens = self.text.n_filled;
        for tap in taps {
            self.check_tap(tap)?;
        }
        let missing: Vec<_> = taps
            .iter()
            .filter(|tap| tap.point.hook.is_derived() || !self.is_computable(tap.point))
            .map(|tap| tap.point.hook)
            .collect();
        if self.want(missing)? {
            let mut input = self.text.input.clone();
            input.ids.truncate(n_tokens);
            for list in [&mut input.token_types, &mut input.attention_mask].into_iter().flatten() {
                list.truncate(n_tokens);
            }
            self.set_tokens(&input, control).await?;
        }
        let mut reads = Vec::new();
        let mut tensors: Vec<Option<TraceTensor>> = Vec::new();
        for tap in taps {
            let kept = self.kept_read(tap);
            tensors.push(kept.is_some().then(|| self.tensor_of(tap, Vec::new())));
            reads.extend(kept);
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

    /// Where a tap's values are, if they are kept.
    fn kept_read(&self, tap: &Tap) -> Option<Read> {
        let stack = tap.point.stack;
        let (state, cols) = self.text_of(stack).sites.find(tap.point, self.spec_of(stack))?;
        let rows = tap.rows.clone().unwrap_or(0..self.n_rows(tap.point));
        Some(Read::state(state, self.ranges(tap, rows, cols)))
    }

    /// The taps that are kept and where they will be once `n_tokens` have run; none of them where
    /// they are more than one copy holds.
    pub(super) fn kept_reads<'a>(
        &mut self,
        taps: &'a [Tap],
        n_tokens: usize,
    ) -> (Vec<&'a Tap>, Vec<Read>) {
        let n_filled = std::mem::replace(&mut self.text.n_filled, n_tokens);
        let is_there = |tap: &&Tap| self.check_tap(tap).is_ok() && !tap.point.hook.is_derived();
        let kept = taps.iter().filter(is_there);
        let (taps, reads): (Vec<_>, Vec<_>) =
            kept.filter_map(|tap| Some((tap, self.kept_read(tap)?))).unzip();
        self.text.n_filled = n_filled;
        let n_values: usize = reads.iter().map(Read::len).sum();
        if n_values > MAX_VALUES_A_READ { (Vec::new(), Vec::new()) } else { (taps, reads) }
    }

    /// Whether a hook is kept, or patterns can be had from queries and keys.
    fn is_computable(&self, point: HookPoint) -> bool {
        let (spec, sites) = (self.spec_of(point.stack), &self.text_of(point.stack).sites);
        let kept = |hook, layer| sites.find(spec.at(hook, layer), spec).is_some();
        // A block's output is kept as the next one's input; only the last block's is its own.
        let last = if point.hook.is_per_layer() { spec.n_layers - 1 } else { 0 };
        let queries = match point.hook {
            Hook::Pattern => Some(query_hook(spec)),
            // A mean has the same weights whatever is asked.
            Hook::CrossPattern if spec.fixed_context => Some(Hook::CrossV),
            Hook::CrossPattern => Some(Hook::CrossQ),
            _ => None,
        };
        let has_queries = queries.is_some_and(|queries| kept(queries, 0));
        kept(point.hook, 0) && kept(point.hook, last) || sites.maps_left_out && has_queries
    }

    /// A hook's shape for the texts that have run; empty where the model has no such stack.
    pub fn shape_of(&self, point: HookPoint) -> Vec<usize> {
        let n_tokens = self.text_of(point.stack).n_filled;
        let stack = self.spec().of(point);
        stack.map_or(Vec::new(), |stack| point.shape(stack, n_tokens, self.n_source()))
    }

    /// Rows of a hook that have run.
    fn n_rows(&self, point: HookPoint) -> usize {
        match point.hook.form() {
            Form::SourceHeads => self.n_source(),
            Form::Start => self.text_of(point.stack).n_filled.min(1),
            _ => self.text_of(point.stack).n_filled,
        }
    }

    /// Keys of a map that count.
    fn n_keys(&self, point: HookPoint) -> usize {
        match point.hook.form() {
            Form::CrossMap => self.n_source(),
            _ => self.text_of(point.stack).n_filled,
        }
    }

    fn check_tap(&self, tap: &Tap) -> Result<(), ModelError> {
        let spec = self.spec();
        let refuse = |problem: String| Err(ModelError::input(tap.point.to_string(), problem));
        let n_layers =
            |spec: &ModelSpec| if tap.point.hook.is_per_layer() { spec.n_layers } else { 1 };
        let stack = spec.of(tap.point).filter(|stack| stack.has(tap.point.hook));
        let Some(spec) = stack.filter(|stack| tap.point.layer < n_layers(stack)) else {
            return refuse(format!(
                "{} with {} layers has no such hook",
                self.model.name(),
                spec.n_layers
            ));
        };
        let n_heads = match tap.point.hook.form() {
            Form::Heads | Form::Map | Form::CrossMap => spec.n_heads,
            Form::KvHeads | Form::SourceHeads => spec.n_kv_heads,
            _ => 0,
        };
        if let Some(head) = tap.head.filter(|&head| head >= n_heads) {
            return refuse(format!("head {head} of {n_heads}"));
        }
        let n_tokens = self.n_rows(tap.point);
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
        let spec = self.spec_of(tap.point.stack);
        match (tap.point.hook.form(), tap.head) {
            (Form::Map | Form::CrossMap, head) => {
                let heads = head.map_or(0..spec.n_heads, |head| head..head + 1);
                vec![heads, rows, 0..self.n_keys(tap.point)]
            }
            (_, Some(head)) => {
                let d_head = tap.point.d_head(spec);
                vec![rows, head * d_head..(head + 1) * d_head]
            }
            (_, None) => vec![rows, cols],
        }
    }

    /// The tap's shape with values: that of the hook, narrowed to the rows and the head.
    pub(super) fn tensor_of(&self, tap: &Tap, values: Vec<f32>) -> TraceTensor {
        let (spec, text) = (self.spec_of(tap.point.stack), self.text_of(tap.point.stack));
        let mut shape = tap.point.shape(spec, text.n_filled, self.n_source());
        let (row_axis, head_axis) = match tap.point.hook.form() {
            Form::Map | Form::CrossMap => (1, 0),
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
        let rows = tap.rows.clone().unwrap_or(0..self.n_rows(tap.point));
        let hook = tap.point.hook;
        match hook {
            Hook::Logits => self.logits_of(rows, control).await,
            Hook::PoolerOutput | Hook::NspLogits => {
                let pooled = self.pooled(control).await?;
                let found = pooled.into_iter().find(|(hook, _)| *hook == tap.point.hook);
                Ok(found.map(|(_, values)| values).unwrap_or_default())
            }
            Hook::AttnScores | Hook::Pattern | Hook::CrossScores | Hook::CrossPattern => {
                let layer = tap.point.layer;
                let is_pattern = matches!(hook, Hook::Pattern | Hook::CrossPattern);
                let is_cross = hook.form() == Form::CrossMap;
                let of = if is_cross { Map::Cross } else { Map::Own(tap.point.stack) };
                let built = self.recording(Key::Scores { of, layer, is_pattern })?;
                let read = Read {
                    ranges: self.ranges(tap, rows.clone(), 0..0),
                    ..Read::tensor(&built.recording, built.outputs[0].1)
                };
                let values = self.run(&built, 0..0, &[], Step::default(), &[read], control).await?;
                let mut values = values.into_iter().next().unwrap_or_default();
                if !is_pattern {
                    self.mask(&mut values, tap, rows);
                }
                Ok(values)
            }
            _ => Err(self.too_long_for(tap.point)),
        }
    }

    /// A hook that a shorter text would have.
    pub(super) fn too_long_for(&self, point: HookPoint) -> ModelError {
        let (n_tokens, limit) = (self.text.n_filled, self.options.max_state_bytes);
        let problem =
            format!("is not kept of {n_tokens} tokens: all hooks would exceed {limit} bytes");
        ModelError::input(point.to_string(), problem)
    }

    /// Scores as the softmax gets them: less what distance costs, −∞ where a query does not see a
    /// key.
    fn mask(&self, scores: &mut [f32], tap: &Tap, rows: Range<usize>) {
        let (stack, is_cross) = (tap.point.stack, tap.point.hook.form() == Form::CrossMap);
        let (spec, n_keys) = (self.spec_of(stack), self.n_keys(tap.point));
        let keys = self.text_of(if is_cross { Stack::Encoder } else { stack });
        let (causal, reach) = match is_cross {
            true => (false, Reach::default()),
            false => (spec.causal, spec.reach(tap.point.layer)),
        };
        let slopes = reach.slopes(spec.n_heads);
        let distances = if is_cross { &[] } else { self.model.distance_biases(stack) };
        let mut by_distance = distances.chunks_exact(spec.n_distances().max(1));
        let first_head = tap.head.unwrap_or(0);
        for (map_idx, map) in scores.chunks_exact_mut(rows.len() * n_keys).enumerate() {
            let slope = slopes.get(first_head + map_idx).copied().unwrap_or(0.0);
            let by_distance = by_distance.nth(if map_idx == 0 { first_head } else { 0 });
            for (query, row) in rows.clone().zip(map.chunks_exact_mut(n_keys)) {
                reach.add_to(row, 0, query, slope);
                if let Some(by_distance) = by_distance {
                    add_by_distance(row, 0, query, by_distance);
                }
                for (key, score) in row.iter_mut().enumerate() {
                    let is_far = causal && (key > query || key < reach.start(query));
                    if is_far || !keys.input.is_visible(key) {
                        *score = f32::NEG_INFINITY;
                    }
                }
            }
        }
    }

    /// Scores (or pattern) of a layer for all rows of the states: `[n_heads, capacity, capacity]`,
    /// of cross-attention `[n_heads, capacity, source capacity]`.
    pub(super) fn record_scores(
        &self,
        of: Map,
        layer: usize,
        is_pattern: bool,
    ) -> Result<Built, ModelError> {
        let stack = match of {
            Map::Own(stack) => stack,
            Map::Cross => self.spec().stack,
        };
        let (spec, sites) = (self.spec_of(stack), &self.text_of(stack).sites);
        let frame =
            Frame { sites: Some(sites), has_padding: is_pattern, ..Frame::rows(sites.capacity) };
        let mut f = Forward::new(&self.model, spec, frame);
        let rows_of = |recorder: &mut Recorder, hook: Hook| {
            let point = spec.at(hook, layer);
            let (state, _) = sites.find(point, spec).ok_or_else(|| self.too_long_for(point))?;
            let shape = [sites.n_rows(hook), Sites::n_cols(point, spec)];
            Ok::<_, ModelError>(recorder.state(state, shape))
        };
        let (queries, keys, padding, mut hook) = match of {
            Map::Own(_) => (query_hook(spec), key_hook(spec), RunInput::Padding, Hook::AttnScores),
            Map::Cross => (Hook::CrossQ, Hook::CrossK, RunInput::SourcePadding, Hook::CrossScores),
        };
        let mut maps = if spec.fixed_context && of == Map::Cross {
            f.recorder().fill([1, sites.capacity, sites.n_source], 0.0)
        } else {
            let q = rows_of(f.recorder(), queries)?;
            let k = rows_of(f.recorder(), keys)?;
            let heads = AttentionScores { all_keys: true, ..heads_of(spec) };
            match spec.mixer {
                Mixer::Gru => {
                    let v = f.block(layer, |f| f.weight("cross_attn.v_energy"))?;
                    f.recorder().additive_scores(q, k, v)?
                }
                _ => f.recorder().attention_scores(q, k, heads)?,
            }
        };
        if is_pattern {
            // The padding hides what lies beyond the text.
            let padding = Some(f.input(padding));
            let masks = match of {
                Map::Own(_) => f.masks(layer, padding)?,
                Map::Cross => Masks { padding, ..Masks::default() },
            };
            maps = f.recorder().softmax(maps, masks)?;
            hook = if of == Map::Cross { Hook::CrossPattern } else { Hook::Pattern };
        }
        f.recorder().keep(maps);
        let (recording, inputs) = f.finish();
        Ok(Built { stack, recording, inputs, outputs: vec![(hook, maps)] })
    }

    /// The patterns that are kept: where, and their shape `[n_heads, rows, columns]`.
    pub(super) fn kept_maps(&self) -> Vec<(HookPoint, StateId, [usize; 3])> {
        let kept = |point: HookPoint| {
            let sites = &self.text_of(point.stack).sites;
            let n_cols = match point.hook {
                Hook::Pattern => sites.capacity,
                Hook::CrossPattern => sites.n_source,
                _ => return None,
            };
            let n_heads = self.spec_of(point.stack).n_heads;
            Some((point, sites.own_state(point)?, [n_heads, sites.capacity, n_cols]))
        };
        self.spec().points().into_iter().filter_map(kept).collect()
    }

    /// Statistics of every row of every kept pattern, `[n_heads·capacity, 6]` a layer.
    pub(super) fn record_row_sums(&self) -> Result<Built, ModelError> {
        let mut recorder = Recorder::new();
        let mut outputs = Vec::new();
        for (point, map, shape) in self.kept_maps() {
            let map = recorder.state(map, shape);
            let stats = recorder.row_stats(map, EntropyOf::Probabilities)?;
            recorder.keep(stats);
            outputs.push((point.hook, stats));
        }
        let (recording, stack) = (recorder.finish(), self.spec().stack);
        Ok(Built { stack, recording, inputs: Vec::new(), outputs })
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
