//! The CPU engine: the oracle that the GPU is held against, and the product where there is none.
//!
//! Runs a recording's nodes in order, each in parts that are short enough to stop between. Computed
//! tensors live in the slots of [`arena`]; states and weights outlive the run. Matrices are packed
//! for the instruction set as they come ([`packed`]); what a run needs beside is in [`Scratch`].
//! Where the host wants its event loop served, it is asked to between parts.

pub(crate) mod attention;
pub(crate) mod gemm;
pub(crate) mod lines;
pub(crate) mod matmul;
pub(crate) mod packed;
pub(crate) mod product;
pub(crate) mod rows;
pub(crate) mod softmax;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use web_time::Instant;

use self::attention::AttentionScratch;
use self::gemm::GemmScratch;
use self::lines::Lines;
use self::packed::{Packed, read_value};
use self::product::ProductScratch;
use self::rows::Columns;
use super::{Control, InputData, Read, ReadSource, Step, arena};
use crate::blocks;
use crate::error::EngineError;
use crate::ops::Op;
use crate::ops::rope::cpu::RopeTable;
use crate::recording::{Node, Recording, Source};
use crate::simd::Isa;
use crate::tensor::{DType, Shape, StateId, TensorId, WeightId};

/// How long the engine runs before it gives way to its host.
const PAUSE_AFTER_MS: u128 = 12;

/// Most inputs of an op.
const MAX_INPUTS: usize = 9;

/// Most outputs of an op.
const MAX_OUTPUTS: usize = 6;

/// Products that a part of a long op may multiply: a few milliseconds, in a browser too.
const PRODUCTS_A_PART: usize = 100_000_000;

/// How products with quantised weights take their activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// As integers of 16 bits with a scale for each block of 32: fast, relative error of a
    /// product around 1e-5.
    #[default]
    Quantised16,
    /// As they are; the weights are widened.
    F32,
}

/// How a CPU engine computes.
#[derive(Clone, Copy, Debug, Default)]
pub struct CpuOptions {
    /// How products with quantised weights take their activations.
    pub activations: Activations,
}

/// Holds weights and states, and runs recordings.
#[derive(Default)]
pub struct CpuEngine {
    options: CpuOptions,
    isa: Isa,
    weights: Vec<Weight>,
    states: Vec<Option<(Shape, Vec<f32>)>>,
    programs: HashMap<u64, Program>,
    scratch: Scratch,
    profile: Option<BTreeMap<&'static str, Duration>>,
}

/// What is kept per recording.
struct Program {
    plan: arena::Plan,
    slots: Vec<Vec<f32>>,
}

/// A constant as the CPU engine stores it.
pub(crate) enum Weight {
    /// Vectors, and what an op reads whole.
    F32(Vec<f32>),
    /// Matrices.
    Packed(Packed),
    /// Anything else, as in the file.
    Stored(DType, Vec<u8>),
}

/// Buffers that ops use within a run and find again in the next.
#[derive(Default)]
pub(crate) struct Scratch {
    pub product: ProductScratch,
    pub gemm: GemmScratch,
    pub attention: AttentionScratch,
    pub rope: RopeTable,
    /// The best of a row so far, as (rank, column).
    pub best: Vec<(i32, u32)>,
    pub row: Vec<f32>,
    /// Sums of columns.
    pub columns: [Columns; 2],
    /// A block of a pattern, and its rows' statistics.
    pub cells: Lines,
    pub stats: Lines,
    /// Gradients of a block of scores.
    pub slopes: Lines,
    /// A block of a pattern after dropout.
    pub dropped: Lines,
    /// Activations as bytes, in pairs of i16.
    pub bytes: Lines,
}

/// A tensor that an op reads.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub shape: Shape,
    pub data: Data<'a>,
}

