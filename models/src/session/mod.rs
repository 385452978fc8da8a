//! A model at work on one text, or on a source and a target text: tokens in, rows of states
//! filled, values read.
//!
//! What an earlier run left in the states stays valid for the tokens that did not change, so that
//! a keystroke runs only what follows it. Recordings are made once a length and replayed.

pub mod beam;
mod capacity;
pub mod change;
mod heads;
mod input;
mod options;
pub mod patch;
mod read;
mod record;
mod recordings;
pub(crate) mod sites;
mod text;

use std::borrow::Cow;
use std::ops::Range;

use vitrine_kernels::{Control, Engine, InputData, Read, StateId, Step};
use web_time::Instant;

use crate::arch::forward::RunInput;
use crate::arch::{Model, ModelSpec, Products};
use crate::error::ModelError;
use crate::hook::{Form, Hook, HookPoint, Stack};
use crate::trace::Trace;

pub use beam::{BeamNode, BeamTree, Beams, EarlyStopping, Fate, Hypothesis};
pub use change::{Change, Changed};
pub use heads::{Agreement, LensRow, agreement, cosine};
pub use input::Input;
pub use options::Options;
pub use patch::{Part, Patch};
pub use read::Tap;
pub use sites::Capture;

use capacity::{MIN_CAPACITY, allocate};
use recordings::{Built, Key, Recordings};
use text::Text;

/// What is said where a source is given to a model that reads none.
const NO_ENCODER: &str = "this model has no encoder beside a decoder";

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RunInfo {
    /// Tokens whose rows were there already.
    pub n_reused: usize,
    /// Tokens that ran.
    pub n_new: usize,
    /// Milliseconds.
    pub ms: f64,
}

/// The wall of all heads: thumbnail `layer · n_heads + head` of `state` `[n_maps, side, side]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallView {
    /// Where it is in the engine.
    pub state: StateId,
    /// Thumbnails.
    pub n_maps: usize,
    /// Rows and columns of one.
    pub side: usize,
    /// Tokens that one cell stands for, each way.
    pub block: usize,
    /// Cells that are filled, each way.
    pub n_cells: usize,
}

/// A model at work on one text, or on a source and a target.
pub struct Session {
    engine: Engine,
    model: Model,
    options: Options,
    recordings: Recordings,
    patches: Vec<Patch>,
    /// The text, or the target.
    text: Text,
    /// The source, where there is an encoder.
    source: Option<Text>,
    logits: Vec<f32>,
}

impl Session {
    /// Starts a session on an engine that holds the model's weights.
    ///
    /// # Errors
    /// Short memory.
    pub fn new(mut engine: Engine, model: Model, options: Options) -> Result<Self, ModelError> {
        let capacity = if options.is_exact { 1 } else { MIN_CAPACITY.min(model.spec().n_ctx) };
        let (sites, source) = allocate(&mut engine, &model, &options, [capacity; 2])?;
        Ok(Self {
            engine,
            model,
            options,
            recordings: Recordings::default(),
            patches: Vec::new(),
            text: Text::new(sites),
            source: source.map(Text::new),
            logits: Vec::new(),
        })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Sizes and kinds of the model.
    pub fn spec(&self) -> &ModelSpec {
        self.model.spec()
    }

    /// The engine, for drawing from its states.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The engine, for drawing from its states.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Gives the engine back, states freed, weights still there.
    pub fn into_engine(mut self) -> (Engine, Model) {
        self.free();
        (self.engine, self.model)
    }

    /// The tokens whose rows are valid.
    pub fn tokens(&self) -> &[u32] {
        &self.text.input.ids[..self.text.n_filled]
    }

    /// The tokens of the source whose rows are valid.
    pub fn source_tokens(&self) -> &[u32] {
        self.source.as_ref().map_or(&[], |source| &source.input.ids[..source.n_filled])
    }

    /// The stack's text.
    fn text_of(&self, stack: Stack) -> &Text {
        match (&self.source, stack) {
            (Some(source), Stack::Encoder) => source,
            _ => &self.text,
        }
    }

    /// Tokens of the source.
    fn n_source(&self) -> usize {
        self.source.as_ref().map_or(0, |source| source.n_filled)
    }

    /// Sizes and kinds of a stack.
    fn spec_of(&self, stack: Stack) -> &ModelSpec {
        match (&self.spec().encoder, stack) {
            (Some(encoder), Stack::Encoder) => encoder,
            _ => self.spec(),
        }
    }

    /// Logits after the last token; empty where the model has none or no run was completed.
    pub fn last_logits(&self) -> &[f32] {
        &self.logits
    }

    /// The same over the words that the next token is chosen from: −∞ for those that a lexical
    /// shortlist leaves out.
    pub fn choice_logits(&self) -> Cow<'_, [f32]> {
        let Some(shortlist) = self.model.shortlist().filter(|_| self.source.is_some()) else {
            return Cow::Borrowed(&self.logits);
        };
        let mut logits = vec![f32::NEG_INFINITY; self.logits.len()];
        for word in shortlist.candidates(self.source_tokens(), logits.len()) {
            logits[word as usize] = self.logits[word as usize];
        }
        Cow::Owned(logits)
    }

