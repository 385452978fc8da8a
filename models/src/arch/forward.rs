//! What a forward pass is written with: weights by name, hooks, norms, attention over the cache.
//!
//! The pass never sees states, captures or patches: it passes every tensor that has a name
//! through [`Forward::hook`], and what the session wants to keep or change is recorded there. Nor
//! does it see whether a text or a batch of training runs: what differs are the rows, the op of
//! attention ([`Forward::attention`]) and where [`Forward::dropout`] drops something.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::attention_scores::AttentionScores;
use vitrine_kernels::ops::attention_values::AttentionValues;
use vitrine_kernels::ops::layer_norm::Normed;
use vitrine_kernels::ops::rope::Rope;
use vitrine_kernels::ops::scale::Scale;
use vitrine_kernels::ops::softmax::Masks;
use vitrine_kernels::ops::thumbnail::Thumbnail;
use vitrine_kernels::{DType, Recorder, StateId, TensorId};

use super::batch::Batch;
use super::load::{Place, Weight};
use super::names::{block_prefix, canonical};
use super::{Model, ModelSpec, NormKind, Positions, Products};
use crate::error::ModelError;
use crate::hook::{Hook, NormSite, Stack};
use crate::session::patch::Patch;
use crate::session::sites::{Sites, key_hook};

/// What a run uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunInput {
    /// Token ids, `[T]`.
    Ids,
    /// Positions, `[T]`.
    Positions,
    /// Segments, `[T]`.
    TokenTypes,
    /// Which tokens count, `[capacity]`.
    Padding,
    /// Which tokens of the source count, `[source capacity]`.
    SourcePadding,
    /// Index of the last row, `[1]`.
    LastRow,
    /// Index of the first row, `[1]`.
    FirstRow,
    /// Index of the row before the first of this run, `[1]`; past all rows where there is none.
    RowBefore,
    /// 0 where this run begins a text, `[1]`; else past all rows.
    StartRow,
    /// Rows given by the caller, `[n, d_model]`.
    Rows,
    /// Factors on the token embeddings, `[T, 1]`.
    EmbedFactors,
    /// What a patch puts in the place of a head's output, zeros beside it, `[T, n_heads·d_head]`.
    Replaced,
    /// Token ids of the sources of a batch, `[B·S]`.
    SourceIds,
    /// Positions of the sources of a batch, `[B·S]`.
    SourcePositions,
    /// What dropout draws from, `[2]`.
    Seed,
}

/// For which rows, states and patches a pass is recorded.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    /// T.
    pub n_rows: usize,
    /// Where rows are kept; `None` for heads over rows that the caller gives.
    pub sites: Option<&'a Sites>,
    /// Whether a padding mask comes with each run.
    pub has_padding: bool,
    /// Interventions.
    pub patches: &'a [Patch],
    /// A batch of training rather than one text; then there are no sites.
    pub batch: Option<Batch>,
}

impl Frame<'static> {
    /// Rows that nobody keeps.
    pub fn rows(n_rows: usize) -> Self {
        Self { n_rows, sites: None, has_padding: false, patches: &[], batch: None }
    }
}

/// A pass being recorded.
pub struct Forward<'a> {
    pub(super) recorder: Recorder,
    pub(super) model: &'a Model,
    pub(super) frame: Frame<'a>,
    pub(super) spec: &'a ModelSpec,
    inputs: Vec<(RunInput, TensorId)>,
    pub(super) layer: Option<usize>,
    /// The hidden states of an encoder's unit that reads backwards.
    read_backwards: Option<TensorId>,
    /// What the decoder of a batch asks of its sources, by layer.
    pub(super) source_keys: Vec<(Hook, Option<usize>, TensorId)>,
    /// Places that have dropped values so far.
    pub(super) n_drops: u32,
}

impl<'a> Forward<'a> {
    pub(crate) fn new(model: &'a Model, spec: &'a ModelSpec, frame: Frame<'a>) -> Self {
        Self {
            recorder: Recorder::new(),
            model,
            frame,
            spec,
            inputs: Vec::new(),
            layer: None,
            source_keys: Vec::new(),
            read_backwards: None,
            n_drops: 0,
        }
    }

    /// Goes on in another stack, whose rows are kept at `sites`.
    pub(crate) fn turn_to(&mut self, spec: &'a ModelSpec, sites: &'a Sites) {
        self.spec = spec;
        self.frame.sites = Some(sites);
    }