/// Values of an operand.
#[derive(Clone, Copy)]
pub(crate) enum Data<'a> {
    F32(&'a [f32]),
    U32(&'a [u32]),
    Weight(&'a Weight),
}

/// A tensor that an op writes. Integers are stored as the bits of f32.
pub(crate) struct Output<'a> {
    pub shape: Shape,
    pub data: &'a mut [f32],
}

/// What an op's CPU twin gets.
pub(crate) struct Context<'a> {
    pub inputs: &'a [Operand<'a>],
    pub outputs: &'a mut [Output<'a>],
    pub step: Step,
    pub options: CpuOptions,
    pub isa: Isa,
    pub scratch: &'a mut Scratch,
    /// Which part of how many to compute now; ops that are never long have one.
    pub part: Part,
}

/// One of the parts in which a long op runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub idx: usize,
    pub n: usize,
}

impl Part {
    /// The share of `n_items` that this part computes.
    pub fn of(self, n_items: usize) -> std::ops::Range<usize> {
        n_items * self.idx / self.n..n_items * (self.idx + 1) / self.n
    }
}

impl<'a> Context<'a> {
    /// Input `idx` as indices.
    pub fn indices(&self, idx: usize) -> &'a [u32] {
        self.inputs[idx].u32()
    }
}

impl<'a> Operand<'a> {
    const EMPTY: Self = Self { shape: Shape::SCALAR, data: Data::F32(&[]) };

    /// All values, of an operand that the shape rule or the engine guarantees to be f32.
    pub fn f32(&self) -> &'a [f32] {
        match self.data {
            Data::F32(values) => values,
            Data::Weight(Weight::F32(values)) => values,
            Data::U32(bits) => bytemuck::cast_slice(bits),
            Data::Weight(_) => unreachable!("only gather and linear take stored types"),
        }
    }

    /// All values, as integers.
    pub fn u32(&self) -> &'a [u32] {
        match self.data {
            Data::U32(values) => values,
            Data::F32(bits) => bytemuck::cast_slice(bits),
            Data::Weight(_) => unreachable!("weights hold no indices: refused when added"),
        }
    }

    /// One row, widened to f32.
    pub fn read_row(&self, row_idx: usize, into: &mut [f32]) {
        let d = self.shape.n_cols();
        match self.data {
            Data::Weight(Weight::Packed(packed)) => packed.read_row(row_idx, into),
            Data::Weight(Weight::Stored(dtype, bytes)) => {
                let row_bytes = d / dtype.block_len() * dtype.block_bytes();
                read_stored(*dtype, &bytes[row_idx * row_bytes..][..row_bytes], into);
            }
            _ => into.copy_from_slice(&self.f32()[row_idx * d..][..d]),
        }
    }
}

impl Weight {
    fn new(dtype: DType, shape: Shape, bytes: &[u8], isa: Isa) -> Self {
        match (dtype, shape.dims()) {
            (
                DType::F32
                | DType::F16
                | DType::BF16
                | DType::Q8_0
                | DType::Q4_0
                | DType::Q4_1
                | DType::I8,
                &[n, k],
            ) => Self::Packed(Packed::new(dtype, [n, k], bytes, isa.lanes())),
            (DType::F32, _) => Self::F32(bytemuck::allocation::pod_collect_to_vec(bytes)),
            (DType::F16 | DType::BF16, &[_]) => {
                Self::F32(bytes.chunks_exact(2).map(|value| read_value(dtype, value)).collect())
            }
            _ => Self::Stored(dtype, bytes.to_vec()),
        }
    }

    fn byte_len(&self) -> usize {
        match self {
            Self::F32(values) => values.len() * 4,
            Self::Packed(packed) => packed.byte_len(),
            Self::Stored(_, bytes) => bytes.len(),
        }
    }
}

/// Widens values as a file holds them to f32.
fn read_stored(dtype: DType, bytes: &[u8], into: &mut [f32]) {
    if dtype.is_quantised() {
        return blocks::read(dtype, bytes, into);
    }
    for (value, out) in bytes.chunks_exact(dtype.block_bytes()).zip(into) {
        *out = read_value(dtype, value);
    }
}