    /// Whether patterns are kept from run to run (rather than computed when asked for).
    pub fn keeps_patterns(&self) -> bool {
        self.text.sites.map(self.spec(), 0).is_some()
    }

    /// The wall of all heads (of the decoder's, where there are two stacks), where it is kept.
    pub fn wall(&self) -> Option<WallView> {
        self.wall_of(self.spec().stack)
    }

    /// The wall of all heads of a stack, where it is kept.
    pub fn wall_of(&self, stack: Stack) -> Option<WallView> {
        let (spec, text) = (self.spec_of(stack), self.text_of(stack));
        let wall = text.sites.wall?;
        let block = text.n_filled.div_ceil(wall.side).max(1);
        Some(WallView {
            state: wall.state,
            n_maps: spec.n_layers * spec.n_heads,
            side: wall.side,
            block,
            n_cells: text.n_filled.div_ceil(block),
        })
    }

    /// The state that holds a point's values, its number of filled rows, and the columns: for
    /// drawing without reading. Patterns: `[n_heads, capacity, capacity]`; of cross-attention the
    /// last axis is the source's capacity.
    pub fn state_of(&self, point: HookPoint) -> Option<(StateId, usize, Range<usize>)> {
        let text = self.text_of(point.stack);
        let (state, cols) = text.sites.find(point, self.spec().of(point)?)?;
        let of_source = point.hook.form() == Form::SourceHeads;
        Some((state, if of_source { self.n_source() } else { text.n_filled }, cols))
    }

    /// The interventions in force.
    pub fn patches(&self) -> &[Patch] {
        &self.patches
    }

    /// Changes the interventions; the next run starts from the first token.
    ///
    /// # Errors
    /// A patch that the model has no place for; then nothing changes.
    pub fn set_patches(&mut self, patches: Vec<Patch>) -> Result<(), ModelError> {
        patches.iter().try_for_each(|patch| patch.check(self.spec()))?;
        if patches != self.patches {
            self.patches = patches;
            self.recordings.clear(&mut self.engine);
            self.forget();
        }
        Ok(())
    }

    /// Changes how rows meet matrices of bytes; the next run starts from the first token.
    pub fn set_products(&mut self, products: Products) {
        if products != self.model.products() {
            self.model.set_products(products);
            self.recordings.clear(&mut self.engine);
            self.forget();
        }
    }

    /// Makes the next run start from the first token, of a source as well.
    pub fn forget(&mut self) {
        self.forget_rows(0);
        if let Some(source) = &mut self.source {
            source.forget_rows(0);
        }
    }

    /// Keeps more hooks from run to run. Returns whether the tokens must run again for that.
    ///
    /// # Errors
    /// Short memory: then what was kept before is kept.
    pub fn want(&mut self, hooks: impl IntoIterator<Item = Hook>) -> Result<bool, ModelError> {
        let before = self.options.capture.clone();
        for hook in hooks {
            self.options.capture.insert(self.model.spec(), hook);
        }
        if self.options.capture == before {
            return Ok(false);
        }
        let capacities = self.capacities();
        let outcome = self.reallocate(capacities);
        if outcome.is_err() {
            self.options.capture = before;
            self.reallocate(capacities)?;
        }
        outcome.map(|()| true)
    }

    /// Runs the tokens that are new since the last run (all of them in encoders, where every token
    /// sees every other). After an error or a cancellation the rows before are still valid.
    ///
    /// # Errors
    /// A text that the model cannot take; what the engine reports; cancellation.
    pub async fn set_tokens(
        &mut self,
        input: &Input,
        control: &Control,
    ) -> Result<RunInfo, ModelError> {
        Ok(self.set_tokens_reading(input, &[], control).await?.0)
    }

