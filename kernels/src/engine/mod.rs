//! The engines: hold weights and states, run recordings, read tensors back.

pub mod arena;
pub mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod dispatch;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod gpu_tests;
#[cfg(feature = "gpu")]
mod health;
#[cfg(feature = "gpu")]
mod pipelines;
#[cfg(feature = "gpu")]
mod program;
#[cfg(feature = "gpu")]
pub(crate) mod readback;
#[cfg(all(test, feature = "gpu"))]
mod shader_tests;
#[cfg(all(test, feature = "gpu"))]
pub(crate) mod testing;
#[cfg(all(test, feature = "gpu"))]
mod traffic_tests;
#[cfg(feature = "gpu")]
pub(crate) mod weights;

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use crate::error::EngineError;
use crate::recording::Recording;
use crate::tensor::{DType, Shape, StateId, TensorId, WeightId};

/// The scalars that change from run to run without recording anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Step {
    /// Rows of the states that earlier runs filled; this run's row 0 is row `past` of a state.
    pub past: u32,
    /// First state row whose thumbnail must be painted again (see `ops::thumbnail`).
    pub thumbnail_from: u32,
}

/// Content of one input of a run.
#[derive(Clone, Copy, Debug)]
pub enum InputData<'a> {
    /// For inputs of type [`DType::F32`].
    F32(&'a [f32]),
    /// For inputs of type [`DType::U32`].
    U32(&'a [u32]),
}

/// What to read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadSource {
    /// A kept tensor of the recording that has just run.
    Tensor(TensorId),
    /// A state.
    State(StateId),
}

/// A box of a tensor to read back: one range per dimension. The result is packed, row-major.
/// Integers come as the bits of f32 ([`f32::to_bits`] gives them back).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Read {
    /// Which tensor.
    pub source: ReadSource,
    /// One range per dimension of its shape.
    pub ranges: Vec<Range<usize>>,
}

impl Read {
    /// All of a kept tensor.
    pub fn tensor(recording: &Recording, id: TensorId) -> Self {
        let ranges = recording.tensor(id).shape.dims().iter().map(|&n| 0..n).collect();
        Self { source: ReadSource::Tensor(id), ranges }
    }

    /// A box of a state.
    pub fn state(id: StateId, ranges: Vec<Range<usize>>) -> Self {
        Self { source: ReadSource::State(id), ranges }
    }

    /// Number of values that come back.
    pub fn len(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).product()
    }

    /// Whether nothing comes back.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Offsets and lengths, in elements, of the contiguous pieces of this box in a tensor of
    /// `shape`, in the order of the result.
    ///
    /// # Errors
    /// If the box does not lie within the shape.
    pub fn pieces(&self, shape: Shape) -> Result<Vec<Range<usize>>, EngineError> {
        let dims = shape.dims();
        let fits = dims.len() == self.ranges.len()
            && self
                .ranges
                .iter()
                .zip(dims)
                .all(|(range, &n)| range.start <= range.end && range.end <= n);
        if !fits {
            return Err(EngineError::Mismatch {
                what: "read".to_owned(),
                expected: format!("a box within {shape}"),
                got: format!("{:?}", self.ranges),
            });
        }
        if self.is_empty() {
            return Ok(Vec::new());
        }
        // Trailing dimensions read in full merge with the one before them.
        let mut split = dims.len() - 1;
        while split > 0 && self.ranges[split] == (0..dims[split]) {
            split -= 1;
        }
        let inner: usize = dims[split + 1..].iter().product();
        let piece_len = self.ranges[split].len() * inner;
        let mut pieces = Vec::new();
        let mut outer: Vec<usize> = self.ranges[..split].iter().map(|range| range.start).collect();
        loop {
            let row = outer.iter().zip(dims).fold(0, |row, (&at, &n)| row * n + at);
            let start = (row * dims[split] + self.ranges[split].start) * inner;
            pieces.push(start..start + piece_len);
            let Some(axis) = (0..split).rev().find(|&axis| outer[axis] + 1 < self.ranges[axis].end)
            else {
                return Ok(pieces);
            };
            outer[axis] += 1;
            for (at, range) in outer.iter_mut().zip(&self.ranges).skip(axis + 1) {
                *at = range.start;
            }
        }
    }
}

/// Lets a caller stop a run, and lets a run give way to its host's event loop.
#[derive(Clone, Default)]
pub struct Control {
    cancelled: Rc<Cell<bool>>,
    pause: Option<Rc<PauseFn>>,
}

/// Returns a future that resolves when the host has dealt with its other events.
pub type PauseFn = dyn Fn() -> std::pin::Pin<Box<dyn Future<Output = ()>>>;

impl Control {
    /// A control whose runs call `pause` every few milliseconds (the CPU engine, in a worker).
    pub fn with_pause(pause: Rc<PauseFn>) -> Self {
        Self { cancelled: Rc::default(), pause: Some(pause) }
    }

    /// Makes the current run end with [`EngineError::Cancelled`] at its next check.
    pub fn cancel(&self) {
        self.cancelled.set(true);
    }

    /// A control with the same pause and a cancellation flag of its own, for the next run.
    pub fn renewed(&self) -> Self {
        Self { cancelled: Rc::default(), pause: self.pause.clone() }
    }

