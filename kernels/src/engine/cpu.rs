//! The CPU engine: the oracle that the GPU is held against, and the product where there is none.
//!
//! Runs a recording's nodes in order. Computed tensors live in the slots of [`arena`]; states and
//! weights outlive the run. Where the host wants its event loop served, it is asked to between
//! nodes.

use std::collections::HashMap;

use half::{bf16, f16};
use web_time::Instant;

use super::{Control, InputData, Read, ReadSource, Step, arena};
use crate::error::EngineError;
use crate::recording::{Recording, Source};
use crate::tensor::{DType, Shape, StateId, WeightId};

/// How long the engine runs before it gives way to its host.
const PAUSE_AFTER_MS: u128 = 12;

/// Holds weights and states, and runs recordings.
#[derive(Default)]
pub struct CpuEngine {
    weights: Vec<Weight>,
    states: Vec<Option<(Shape, Vec<f32>)>>,
    programs: HashMap<u64, Program>,
}

/// What is kept per recording.
struct Program {
    plan: arena::Plan,
    slots: Vec<Vec<f32>>,
}

/// A constant as the CPU engine stores it.
pub(crate) enum Weight {
    F32(Vec<f32>),
    F16(Vec<f16>),
    BF16(Vec<bf16>),
    /// ggml blocks as in the file.
    Blocks(DType, Vec<u8>),
}

/// A tensor that an op reads.
pub(crate) struct Operand<'a> {
    pub shape: Shape,
    pub data: Data<'a>,
}

/// Values of an operand.
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
    pub inputs: Vec<Operand<'a>>,
    pub outputs: Vec<Output<'a>>,
    pub step: Step,
}

impl<'a> Context<'a> {
    /// Input `idx` as indices.
    pub fn indices(&self, idx: usize) -> &'a [u32] {
        match self.inputs[idx].data {
            Data::U32(values) => values,
            Data::F32(bits) => bytemuck::cast_slice(bits),
            Data::Weight(_) => unreachable!("weights hold no indices: refused when added"),
        }
    }
}

impl<'a> Operand<'a> {
    /// All values, of an operand that the shape rule or the engine guarantees to be f32.
    pub fn f32(&self) -> &'a [f32] {
        match self.data {
            Data::F32(values) => values,
            Data::Weight(Weight::F32(values)) => values,
            Data::U32(bits) => bytemuck::cast_slice(bits),
            Data::Weight(_) => unreachable!("only gather and linear take stored types"),
        }
    }

    /// One row, widened to f32.
    pub fn read_row(&self, row_idx: usize, into: &mut [f32]) {
        let d = self.shape.n_cols();
        match self.data {
            Data::Weight(Weight::F16(values)) => {
                let row = &values[row_idx * d..][..d];
                into.iter_mut().zip(row).for_each(|(to, from)| *to = from.to_f32());
            }
            Data::Weight(Weight::BF16(values)) => {
                let row = &values[row_idx * d..][..d];
                into.iter_mut().zip(row).for_each(|(to, from)| *to = from.to_f32());
            }
            Data::Weight(Weight::Blocks(dtype, bytes)) => {
                let row_bytes = d / dtype.block_len() * dtype.block_bytes();
                read_blocks(*dtype, &bytes[row_idx * row_bytes..][..row_bytes], into);
            }
            _ => into.copy_from_slice(&self.f32()[row_idx * d..][..d]),
        }
    }
}

/// Widens whole ggml blocks to f32.
fn read_blocks(dtype: DType, bytes: &[u8], into: &mut [f32]) {
    let half_at = |block: &[u8], at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
    for (block, out) in
        bytes.chunks_exact(dtype.block_bytes()).zip(into.chunks_exact_mut(dtype.block_len()))
    {
        let d = half_at(block, 0);
        match dtype {
            DType::Q8_0 => {
                for (out, &q) in out.iter_mut().zip(&block[2..]) {
                    *out = d * f32::from(q as i8);
                }
            }
            DType::Q4_0 | DType::Q4_1 => {
                let (minimum, nibbles) = match dtype {
                    DType::Q4_1 => (half_at(block, 2), &block[4..]),
                    _ => (-8.0 * d, &block[2..]),
                };
                for (idx, &byte) in nibbles.iter().enumerate() {
                    out[idx] = d * f32::from(byte & 15) + minimum;
                    out[idx + 16] = d * f32::from(byte >> 4) + minimum;
                }
            }
            _ => unreachable!("only block types are stored as blocks"),
        }
    }
}