    /// [`Session::set_tokens`], and hooks of all tokens by the same submit and the same map: those
    /// that are kept, if something ran at all. What is missing in the trace is for
    /// [`Session::read`].
    ///
    /// # Errors
    /// As [`Session::set_tokens`].
    pub async fn set_tokens_reading(
        &mut self,
        input: &Input,
        taps: &[Tap],
        control: &Control,
    ) -> Result<(RunInfo, Trace), ModelError> {
        let start = Instant::now();
        input.check(self.spec())?;
        self.set_source(input.source.as_deref(), control).await?;
        let n_tokens = input.ids.len();
        let n_shared = self.text.input.n_shared(input).min(self.text.n_filled);
        let is_same = n_shared == n_tokens && self.text.n_filled == n_tokens;
        let is_complete = !self.spec().has_logits || !self.spec().causal || !self.logits.is_empty();
        if is_same && is_complete {
            return Ok((RunInfo { n_reused: n_tokens, n_new: 0, ms: 0.0 }, Trace::default()));
        }
        // The last token always runs: its logits are wanted, and only the last row's are computed.
        let past = if self.spec().causal { n_shared.min(n_tokens - 1) } else { 0 };
        self.forget_rows(past);
        self.text.input = input.clone();
        self.reserve([n_tokens, self.n_source()], control).await?;
        let past = self.text.n_filled;
        let max_rows = match self.spec() {
            spec if spec.is_stepwise() => 1,
            spec if spec.causal => self.options.max_rows,
            _ => n_tokens,
        };
        let mut trace = Trace::default();
        while self.text.n_filled < n_tokens {
            let end = (self.text.n_filled + max_rows).min(n_tokens);
            let taps = if end == n_tokens { taps } else { &[] };
            trace = self.run_rows(end, end == n_tokens, taps, control).await?;
        }
        let ms = start.elapsed().as_secs_f64() * 1e3;
        Ok((RunInfo { n_reused: past, n_new: n_tokens - past, ms }, trace))
    }

    /// Runs the encoder where the source is another than before; no row of the target is valid
    /// then.
    async fn set_source(
        &mut self,
        input: Option<&Input>,
        control: &Control,
    ) -> Result<(), ModelError> {
        let (encoder, input) = match (&self.spec().encoder, input) {
            (None, None) => return Ok(()),
            (Some(encoder), Some(input)) => (encoder, input),
            (None, Some(_)) => return Err(ModelError::input("source", NO_ENCODER)),
            (Some(_), None) => return Err(ModelError::input("source", "is missing")),
        };
        input.check(encoder)?;
        let n_tokens = input.ids.len();
        let is_same = |source: &Text| source.n_filled == n_tokens && source.input == *input;
        if self.source.as_ref().is_some_and(is_same) {
            return Ok(());
        }
        self.forget();
        self.reserve([1, n_tokens], control).await?;
        if let Some(source) = &mut self.source {
            source.input = input.clone();
        }
        self.run_source(control).await
    }

    /// Runs all rows of the source.
    async fn run_source(&mut self, control: &Control) -> Result<(), ModelError> {
        let Some(source) = &self.source else { return Ok(()) };
        let n_rows = source.input.ids.len();
        let has_padding = source.input.attention_mask.is_some();
        let built = self.recording(Key::Source { n_rows, has_padding })?;
        self.run(&built, 0..n_rows, &[], Step::default(), &[], control).await?;
        if let Some(source) = &mut self.source {
            (source.n_filled, source.n_painted) = (n_rows, n_rows);
        }
        Ok(())
    }

    /// Appends one token and runs it.
    ///
    /// # Errors
    /// As [`Session::set_tokens`].
    pub async fn next(&mut self, token: u32, control: &Control) -> Result<RunInfo, ModelError> {
        Ok(self.next_reading(token, &[], control).await?.0)
    }

    /// [`Session::next`], and hooks as [`Session::set_tokens_reading`] reads them.
    ///
    /// # Errors
    /// As [`Session::set_tokens`].
    pub async fn next_reading(
        &mut self,
        token: u32,
        taps: &[Tap],
        control: &Control,
    ) -> Result<(RunInfo, Trace), ModelError> {
        let mut input = self.text.input.clone();
        input.ids.truncate(self.text.n_filled);
        input.ids.push(token);
        for (list, value) in [(&mut input.token_types, 0), (&mut input.attention_mask, 1)] {
            if let Some(list) = list {
                list.truncate(self.text.n_filled);
                list.push(value);
            }
        }
        self.set_tokens_reading(&input, taps, control).await
    }