impl CpuEngine {
    /// An empty engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty engine that computes as told.
    pub fn with_options(options: CpuOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// The instruction set in use.
    pub fn name(&self) -> String {
        format!("CPU ({}, {})", std::env::consts::ARCH, self.isa.name())
    }

    /// From now on, adds up the time that runs spend in each op.
    pub fn start_profile(&mut self) {
        self.profile = Some(BTreeMap::new());
    }

    /// Time spent in each op since [`CpuEngine::start_profile`], by the op's name.
    pub fn take_profile(&mut self) -> BTreeMap<&'static str, Duration> {
        self.profile.take().unwrap_or_default()
    }

    pub(crate) fn add_weight(
        &mut self,
        _label: &str,
        shape: Shape,
        dtype: DType,
        bytes: &[u8],
    ) -> Result<WeightId, EngineError> {
        self.weights.push(Weight::new(dtype, shape, bytes, self.isa));
        Ok(WeightId(self.weights.len() as u32 - 1))
    }

    pub(crate) fn add_state(&mut self, label: &str, shape: Shape) -> Result<StateId, EngineError> {
        let mut values = Vec::new();
        values.try_reserve_exact(shape.len()).map_err(|_| EngineError::OutOfMemory {
            what: label.to_owned(),
            bytes: shape.len() as u64 * 4,
        })?;
        values.resize(shape.len(), 0.0);
        let vacant = self.states.iter().position(Option::is_none).unwrap_or(self.states.len());
        if vacant == self.states.len() {
            self.states.push(None);
        }
        self.states[vacant] = Some((shape, values));
        Ok(StateId(vacant as u32))
    }

    pub(crate) fn write_state(&mut self, state: StateId, from: &[f32]) -> Result<(), EngineError> {
        let held = self.states.get_mut(state.0 as usize).and_then(Option::as_mut);
        let values = held.map(|(_, values)| values).filter(|values| values.len() == from.len());
        let Some(values) = values else {
            return Err(EngineError::no_such_state(state, from.len()));
        };
        values.copy_from_slice(from);
        Ok(())
    }

    pub(crate) fn remove_state(&mut self, state: StateId) {
        self.states[state.0 as usize] = None;
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { options: self.options, isa: self.isa, ..Self::default() };
    }

    pub(crate) fn forget(&mut self, recording_id: u64) {
        self.programs.remove(&recording_id);
    }

    pub(crate) fn bytes_held(&self) -> u64 {
        let weights: usize = self.weights.iter().map(Weight::byte_len).sum();
        let states: usize = self.states.iter().flatten().map(|(shape, _)| shape.len() * 4).sum();
        let slots: usize = self
            .programs
            .values()
            .flat_map(|program| &program.plan.slot_len)
            .map(|len| len * 4)
            .sum();
        (weights + states + slots) as u64
    }

    pub(crate) async fn run(
        &mut self,
        recording: &Recording,
        inputs: &[InputData<'_>],
        step: Step,
        reads: &[Read],
        control: &Control,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut program = match self.programs.remove(&recording.id()) {
            Some(program) => program,
            None => self.prepare(recording),
        };
        let mut pause_from = Instant::now();
        let mut outcome = Ok(());
        'nodes: for node in recording.nodes() {
            let n_parts = self.n_parts(recording, node);
            for idx in 0..n_parts {
                let part = Part { idx, n: n_parts };
                let part_from = self.profile.is_some().then(Instant::now);
                self.run_part(recording, node, part, &mut program, inputs, step);
                if let (Some(profile), Some(from)) = (&mut self.profile, part_from) {
                    *profile.entry(node.op.name()).or_default() += from.elapsed();
                }
                outcome = control.check();
                if outcome.is_ok()
                    && control.can_pause()
                    && pause_from.elapsed().as_millis() >= PAUSE_AFTER_MS
                {
                    outcome = control.pause().await;
                    pause_from = Instant::now();
                }
                if outcome.is_err() {
                    break 'nodes;
                }
            }
        }
        let values = outcome.and_then(|()| {
            reads.iter().map(|read| self.read_one(read, Some((recording, &program)))).collect()
        });
        self.programs.insert(recording.id(), program);
        values
    }

