//! Where a session keeps what runs leave behind: one state a captured hook and layer.
//!
//! Shapes: rows `[capacity, n_cols]`; statistics of a norm `[capacity, 2]` (mean, scale); patterns
//! `[n_heads, capacity, capacity]`, of cross-attention `[n_heads, capacity, n_source]` beside keys and
//! values `[n_source, n_cols]` of the source; the wall `[n_layers·n_heads, side, side]`.

use std::collections::{BTreeSet, HashMap};

use vitrine_kernels::{Engine, Shape, StateId};

use crate::arch::{Mixer, ModelSpec, NormPosition};
use crate::error::ModelError;
use crate::hook::{Form, Hook, HookPoint, NormSite};

/// Which hooks are kept from run to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    hooks: BTreeSet<Hook>,
}

impl Capture {
    /// Keys and values (or cells) only: what the next token needs.
    pub fn bare() -> Self {
        Self { hooks: BTreeSet::new() }
    }

    /// What the panels of a page need at any time: patterns, queries, keys, values, the residual
    /// stream with what each block adds, and all statistics of norms.
    pub fn live(spec: &ModelSpec) -> Self {
        let hooks = [
            Hook::Embed,
            Hook::EmbedNormScale,
            Hook::ResidPre,
            Hook::Norm1Scale,
            query_hook(spec),
            Hook::Pattern,
            Hook::AttnOut,
            Hook::SsruForget,
            Hook::SsruOut,
            Hook::ResidMid,
            Hook::Norm2Scale,
            Hook::RnnGates,
            Hook::CrossQ,
            Hook::CrossPattern,
            Hook::CrossOut,
            Hook::ResidMidCross,
            Hook::Norm3Scale,
            Hook::MlpOut,
            Hook::ResidPost,
            Hook::NormalizedResidPost,
            Hook::FinalNormScale,
        ];
        Self { hooks: hooks.into_iter().collect() }
    }

    /// Every hook of the model.
    pub fn all(spec: &ModelSpec) -> Self {
        Self::of(spec, spec.hooks())
    }

    /// These hooks, beside keys and values.
    pub fn of(spec: &ModelSpec, hooks: impl IntoIterator<Item = Hook>) -> Self {
        let mut capture = Self::bare();
        hooks.into_iter().for_each(|hook| capture.insert(spec, hook));
        capture
    }

    /// Adds a hook, or what it is computed from.
    pub fn insert(&mut self, spec: &ModelSpec, hook: Hook) {
        self.hooks.insert(match hook {
            Hook::AttnScores => query_hook(spec),
            Hook::CrossScores => Hook::CrossQ,
            Hook::Logits | Hook::PoolerOutput | Hook::NspLogits => output_hook(spec),
            hook => hook,
        });
    }

    /// Whether patterns are kept.
    pub fn has_maps(&self) -> bool {
        self.hooks.contains(&Hook::Pattern)
    }

    /// The same with less and less, for texts whose states would not fit: without the patterns
    /// (they are then computed from queries and keys when asked for), with what patterns and the
    /// lens are computed from, with keys and values alone.
    fn levels(&self, spec: &ModelSpec) -> [Self; 4] {
        let mut without_maps = self.clone();
        without_maps.hooks.remove(&Hook::Pattern);
        if self.has_maps() {
            without_maps.hooks.insert(query_hook(spec));
        }
        if without_maps.hooks.remove(&Hook::CrossPattern) {
            without_maps.hooks.insert(Hook::CrossQ);
        }
        let essential = [query_hook(spec), Hook::CrossQ, Hook::ResidPre].into_iter();
        let hooks = essential.filter(|hook| without_maps.hooks.contains(hook)).collect();
        [self.clone(), without_maps, Self { hooks }, Self::bare()]
    }