impl CpuEngine {
    /// An empty engine.
    pub fn new() -> Self {
        Self::default()
    }

    /// The instruction set in use.
    pub fn name(&self) -> String {
        format!("CPU ({})", std::env::consts::ARCH)
    }

    pub(crate) fn add_weight(
        &mut self,
        _label: &str,
        _shape: Shape,
        dtype: DType,
        bytes: &[u8],
    ) -> Result<WeightId, EngineError> {
        let weight = match dtype {
            DType::F32 => Weight::F32(bytemuck::allocation::pod_collect_to_vec(bytes)),
            DType::F16 => Weight::F16(bytemuck::allocation::pod_collect_to_vec(bytes)),
            DType::BF16 => Weight::BF16(bytemuck::allocation::pod_collect_to_vec(bytes)),
            _ => Weight::Blocks(dtype, bytes.to_vec()),
        };
        self.weights.push(weight);
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

    pub(crate) fn remove_state(&mut self, state: StateId) {
        self.states[state.0 as usize] = None;
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn forget(&mut self, recording_id: u64) {
        self.programs.remove(&recording_id);
    }

    pub(crate) fn bytes_held(&self) -> u64 {
        let weights: usize = self
            .weights
            .iter()
            .map(|weight| match weight {
                Weight::F32(values) => values.len() * 4,
                Weight::F16(values) => values.len() * 2,
                Weight::BF16(values) => values.len() * 2,
                Weight::Blocks(_, bytes) => bytes.len(),
            })
            .sum();
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
        let mut program = self.programs.remove(&recording.id()).unwrap_or_else(|| {
            let plan = arena::plan(recording);
            let slots = plan.slot_len.iter().map(|&len| vec![0.0; len]).collect();
            Program { plan, slots }
        });
        let mut pause_from = Instant::now();
        let mut outcome = Ok(());
        for node_idx in 0..recording.nodes().len() {
            self.run_node(recording, node_idx, &mut program, inputs, step);
            outcome = control.check();
            if outcome.is_ok()
                && control.can_pause()
                && pause_from.elapsed().as_millis() >= PAUSE_AFTER_MS
            {
                outcome = control.pause().await;
                pause_from = Instant::now();
            }
            if outcome.is_err() {
                break;
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

    fn run_node(
        &mut self,
        recording: &Recording,
        node_idx: usize,
        program: &mut Program,
        inputs: &[InputData<'_>],
        step: Step,
    ) {
        let node = &recording.nodes()[node_idx];
        let Program { plan, slots } = program;
        // What the node writes is taken out of the tables, so that all else can be read.
        let mut written: Vec<Vec<f32>> = node
            .outputs
            .iter()
            .map(|&id| match recording.tensor(id).source {
                Source::State(state) => self.states[state.0 as usize]
                    .as_mut()
                    .map_or_else(Vec::new, |(_, values)| std::mem::take(values)),
                _ => plan.slot_of[id.index()]
                    .map_or_else(Vec::new, |slot| std::mem::take(&mut slots[slot])),
            })
            .collect();
        let operands = node
            .inputs
            .iter()
            .map(|&id| {
                let tensor = recording.tensor(id);
                let data = match tensor.source {
                    Source::Weight(weight) => Data::Weight(&self.weights[weight.0 as usize]),
                    Source::State(state) => Data::F32(
                        self.states[state.0 as usize].as_ref().map_or(&[], |(_, values)| values),
                    ),
                    Source::Input(idx) => match inputs[idx] {
                        InputData::F32(values) => Data::F32(values),
                        InputData::U32(values) => Data::U32(values),
                    },
                    Source::Computed(_) => {
                        let slot = plan.slot_of[id.index()].unwrap_or_default();
                        Data::F32(&slots[slot][..tensor.shape.len()])
                    }
                };
                Operand { shape: tensor.shape, data }
            })
            .collect();
        let outputs = node
            .outputs
            .iter()
            .zip(&mut written)
            .map(|(&id, values)| {
                let shape = recording.tensor(id).shape;
                Output { shape, data: &mut values[..shape.len()] }
            })
            .collect();
        node.op.run_on_cpu(&mut Context { inputs: operands, outputs, step });
        for (&id, values) in node.outputs.iter().zip(written) {
            match recording.tensor(id).source {
                Source::State(state) => {
                    if let Some((_, slot)) = &mut self.states[state.0 as usize] {
                        *slot = values;
                    }
                }
                _ => {
                    if let Some(slot) = plan.slot_of[id.index()] {
                        slots[slot] = values;
                    }
                }
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