    pub(crate) async fn read(&mut self, reads: &[Read]) -> Result<Vec<Vec<f32>>, EngineError> {
        reads.iter().map(|read| self.read_one(read, None)).collect()
    }

    /// Plans the memory of a recording, and widens matrices that one of its ops reads whole.
    fn prepare(&mut self, recording: &Recording) -> Program {
        for node in recording.nodes() {
            for (idx, id) in node.inputs.iter().enumerate() {
                let by_rows = matches!(
                    (&node.op, idx),
                    (Op::Linear(_) | Op::LinearInt8(_), 1) | (Op::Gather(_), 0)
                );
                if let (false, Source::Weight(weight)) = (by_rows, recording.tensor(*id).source) {
                    let weight = &mut self.weights[weight.0 as usize];
                    if let Weight::Packed(packed) = weight {
                        *weight = Weight::F32(packed.to_f32());
                    }
                }
            }
        }
        let plan = arena::plan(recording);
        let slots = plan.slot_len.iter().map(|&len| vec![0.0; len]).collect();
        Program { plan, slots }
    }

    /// In how many parts a node runs, so that each is short.
    fn n_parts(&self, recording: &Recording, node: &Node) -> usize {
        let shape = |idx: usize| recording.tensor(node.inputs[idx]).shape;
        let (n_products, n_items) = match &node.op {
            Op::Linear(_) | Op::LinearInt8(_) => {
                let n_panels = shape(1).n_rows().div_ceil(self.isa.lanes() * packed::GROUPS);
                (shape(0).len() * shape(1).n_rows(), n_panels)
            }
            Op::Matmul(op) => {
                let ([m, n, k], _) = op.extents(shape(0), shape(1));
                (m * n * k, m.div_ceil(64))
            }
            Op::Attention(op) => {
                let n_keys = shape(1).n_rows() / op.n_sequences;
                (2 * shape(0).len() * n_keys, op.n_sequences * op.n_heads)
            }
            Op::AttentionRecomputed(op) => {
                let n_keys = shape(1).n_rows() / op.of.n_sequences;
                (2 * shape(0).len() * n_keys, op.of.n_sequences * op.of.n_heads)
            }
            Op::AttentionRecomputedGradient(op) => {
                let n_keys = shape(4).n_rows() / op.of.n_sequences;
                (7 * shape(0).len() * n_keys, op.of.n_sequences * op.of.n_heads)
            }
            Op::AttentionGradient(op) => {
                let n_keys = shape(2).n_rows() / op.of.n_sequences;
                (5 * shape(1).len() * n_keys, op.of.n_sequences * op.of.n_heads)
            }
            Op::AttentionScores(op) => (shape(0).len() * shape(1).n_rows(), op.n_heads),
            Op::AttentionValues(op) => (shape(0).len() * op.d_head, op.n_heads),
            Op::AttentionTiled(op) => (2 * shape(0).len() * shape(1).n_rows(), op.heads.n_heads),
            Op::AttentionFlash(op) => (2 * shape(0).len() * shape(1).n_rows(), op.heads.n_heads),
            Op::AttentionFlashGradient(op) => {
                (5 * shape(3).len() * shape(4).n_rows(), op.of.heads.n_heads)
            }
            Op::LinearAttention(op) => {
                let d_value = shape(2).n_cols() / op.n_heads;
                (2 * shape(0).len() * op.form.span(shape(0).n_rows(), d_value), op.n_maps())
            }
            Op::DeltaRule(op) => {
                let d_value = shape(1).n_cols() / op.of.n_heads;
                (3 * shape(0).len() * op.of.form.span(shape(0).n_rows(), d_value), op.of.n_maps())
            }
            _ => (0, 1),
        };
        n_products.div_ceil(PRODUCTS_A_PART).clamp(1, n_items.max(1))
    }

