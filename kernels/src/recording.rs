//! The recording: ordered ops over symbolic tensors, with every shape checked as it is pushed.
//!
//! Recordings are static. What changes from run to run without recording anew is the content of
//! the inputs and the [`Step`](crate::Step): how many rows of the states are already filled.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::RecordError;
use crate::ops::Op;
use crate::tensor::{DType, Shape, StateId, TensorId, WeightId};

/// Where a tensor's values come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A constant held by the engine.
    Weight(WeightId),
    /// A buffer that outlives the run; ops may write into it.
    State(StateId),
    /// Uploaded with each run; the index into the run's inputs.
    Input(usize),
    /// Written by the node of that index.
    Computed(usize),
}

/// Declaration of one tensor of a recording.
#[derive(Clone, Debug)]
pub struct Tensor {
    /// Its shape.
    pub shape: Shape,
    /// How it is stored.
    pub dtype: DType,
    /// Where it comes from.
    pub source: Source,
    /// Computed tensors only: must stay readable after the run (its memory is not reused).
    pub kept: bool,
}

/// One recorded op.
#[derive(Clone, Debug)]
pub struct Node {
    /// Which op, with its parameters.
    pub op: Op,
    /// Operands, in the order that the op documents.
    pub inputs: Vec<TensorId>,
    /// Results, in the order that the op documents. A state among them is written in place.
    pub outputs: Vec<TensorId>,
    /// Dotted path of scopes, for profiles and error messages.
    pub scope: String,
}

/// A finished recording. Engines cache what they build from it under [`Recording::id`].
#[derive(Debug)]
pub struct Recording {
    id: u64,
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
    inputs: Vec<TensorId>,
}

impl Recording {
    /// Unique within the process.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// All declarations; [`TensorId::index`] points here.
    pub fn tensors(&self) -> &[Tensor] {
        &self.tensors
    }

    /// The declaration of one tensor.
    pub fn tensor(&self, id: TensorId) -> &Tensor {
        &self.tensors[id.index()]
    }

    /// The ops, in execution order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The inputs that each run uploads, in order.
    pub fn inputs(&self) -> &[TensorId] {
        &self.inputs
    }
}

/// Builds a [`Recording`]. The ops add their own methods, each in its own room under `ops/`.
#[derive(Debug, Default)]
pub struct Recorder {
    tensors: Vec<Tensor>,
    nodes: Vec<Node>,
    inputs: Vec<TensorId>,
    scopes: Vec<String>,
}

impl Recorder {
    /// An empty recording.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `body` within a named scope.
    pub fn scoped<R>(&mut self, name: impl Into<String>, body: impl FnOnce(&mut Self) -> R) -> R {
        self.scopes.push(name.into());
        let result = body(self);
        self.scopes.pop();
        result
    }

    /// Opens a named scope, for callers that hold the recorder within something else.
    pub fn enter(&mut self, name: impl Into<String>) {
        self.scopes.push(name.into());
    }

    /// Closes the innermost scope.
    pub fn leave(&mut self) {
        self.scopes.pop();
    }

    /// The current scope, joined with dots.
    pub fn scope(&self) -> String {
        self.scopes.join(".")
    }

    /// Declares an input of each run.
    pub fn input(&mut self, shape: impl Into<Shape>, dtype: DType) -> TensorId {
        let id = self.declare(shape.into(), dtype, Source::Input(self.inputs.len()));
        self.inputs.push(id);
        id
    }

    /// Refers to a weight that the engine holds.
    pub fn weight(&mut self, weight: WeightId, shape: impl Into<Shape>, dtype: DType) -> TensorId {
        self.declare_once(shape.into(), dtype, Source::Weight(weight))
    }

    /// Refers to a state that the engine holds.
    pub fn state(&mut self, state: StateId, shape: impl Into<Shape>) -> TensorId {
        self.declare_once(shape.into(), DType::F32, Source::State(state))
    }

    /// Shape of a declared tensor.
    pub fn shape(&self, id: TensorId) -> Shape {
        self.tensors[id.index()].shape
    }

    /// Storage type of a declared tensor.
    pub fn dtype(&self, id: TensorId) -> DType {
        self.tensors[id.index()].dtype
    }

    /// Keeps a computed tensor readable after the run.
    pub fn keep(&mut self, id: TensorId) {
        self.tensors[id.index()].kept = true;
    }

    /// Ends the recording.
    pub fn finish(self) -> Recording {
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        Recording {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            tensors: self.tensors,
            nodes: self.nodes,
            inputs: self.inputs,
        }
    }