    /// Fails if cancelled.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub fn check(&self) -> Result<(), EngineError> {
        if self.cancelled.get() { Err(EngineError::Cancelled) } else { Ok(()) }
    }

    /// Whether [`Control::pause`] does anything.
    pub fn can_pause(&self) -> bool {
        self.pause.is_some()
    }

    /// Gives way to the host, then checks.
    ///
    /// # Errors
    /// [`EngineError::Cancelled`].
    pub async fn pause(&self) -> Result<(), EngineError> {
        if let Some(pause) = &self.pause {
            pause().await;
        }
        self.check()
    }
}

/// One of the two engines.
#[expect(clippy::large_enum_variant, reason = "a program holds one or two engines")]
pub enum Engine {
    /// SIMD on the CPU.
    Cpu(cpu::CpuEngine),
    /// Compute shaders.
    #[cfg(feature = "gpu")]
    Gpu(Box<gpu::GpuEngine>),
}

/// Calls the same method on whichever engine there is.
macro_rules! each {
    ($self:expr, $engine:ident => $body:expr) => {
        match $self {
            Engine::Cpu($engine) => $body,
            #[cfg(feature = "gpu")]
            Engine::Gpu($engine) => $body,
        }
    };
}

impl Engine {
    /// What runs here, for people: the instruction set or the adapter's name.
    pub fn name(&self) -> String {
        each!(self, engine => engine.name())
    }

    /// Takes a constant. `bytes` are as in a file: little-endian, ggml blocks for the quantised
    /// types; the engine lays them out as it likes.
    ///
    /// # Errors
    /// If the bytes do not fit the shape, or memory is short.
    pub fn add_weight(
        &mut self,
        label: &str,
        shape: Shape,
        dtype: DType,
        bytes: &[u8],
    ) -> Result<WeightId, EngineError> {
        match dtype.byte_len(shape) {
            Some(n) if n == bytes.len() && dtype != DType::U32 => {}
            expected => {
                return Err(EngineError::Mismatch {
                    what: format!("weight {label} {dtype:?} {shape}"),
                    expected: format!("{expected:?} bytes"),
                    got: format!("{} bytes", bytes.len()),
                });
            }
        }
        each!(self, engine => engine.add_weight(label, shape, dtype, bytes))
    }

    /// Allocates a state of zeros.
    ///
    /// # Errors
    /// If memory is short.
    pub fn add_state(&mut self, label: &str, shape: Shape) -> Result<StateId, EngineError> {
        each!(self, engine => engine.add_state(label, shape))
    }

    /// Fills a state.
    ///
    /// # Errors
    /// If there is no such state or it holds another number of values.
    pub fn write_state(&mut self, state: StateId, values: &[f32]) -> Result<(), EngineError> {
        each!(self, engine => engine.write_state(state, values))
    }

    /// Frees a state. Recordings that refer to it must not run any more.
    pub fn remove_state(&mut self, state: StateId) {
        each!(self, engine => engine.remove_state(state));
    }

    /// Frees all weights, states and cached recordings.
    pub fn clear(&mut self) {
        each!(self, engine => engine.clear());
    }

    /// Frees what was built from a recording.
    pub fn forget(&mut self, recording_id: u64) {
        each!(self, engine => engine.forget(recording_id));
    }

    /// Bytes held in weights, states and caches.
    pub fn bytes_held(&self) -> u64 {
        each!(self, engine => engine.bytes_held())
    }

    /// Runs a recording once and reads tensors back: inputs up, one submit (or a few, bounded),
    /// one copy to a staging buffer, one map.
    ///
    /// # Errors
    /// Misfits of inputs or reads, a lost device, short memory, cancellation.
    pub async fn run(
        &mut self,
        recording: &Recording,
        inputs: &[InputData<'_>],
        step: Step,
        reads: &[Read],
        control: &Control,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        check_inputs(recording, inputs)?;
        each!(self, engine => engine.run(recording, inputs, step, reads, control).await)
    }

    /// Reads states without running anything.
    ///
    /// # Errors
    /// As [`Engine::run`]; also if a read names a tensor of a recording.
    pub async fn read(&mut self, reads: &[Read]) -> Result<Vec<Vec<f32>>, EngineError> {
        each!(self, engine => engine.read(reads).await)
    }
}

fn check_inputs(recording: &Recording, inputs: &[InputData<'_>]) -> Result<(), EngineError> {
    let mismatch =
        |what: String, expected: String, got: String| EngineError::Mismatch { what, expected, got };
    if inputs.len() != recording.inputs().len() {
        return Err(mismatch(
            "inputs of the run".to_owned(),
            recording.inputs().len().to_string(),
            inputs.len().to_string(),
        ));
    }
    for (idx, (&id, input)) in recording.inputs().iter().zip(inputs).enumerate() {
        let tensor = recording.tensor(id);
        let (dtype, n) = match input {
            InputData::F32(values) => (DType::F32, values.len()),
            InputData::U32(values) => (DType::U32, values.len()),
        };
        if dtype != tensor.dtype || n != tensor.shape.len() {
            return Err(mismatch(
                format!("input {idx}"),
                format!("{:?} {}", tensor.dtype, tensor.shape),
                format!("{n} values of {dtype:?}"),
            ));
        }
    }
    Ok(())
}