    fn run_part(
        &mut self,
        recording: &Recording,
        node: &Node,
        part: Part,
        program: &mut Program,
        inputs: &[InputData<'_>],
        step: Step,
    ) {
        let Program { plan, slots } = program;
        let Self { weights, states, scratch, options, isa, .. } = self;
        // What the node writes is taken out of the tables, so that all else can be read.
        let mut written: [Vec<f32>; MAX_OUTPUTS] = Default::default();
        for (values, &id) in written.iter_mut().zip(&node.outputs) {
            if let Some(home) = home_of(recording, plan, slots, states, id) {
                *values = std::mem::take(home);
            }
        }
        let mut operands = [Operand::EMPTY; MAX_INPUTS];
        for (operand, &id) in operands.iter_mut().zip(&node.inputs) {
            let tensor = recording.tensor(id);
            let data = match tensor.source {
                Source::Weight(weight) => Data::Weight(&weights[weight.0 as usize]),
                Source::State(state) => {
                    Data::F32(states[state.0 as usize].as_ref().map_or(&[], |(_, values)| values))
                }
                Source::Input(idx) => match inputs[idx] {
                    InputData::F32(values) => Data::F32(values),
                    InputData::U32(values) => Data::U32(values),
                },
                Source::Computed(_) => {
                    let slot = plan.slot_of[id.index()].unwrap_or_default();
                    Data::F32(&slots[slot][..tensor.shape.len()])
                }
            };
            *operand = Operand { shape: tensor.shape, data };
        }
        let mut ids = node.outputs.iter();
        let mut outputs = written.each_mut().map(|values| {
            let shape = ids.next().map(|&id| recording.tensor(id).shape);
            let len = shape.map_or(0, |shape| shape.len());
            Output { shape: shape.unwrap_or(Shape::SCALAR), data: &mut values[..len] }
        });
        node.op.run_on_cpu(&mut Context {
            inputs: &operands[..node.inputs.len()],
            outputs: &mut outputs[..node.outputs.len()],
            step,
            options: *options,
            isa: *isa,
            scratch,
            part,
        });
        for (values, &id) in written.into_iter().zip(&node.outputs) {
            if let Some(home) = home_of(recording, plan, slots, states, id) {
                *home = values;
            }
        }
    }

    fn read_one(
        &self,
        read: &Read,
        program: Option<(&Recording, &Program)>,
    ) -> Result<Vec<f32>, EngineError> {
        let missing = || EngineError::Mismatch {
            what: "read".to_owned(),
            expected: "a state, or a kept tensor of this run".to_owned(),
            got: format!("{:?}", read.source),
        };
        let (shape, values) = match read.source {
            ReadSource::State(state) => {
                let held = self
                    .states
                    .get(state.0 as usize)
                    .and_then(Option::as_ref)
                    .ok_or_else(missing)?;
                (held.0, &held.1[..])
            }
            ReadSource::Tensor(id) => {
                let (recording, program) = program.ok_or_else(missing)?;
                let tensor = recording.tensor(id);
                let slot =
                    program.plan.slot_of[id.index()].filter(|_| tensor.kept).ok_or_else(missing)?;
                (tensor.shape, &program.slots[slot][..])
            }
        };
        let mut packed = Vec::with_capacity(read.len());
        for piece in read.pieces(shape)? {
            packed.extend_from_slice(&values[piece]);
        }
        Ok(packed)
    }
}

/// Where the values of a tensor that a node writes are kept.
fn home_of<'a>(
    recording: &Recording,
    plan: &arena::Plan,
    slots: &'a mut [Vec<f32>],
    states: &'a mut [Option<(Shape, Vec<f32>)>],
    id: TensorId,
) -> Option<&'a mut Vec<f32>> {
    match recording.tensor(id).source {
        Source::State(state) => states[state.0 as usize].as_mut().map(|(_, values)| values),
        _ => plan.slot_of[id.index()].map(|slot| &mut slots[slot]),
    }
}