    /// The points that get a state of their own.
    fn points(&self, spec: &ModelSpec) -> Vec<HookPoint> {
        let mut hooks = self.hooks.clone();
        hooks.extend([Hook::CrossK, Hook::CrossV]);
        if spec.mixer.fast().is_none() {
            hooks.extend([key_hook(spec), Hook::V]);
        }
        hooks.extend(RECURRENT);
        let mut points: BTreeSet<_> = [output_point(spec)].into_iter().collect();
        for hook in hooks.into_iter().filter(|&hook| spec.has(hook)) {
            let n_layers = if hook.is_per_layer() { spec.n_layers } else { 1 };
            points.extend((0..n_layers).map(|layer| own(spec.at(hook, layer), spec)));
        }
        points.into_iter().collect()
    }
}

/// What recurrent units and fast weights go on from.
const RECURRENT: [Hook; 7] = [
    Hook::SsruCell,
    Hook::RnnStart,
    Hook::RnnHidden,
    Hook::RnnCell,
    Hook::RnnBackHidden,
    Hook::FastWeights,
    Hook::FastSums,
];

/// The hook whose rows meet the keys.
pub(crate) fn query_hook(spec: &ModelSpec) -> Hook {
    if spec.is_rotary() { Hook::RotQ } else { Hook::Q }
}

/// The hook whose rows are the cache of keys.
pub(crate) fn key_hook(spec: &ModelSpec) -> Hook {
    if spec.is_rotary() { Hook::RotK } else { Hook::K }
}

/// The hook of the last layer that the head reads.
pub(crate) fn output_hook(spec: &ModelSpec) -> Hook {
    match spec.norm_position {
        _ if spec.mixer == Mixer::Lstm => Hook::RnnHidden,
        _ if spec.mixer == Mixer::Gru && spec.has_cross() => Hook::Readout,
        _ if spec.mixer == Mixer::Gru => Hook::LastHiddenState,
        NormPosition::Pre | NormPosition::Sandwich => Hook::ResidPost,
        NormPosition::Post => Hook::NormalizedResidPost,
        NormPosition::ResidualDual => Hook::LastHiddenState,
    }
}

/// The point of that hook.
pub(crate) fn output_point(spec: &ModelSpec) -> HookPoint {
    let hook = output_hook(spec);
    spec.at(hook, if hook.is_per_layer() { spec.n_layers - 1 } else { 0 })
}

/// The point whose state holds the values of `point`: means lie beside scales.
fn own(point: HookPoint, spec: &ModelSpec) -> HookPoint {
    let point = point.canonical(spec);
    for site in NormSite::ALL {
        let [mean, scale, _] = site.hooks();
        if point.hook == mean {
            return HookPoint { hook: scale, ..point };
        }
    }
    point
}

/// The states of one stack of a session, all of one capacity.
pub(crate) struct Sites {
    pub capacity: usize,
    /// The source's capacity, in a stack that attends to it.
    pub n_source: usize,
    /// Row states and maps by the point that owns them.
    states: HashMap<HookPoint, StateId>,
    pub wall: Option<Wall>,
    /// What they take, without the wall.
    pub n_bytes: u64,
    /// Whether patterns were to be kept and are not, because they would not fit.
    pub maps_left_out: bool,
}

/// The thumbnails of all patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wall {
    pub state: StateId,
    pub side: usize,
}

impl Sites {
    /// Allocates the states for `capacity` tokens. Patterns grow with its square: where all states
    /// would exceed `max_bytes`, less is kept (see [`Capture::levels`]).
    pub fn allocate(
        engine: &mut Engine,
        spec: &ModelSpec,
        capture: &Capture,
        [capacity, n_source]: [usize; 2],
        wall_side: Option<usize>,
        max_bytes: u64,
    ) -> Result<Self, ModelError> {
        let levels = capture.levels(spec).map(|level| level.points(spec));
        let fitting =
            levels.iter().find(|points| bytes_of(points, spec, [capacity, n_source]) <= max_bytes);
        let Some(points) = fitting else {
            let needed = bytes_of(&levels[levels.len() - 1], spec, [capacity, n_source]);
            let problem =
                format!("keys and values of {capacity} need {needed} bytes, above {max_bytes}");
            return Err(ModelError::input("tokens", problem));
        };
        let has_maps = points.iter().any(|point| point.hook == Hook::Pattern);
        let mut sites = Self {
            capacity,
            n_source,
            states: HashMap::new(),
            wall: None,
            n_bytes: bytes_of(points, spec, [capacity, n_source]),
            maps_left_out: capture.has_maps() && spec.has(Hook::Pattern) && !has_maps,
        };
        let outcome = sites.fill(engine, spec, points, wall_side.filter(|_| has_maps));
        if let Err(err) = outcome {
            sites.free(engine);
            return Err(err);
        }
        Ok(sites)
    }