    /// Pushes an op with computed outputs of the given shapes. For the ops' own rooms, after
    /// their guards.
    pub(crate) fn push(
        &mut self,
        op: Op,
        inputs: Vec<TensorId>,
        outputs: &[(Shape, DType)],
    ) -> Vec<TensorId> {
        let node_idx = self.nodes.len();
        let outputs: Vec<_> = outputs
            .iter()
            .map(|&(shape, dtype)| self.declare(shape, dtype, Source::Computed(node_idx)))
            .collect();
        self.push_into(op, inputs, outputs.clone());
        outputs
    }

    /// Pushes an op that writes into tensors already declared (states).
    pub(crate) fn push_into(&mut self, op: Op, inputs: Vec<TensorId>, outputs: Vec<TensorId>) {
        let scope = self.scope();
        self.nodes.push(Node { op, inputs, outputs, scope });
    }

    /// Pushes an op that computes one tensor and writes into a state.
    pub(crate) fn push_beside(
        &mut self,
        op: Op,
        inputs: Vec<TensorId>,
        (shape, dtype): (Shape, DType),
        state: TensorId,
    ) -> TensorId {
        let [computed] = self.push_with_states(op, inputs, [(shape, dtype)], &[state]);
        computed
    }

    /// Pushes an op that computes some tensors and writes into states.
    pub(crate) fn push_with_states<const N: usize>(
        &mut self,
        op: Op,
        inputs: Vec<TensorId>,
        computed: [(Shape, DType); N],
        states: &[TensorId],
    ) -> [TensorId; N] {
        let source = Source::Computed(self.nodes.len());
        let computed = computed.map(|(shape, dtype)| self.declare(shape, dtype, source));
        self.push_into(op, inputs, [&computed[..], states].concat());
        computed
    }

    /// A guard: passes if `fits`, otherwise describes the misfit of `op` on these operands.
    pub(crate) fn expect(
        &self,
        fits: bool,
        op: &'static str,
        operands: &[TensorId],
        what: impl FnOnce() -> String,
    ) -> Result<(), RecordError> {
        if fits {
            return Ok(());
        }
        let shapes: Vec<_> = operands.iter().map(|&id| self.shape(id)).collect();
        Err(RecordError::new(op, &self.scope(), what(), &shapes))
    }

    /// The ops so far.
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Tensors declared so far.
    pub(crate) fn n_tensors(&self) -> usize {
        self.tensors.len()
    }

    /// Runs `body` within `scope` alone, whatever scopes are open.
    pub(crate) fn within<R>(&mut self, scope: String, body: impl FnOnce(&mut Self) -> R) -> R {
        let open = std::mem::replace(&mut self.scopes, vec![scope]);
        let result = body(self);
        self.scopes = open;
        result
    }

    /// Whether a declared tensor is a state.
    pub(crate) fn is_state(&self, id: TensorId) -> bool {
        matches!(self.tensors[id.index()].source, Source::State(_))
    }

    fn declare(&mut self, shape: Shape, dtype: DType, source: Source) -> TensorId {
        let id = TensorId(u32::try_from(self.tensors.len()).unwrap_or(u32::MAX));
        self.tensors.push(Tensor { shape, dtype, source, kept: false });
        id
    }

    fn declare_once(&mut self, shape: Shape, dtype: DType, source: Source) -> TensorId {
        let known = self.tensors.iter().position(|tensor| {
            tensor.source == source && tensor.shape == shape && tensor.dtype == dtype
        });
        match known {
            Some(idx) => TensorId(idx as u32),
            None => self.declare(shape, dtype, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::CpuEngine;
    use crate::{Control, Engine, InputData, Read, Step};

    #[test]
    fn a_shape_error_names_op_scope_and_both_shapes() {
        let mut recorder = Recorder::new();
        let a = recorder.input([2, 3], DType::F32);
        let b = recorder.input([3, 2], DType::F32);
        let err =
            recorder.scoped("blocks.0", |recorder| recorder.add(a, b)).expect_err("shapes differ");
        let text = err.to_string();
        for part in ["add", "blocks.0", "[2, 3]", "[3, 2]"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn rows_append_after_the_past_and_boxes_read_back() {
        let mut engine = Engine::Cpu(CpuEngine::new());
        let state = engine.add_state("cache", Shape::from([4, 2])).expect("small");
        let mut recorder = Recorder::new();
        let x = recorder.input([2, 2], DType::F32);
        let cache = recorder.state(state, [4, 2]);
        recorder.append(x, cache).expect("fits");
        let recording = recorder.finish();
        let step = Step { past: 1, ..Step::default() };
        let read = Read::state(state, vec![0..3, 1..2]);
        let inputs = [InputData::F32(&[1.0, 2.0, 3.0, 4.0])];
        let (reads, control) = ([read], Control::default());
        let run = engine.run(&recording, &inputs, step, &reads, &control);
        assert_eq!(pollster::block_on(run).expect("runs"), [vec![0.0, 2.0, 4.0]]);
    }
}