    /// Runs rows `n_filled..end` of the input, and reads of the taps those that are kept.
    async fn run_rows(
        &mut self,
        end: usize,
        is_last: bool,
        taps: &[Tap],
        control: &Control,
    ) -> Result<Trace, ModelError> {
        let (past, n_rows) = (self.text.n_filled, end - self.text.n_filled);
        let has_padding = self.text.input.attention_mask.is_some();
        let spec = self.spec();
        let has_head = is_last && spec.has_logits && spec.causal;
        let key = Key::Pass { n_rows, has_padding, has_head };
        let built = self.recording(key)?;
        let outputs = built.outputs.iter().map(|&(_, id)| Read::tensor(&built.recording, id));
        let (taps, kept) = self.kept_reads(taps, end);
        let reads: Vec<_> = outputs.chain(kept).collect();
        let step = Step { past: past as u32, thumbnail_from: self.thumbnail_from(end) };
        self.text.n_painted = 0;
        let mut values = self.run(&built, past..end, &[], step, &reads, control).await?;
        let of_taps = values.split_off(built.outputs.len());
        self.logits = values.into_iter().next().unwrap_or_default();
        self.text.n_filled = end;
        self.text.n_painted = end;
        let tensors = taps.into_iter().zip(of_taps);
        Ok(Trace::new(tensors.map(|(tap, values)| self.tensor_of(tap, values)).collect()))
    }

    /// First row whose thumbnail must be painted for `end` tokens: all if a cell now stands for
    /// more tokens, or if the wall shows other tokens than the states hold.
    fn thumbnail_from(&self, end: usize) -> u32 {
        let Some(wall) = self.text.sites.wall else { return 0 };
        let block = |n: usize| n.div_ceil(wall.side).max(1);
        let is_continued = self.text.n_painted == self.text.n_filled && self.text.n_painted > 0;
        if is_continued && block(self.text.n_painted) == block(end) {
            self.text.n_filled as u32
        } else {
            0
        }
    }

    /// Runs a recording over the rows `rows` of the input, or over the rows given.
    async fn run(
        &mut self,
        built: &Built,
        rows: Range<usize>,
        given: &[f32],
        step: Step,
        reads: &[Read],
        control: &Control,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        let (spec, text) = (self.spec_of(built.stack), self.text_of(built.stack));
        let input = &text.input;
        let ids = input.ids[rows.clone()].to_vec();
        let positions = input.positions(spec, rows.clone());
        let embed_factors = input.embed_factors(spec, rows.clone());
        let replaced = self.replaced(built.stack, rows.clone());
        let token_types: Vec<u32> = rows.clone().map(|row| input.token_type(row)).collect();
        let padding = text.padding();
        let source_padding = self.source.as_ref().map_or(Vec::new(), Text::padding);
        let last_row = [rows.len().saturating_sub(1) as u32];
        // Past all rows where there is none.
        let row_before = [(rows.start as u32).wrapping_sub(1)];
        let start_row = [if rows.start == 0 { 0 } else { u32::MAX }];
        let data: Vec<_> = built
            .inputs
            .iter()
            .map(|kind| match kind {
                RunInput::Ids => InputData::U32(&ids),
                RunInput::Positions => InputData::U32(&positions),
                RunInput::TokenTypes => InputData::U32(&token_types),
                RunInput::Padding => InputData::U32(&padding),
                RunInput::SourcePadding => InputData::U32(&source_padding),
                RunInput::LastRow => InputData::U32(&last_row),
                RunInput::FirstRow => InputData::U32(&[0]),
                RunInput::RowBefore => InputData::U32(&row_before),
                RunInput::StartRow => InputData::U32(&start_row),
                RunInput::Rows => InputData::F32(given),
                RunInput::EmbedFactors => InputData::F32(&embed_factors),
                RunInput::Replaced => InputData::F32(&replaced),
                // Only batches have these; the engine would refuse their length.
                RunInput::SourceIds | RunInput::SourcePositions | RunInput::Seed => {
                    InputData::U32(&[])
                }
            })
            .collect();
        Ok(self.engine.run(&built.recording, &data, step, reads, control).await?)
    }

    /// What a patch puts into rows of its hook, `[n, n_cols]`; zeros beside it.
    fn replaced(&self, stack: Stack, rows: Range<usize>) -> Vec<f32> {
        let spec = self.spec_of(stack);
        let own = self.patches.iter().find_map(|patch| Some((patch, patch.values.as_ref()?)));
        let Some((patch, values)) = own else { return Vec::new() };
        let (n_cols, cols) = (patch.point.n_cols(spec).unwrap_or(0), patch.columns(spec));
        let mut all = vec![0.0; rows.len() * n_cols];
        let given = values.chunks_exact(cols.len().max(1)).skip(rows.start);
        for (row, given) in all.chunks_exact_mut(n_cols.max(1)).zip(given) {
            row[cols.clone()].copy_from_slice(given);
        }
        all
    }
}