    fn fill(
        &mut self,
        engine: &mut Engine,
        spec: &ModelSpec,
        points: &[HookPoint],
        wall_side: Option<usize>,
    ) -> Result<(), ModelError> {
        for &point in points {
            let shape = state_shape(point, spec, [self.capacity, self.n_source]);
            self.states.insert(point, engine.add_state(&point.to_string(), shape)?);
        }
        if let Some(side) = wall_side {
            let shape = Shape::from([spec.n_layers * spec.n_heads, side, side]);
            self.wall = Some(Wall { state: engine.add_state("wall", shape)?, side });
        }
        Ok(())
    }

    /// Gives the states back.
    pub fn free(&mut self, engine: &mut Engine) {
        for (_, state) in self.states.drain() {
            engine.remove_state(state);
        }
        if let Some(wall) = self.wall.take() {
            engine.remove_state(wall.state);
        }
    }

    /// The state of a point that owns one; twins are found by [`Sites::find`].
    pub fn own_state(&self, point: HookPoint) -> Option<StateId> {
        self.states.get(&point).copied()
    }

    /// The state that holds a point's values, and the columns.
    pub fn find(
        &self,
        point: HookPoint,
        spec: &ModelSpec,
    ) -> Option<(StateId, std::ops::Range<usize>)> {
        let owner = own(point, spec);
        let state = self.own_state(owner)?;
        let cols = match owner.hook.form() {
            Form::Stat if point.hook.is_mean() => 0..1,
            Form::Stat => 1..2,
            Form::CrossMap => 0..self.n_source,
            _ => 0..owner.n_cols(spec).unwrap_or(self.capacity),
        };
        Some((state, cols))
    }

    /// The patterns of a layer.
    pub fn map(&self, spec: &ModelSpec, layer: usize) -> Option<StateId> {
        self.own_state(spec.at(Hook::Pattern, layer))
    }

    /// Rows of a hook's state.
    pub fn n_rows(&self, hook: Hook) -> usize {
        match hook.form() {
            Form::SourceHeads => self.n_source,
            Form::Start => 1,
            _ => self.capacity,
        }
    }

    /// Columns of a hook's state.
    pub fn n_cols(point: HookPoint, spec: &ModelSpec) -> usize {
        match point.hook.form() {
            Form::Stat => 2,
            _ => point.n_cols(spec).unwrap_or(0),
        }
    }
}

fn state_shape(point: HookPoint, spec: &ModelSpec, [capacity, n_source]: [usize; 2]) -> Shape {
    match point.hook.form() {
        Form::Map => Shape::from([spec.n_heads, capacity, capacity]),
        Form::CrossMap => Shape::from([spec.n_heads, capacity, n_source]),
        Form::SourceHeads => Shape::from([n_source, Sites::n_cols(point, spec)]),
        Form::Start => Shape::from([1, Sites::n_cols(point, spec)]),
        _ => Shape::from([capacity, Sites::n_cols(point, spec)]),
    }
}

fn bytes_of(points: &[HookPoint], spec: &ModelSpec, capacities: [usize; 2]) -> u64 {
    points.iter().map(|point| state_shape(*point, spec, capacities).len() as u64 * 4).sum()
}