    /// Keeps what an encoder read backwards, for what the decoder starts from.
    pub(super) fn set_read_backwards(&mut self, hidden: TensorId) {
        self.read_backwards = Some(hidden);
    }

    /// What an encoder read backwards.
    ///
    /// # Errors
    /// If none was recorded before.
    pub(super) fn read_backwards(&self) -> Result<TensorId, ModelError> {
        self.read_backwards.ok_or_else(|| ModelError::input("source", "is missing"))
    }

    /// Ends the recording; the inputs in the order in which a run uploads them.
    pub(crate) fn finish(self) -> (vitrine_kernels::Recording, Vec<RunInput>) {
        (self.recorder.finish(), self.inputs.into_iter().map(|(kind, _)| kind).collect())
    }

    /// The recorder, for ops that have no shorthand here.
    pub fn recorder(&mut self) -> &mut Recorder {
        &mut self.recorder
    }

    /// Sizes and kinds of the stack.
    pub fn spec(&self) -> &'a ModelSpec {
        self.spec
    }

    /// Records one block.
    ///
    /// # Errors
    /// Those of `body`.
    pub fn block<R>(
        &mut self,
        layer: usize,
        body: impl FnOnce(&mut Self) -> Result<R, ModelError>,
    ) -> Result<R, ModelError> {
        self.layer = Some(layer);
        self.recorder.enter(format!("{}{layer}", block_prefix(self.spec.stack)));
        let result = body(self);
        self.recorder.leave();
        self.layer = None;
        result
    }

    pub(crate) fn input(&mut self, kind: RunInput) -> TensorId {
        // The two stacks of a batch are one recording.
        let is_source = self.frame.batch.is_some() && self.spec.stack == Stack::Encoder;
        let kind = match kind {
            RunInput::Ids if is_source => RunInput::SourceIds,
            RunInput::Positions if is_source => RunInput::SourcePositions,
            RunInput::Padding if is_source => RunInput::SourcePadding,
            kind => kind,
        };
        if let Some((_, id)) = self.inputs.iter().find(|(known, _)| *known == kind) {
            return *id;
        }
        let n_rows = self.frame.n_rows;
        let id = match kind {
            RunInput::Ids
            | RunInput::Positions
            | RunInput::TokenTypes
            | RunInput::SourceIds
            | RunInput::SourcePositions => self.recorder.input([n_rows], DType::U32),
            RunInput::Padding => {
                let capacity = self.frame.sites.map_or(n_rows, |sites| sites.capacity);
                self.recorder.input([capacity], DType::U32)
            }
            RunInput::SourcePadding => {
                let of_batch = self.frame.batch.map_or(0, |batch| batch.n_rows(Stack::Encoder));
                let n_source = self.frame.sites.map_or(of_batch, |sites| sites.n_source);
                self.recorder.input([n_source], DType::U32)
            }
            RunInput::LastRow | RunInput::FirstRow | RunInput::RowBefore | RunInput::StartRow => {
                self.recorder.input([1], DType::U32)
            }
            RunInput::Seed => self.recorder.input([2], DType::U32),
            RunInput::EmbedFactors => self.recorder.input([n_rows, 1], DType::F32),
            RunInput::Replaced => {
                let n_cols = self.spec().n_heads * self.spec().d_head;
                self.recorder.input([n_rows, n_cols], DType::F32)
            }
            RunInput::Rows => self.recorder.input([n_rows, self.spec().d_model], DType::F32),
        };
        self.inputs.push((kind, id));
        id
    }

    /// Token ids, `[T]`.
    pub fn ids(&mut self) -> TensorId {
        self.input(RunInput::Ids)
    }

    /// Positions, `[T]`: of learned ones the rows of the table; else 0, 1, … over the whole text,
    /// padding or not, as in transformers.
    pub fn positions(&mut self) -> TensorId {
        self.input(RunInput::Positions)
    }

    /// Segments, `[T]`.
    pub fn token_types(&mut self) -> TensorId {
        self.input(RunInput::TokenTypes)
    }

    /// Whether a weight was loaded, by its name within the block.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// A weight by its name within the block. Tables that an encoder has not are the decoder's.
    fn find(&self, name: &str) -> Option<Weight> {
        let is_shared = matches!(name, "embed.W_E" | "pos_embed.W_pos");
        let own = self.model.weight(&self.full_name(name));
        own.or_else(|| is_shared.then(|| self.model.weight(name)).flatten())
    }

    /// A weight by its name within the block.
    ///
    /// # Errors
    /// If none of that name was loaded.
    pub fn weight(&mut self, name: &str) -> Result<TensorId, ModelError> {
        let weight = self.find(name).ok_or_else(|| ModelError::MissingTensor {
            file: self.model.name().to_owned(),
            tensor: self.full_name(name),
        })?;
        Ok(self.place(weight))
    }

    /// A weight in this recording: a constant, or a parameter that training changes.
    fn place(&mut self, weight: Weight) -> TensorId {
        match weight.place {
            Place::Constant(id) => self.recorder.weight(id, weight.shape, weight.dtype),
            Place::Parameter(state) => self.recorder.state(state, weight.shape),
        }
    }

    /// A weight outside of the blocks.
    fn weight_of_stack(&mut self, name: &str) -> Result<TensorId, ModelError> {
        let layer = self.layer.take();
        let weight = self.weight(name);
        self.layer = layer;
        weight
    }

    /// Rows of a table.
    ///
    /// # Errors
    /// If there is no such table.
    pub fn gather(&mut self, table: &str, ids: TensorId) -> Result<TensorId, ModelError> {
        let table = self.weight(table)?;
        Ok(self.recorder.gather(table, ids)?)
    }

    /// `x·Wᵀ`, plus the bias if one was loaded: `attn.Q` uses `attn.W_Q` and `attn.b_Q`.
    ///
    /// # Errors
    /// If there is no such matrix or its shape does not fit.
    pub fn linear(&mut self, x: TensorId, name: &str) -> Result<TensorId, ModelError> {
        let (part, letter) = name.rsplit_once('.').unwrap_or(("", name));
        let w = self.weight(&format!("{part}.W_{letter}"))?;
        let bias = format!("{part}.b_{letter}");
        let bias = if self.has(&bias) { Some(self.weight(&bias)?) } else { None };
        self.product(x, w, bias, &format!("{part}.a_{letter}"))
    }

    /// `x·Wᵀ`, plus the bias; of bytes in integers, with the factor on x that the weight `alpha`
    /// is, where the model is told so and has it.
    ///
    /// # Errors
    /// If the shapes do not fit.
    pub(crate) fn product(
        &mut self,
        x: TensorId,
        w: TensorId,
        bias: Option<TensorId>,
        alpha: &str,
    ) -> Result<TensorId, ModelError> {
        if self.model.products() == Products::Bytes && self.has(alpha) {
            let alpha = self.weight(alpha)?;
            return Ok(self.recorder.linear_int8(x, w, alpha, bias)?);
        }
        Ok(self.recorder.linear(x, w, bias)?)
    }

    /// A norm with the weights `{name}.w` and `{name}.b` (where loaded); its statistics are the
    /// hooks of `site`.
    ///
    /// # Errors
    /// If the weights do not fit.
    pub fn norm(
        &mut self,
        site: NormSite,
        name: &str,
        x: TensorId,
    ) -> Result<TensorId, ModelError> {
        let spec = self.spec();
        if spec.norm == NormKind::None {
            return Ok(x);
        }
        let [_, scale, normalized] = site.hooks();
        let normed = self.plain_norm(name, x)?;
        self.capture(scale, normed.stats)?;
        if self.state(normalized).is_some() {
            let before_gain = match spec.norm {
                NormKind::LayerNorm | NormKind::None => normed,
                NormKind::RmsNorm => self.recorder.rms_norm(x, None, spec.norm_eps)?,
            };
            self.capture(normalized, before_gain.y)?;
        }
        Ok(normed.y)
    }

    /// A norm without hooks, for heads; one there is.
    ///
    /// # Errors
    /// If the weights do not fit.
    pub fn plain_norm(&mut self, name: &str, x: TensorId) -> Result<Normed, ModelError> {
        let spec = self.spec();
        let (w, b) = (format!("{name}.w"), format!("{name}.b"));
        let gain = if self.has(&w) { Some(self.weight(&w)?) } else { None };
        let bias = if self.has(&b) { Some(self.weight(&b)?) } else { None };
        Ok(match spec.norm {
            NormKind::LayerNorm | NormKind::None => {
                self.recorder.layer_norm(x, gain, bias, spec.norm_eps)?
            }
            NormKind::RmsNorm => self.recorder.rms_norm(x, gain, spec.norm_eps)?,
        })
    }

    /// Names a tensor `[T, …]`: interventions act on it, and it is kept if somebody wants it. The
    /// pass goes on with the result.
    ///
    /// # Errors
    /// If the tensor has not the hook's shape.
    pub fn hook(&mut self, hook: Hook, x: TensorId) -> Result<TensorId, ModelError> {
        let spec = self.spec();
        let point = spec.at(hook, self.layer.unwrap_or(0));
        let mut x = x;
        for patch in self.frame.patches.iter().filter(|patch| patch.point.is_same(point, spec)) {
            if point.canonical(spec) == point {
                let scale = Scale {
                    rows: patch.changed_rows(spec),
                    cols: patch.columns(spec),
                    factor: patch.factor,
                };
                x = self.recorder.scale(x, scale)?;
                if patch.values.is_some() {
                    let given = self.input(RunInput::Replaced);
                    x = self.recorder.add(x, given)?;
                }
            }
        }
        self.capture(hook, x)?;
        let is_of_source = matches!(hook, Hook::CrossK | Hook::CrossV | Hook::RnnStart);
        if self.frame.batch.is_some() && is_of_source {
            self.source_keys.push((hook, self.layer, x));
        }
        Ok(x)
    }

    /// `activation(x)`.
    ///
    /// # Errors
    /// If the recording refuses.
    pub fn activation(&mut self, x: TensorId, kind: Activation) -> Result<TensorId, ModelError> {
        Ok(self.recorder.activation(x, kind)?)
    }

    /// `a + b`.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn add(&mut self, a: TensorId, b: TensorId) -> Result<TensorId, ModelError> {
        Ok(self.recorder.add(a, b)?)
    }

    /// Turns queries or keys by their positions, where the model does that.
    ///
    /// # Errors
    /// If the columns are not whole heads.
    pub fn rope(&mut self, x: TensorId) -> Result<TensorId, ModelError> {
        let spec = self.spec();
        let Positions::Rotary { n_rotary, base, pairs } = spec.positions else { return Ok(x) };
        let positions = self.positions();
        let factors = self.model.weight("rope.factors").map(|weight| self.place(weight));
        let params =
            Rope { d_head: spec.d_head, n_rotary, base, pairs, has_factors: false, inverse: false };
        Ok(self.recorder.rope(x, positions, factors, params)?)
    }

    /// Attention over all tokens so far: z `[T, n_heads·d_head]`. Queries, keys and values have
    /// passed their hooks, so that the cache holds them.
    ///
    /// # Errors
    /// If the columns are not whole heads.
    pub fn attention(
        &mut self,
        q: TensorId,
        k: TensorId,
        v: TensorId,
    ) -> Result<TensorId, ModelError> {
        if let Some(batch) = self.frame.batch {
            return self.batch_attention([q, k, v], batch, false);
        }
        let spec = self.spec();
        let heads = heads_of(spec);
        let key_hook = key_hook(spec);
        let keys = self.state(key_hook).map_or(k, |state| self.rows_state(key_hook, state));
        let values = self.state(Hook::V).map_or(v, |state| self.rows_state(Hook::V, state));
        let padding =
            if self.frame.has_padding { Some(self.input(RunInput::Padding)) } else { None };
        let layer = self.layer.unwrap_or(0);
        let maps = self.frame.sites.and_then(|sites| Some((sites, sites.map(spec, layer)?)));
        let masks = self.masks(layer, padding)?;
        let Some((sites, map)) = maps else {
            let attended = self.recorder.attention_tiled([q, keys, values], masks, heads)?;
            return Ok(attended.z);
        };
        let shape = [spec.n_heads, sites.capacity, sites.capacity];
        let scores = self.recorder.attention_scores(q, keys, heads)?;
        let pattern = self.recorder.state(map, shape);
        self.recorder.softmax_into(scores, masks, pattern)?;
        if let Some(wall) = &sites.wall {
            let shape = [spec.n_layers * spec.n_heads, wall.side, wall.side];
            let wall = self.recorder.state(wall.state, shape);
            let params = Thumbnail { first_map: layer * spec.n_heads, n_rows: self.frame.n_rows };
            self.recorder.thumbnail(pattern, wall, params)?;
        }
        self.weighted(pattern, values, false)
    }

    /// Attention over the source: z `[T, n_heads·d_head]`. Its keys and values are states that the
    /// encoder's run has filled.
    ///
    /// # Errors
    /// If the columns are not whole heads, or there are no such states.
    pub fn cross_attention(&mut self, q: TensorId) -> Result<TensorId, ModelError> {
        if let Some(batch) = self.frame.batch {
            return self.batch_cross_attention(q, batch);
        }
        let spec = self.spec();
        let (keys, values) = (self.needed_state(Hook::CrossK)?, self.needed_state(Hook::CrossV)?);
        let heads = AttentionScores { all_keys: true, ..heads_of(spec) };
        // The padding hides what lies beyond the source as well.
        let masks =
            Masks { padding: Some(self.input(RunInput::SourcePadding)), ..Masks::default() };
        let Some(pattern) = self.cross_map() else {
            let attended = self.recorder.attention_tiled([q, keys, values], masks, heads)?;
            return Ok(attended.z);
        };
        let scores = self.recorder.attention_scores(q, keys, heads)?;
        self.recorder.softmax_into(scores, masks, pattern)?;
        self.weighted(pattern, values, true)
    }

    /// The cells of a recurrent unit after each token, from the gates before their sigmoid and
    /// what is taken up: all `[T, d_model]`.
    ///
    /// # Errors
    /// If there is no state of cells.
    pub fn ssru(&mut self, forget: TensorId, candidate: TensorId) -> Result<TensorId, ModelError> {
        let cells = self.needed_state(Hook::SsruCell)?;
        Ok(self.recorder.ssru(forget, candidate, cells)?)
    }

    /// The state of a hook without which the pass cannot go on.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn needed_state(&mut self, hook: Hook) -> Result<TensorId, ModelError> {
        let state = self
            .state(hook)
            .ok_or_else(|| ModelError::input(hook.name(), "has no state to go on from"))?;
        Ok(self.rows_state(hook, state))
    }

    /// The maps of cross-attention, where they are kept.
    pub(super) fn cross_map(&mut self) -> Option<TensorId> {
        let (map, sites) = self.state(Hook::CrossPattern).zip(self.frame.sites)?;
        let shape = [self.spec.n_heads, sites.capacity, sites.n_source];
        Some(self.recorder.state(map, shape))
    }

    /// Sums of values, weighted by the rows of a pattern that this run has written.
    pub(super) fn weighted(
        &mut self,
        pattern: TensorId,
        values: TensorId,
        all_values: bool,
    ) -> Result<TensorId, ModelError> {
        let spec = self.spec();
        let params = AttentionValues {
            n_heads: spec.n_heads,
            n_kv_heads: spec.n_kv_heads,
            d_head: if all_values { spec.d_value() } else { spec.d_head },
            all_values,
            pattern_in_state: true,
            values_in_state: !all_values,
        };
        Ok(self.recorder.attention_values(pattern, values, self.frame.n_rows, params)?)
    }

    /// What the queries of a layer see.
    ///
    /// # Errors
    /// If biases by distance are missing.
    pub(crate) fn masks(
        &mut self,
        layer: usize,
        padding: Option<TensorId>,
    ) -> Result<Masks, ModelError> {
        let spec = self.spec();
        let distances = match spec.has_buckets() {
            true => Some(self.weight_of_stack("rel_pos.W_bias")?), // [n_heads, 2R + 1]
            false => None,
        };
        let reach = spec.reach(layer);
        Ok(Masks { causal: spec.causal, until_filled: true, padding, bias: None, distances, reach })
    }

    /// Appends rows to the hook's state, if it has one.
    fn capture(&mut self, hook: Hook, x: TensorId) -> Result<(), ModelError> {
        if let Some(state) = self.state(hook) {
            let state = self.rows_state(hook, state);
            self.recorder.append(x, state)?;
        }
        Ok(())
    }

    /// The hook's own state; a hook that is another one's twin is captured there.
    fn state(&self, hook: Hook) -> Option<StateId> {
        let point = self.spec.at(hook, self.layer.unwrap_or(0));
        self.frame.sites?.own_state(point)
    }

    fn rows_state(&mut self, hook: Hook, state: StateId) -> TensorId {
        let n_rows = self.frame.sites.map_or(0, |sites| sites.n_rows(hook));
        let n_cols = Sites::n_cols(self.spec.at(hook, self.layer.unwrap_or(0)), self.spec);
        self.recorder.state(state, [n_rows, n_cols])
    }

    fn full_name(&self, name: &str) -> String {
        canonical(self.spec.stack, self.layer, name)
    }
}

/// How a model's queries and keys divide into heads.
pub(crate) fn heads_of(spec: &ModelSpec) -> AttentionScores {
    AttentionScores {
        n_heads: spec.n_heads,
        n_kv_heads: spec.n_kv_heads,
        d_head: spec.d_head,
        scale: spec.attn_scale,
        all_keys: false,
        keys_in_state: false,
    }
}
