//! One test body on every engine: a [`Bench`] records ops on seeded operands, and the values that
//! it keeps are compared with those of the first engine. The GPU runs in every form: as the
//! adapter is, as a hardware adapter would be served, and with pieces and submits cut small.
//! A machine without an adapter fails these tests.

use std::cell::RefCell;

use super::cpu::CpuEngine;
use super::gpu::{GpuEngine, GpuOptions};
use super::{Control, Engine, InputData, Read, Step};
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, StateId, TensorId};

/// An engine, a recording in the making, and what it will be run on.
pub(crate) struct Bench {
    pub engine: Engine,
    pub recorder: Recorder,
    pub rng: Rng,
    inputs: Vec<Values>,
    kept: Vec<Kept>,
}

enum Values {
    F32(Vec<f32>),
    U32(Vec<u32>),
}

/// What is compared.
enum Kept {
    /// Values, within a tolerance.
    Tensor(TensorId),
    /// Integers, exactly.
    Integers(TensorId),
    /// All of a state.
    State(StateId, Shape),
}

impl Bench {
    fn new(engine: Engine, seed: u64) -> Self {
        let (recorder, rng) = (Recorder::new(), Rng::new(seed));
        Self { engine, recorder, rng, inputs: Vec::new(), kept: Vec::new() }
    }

    /// An input of given values.
    pub fn given(&mut self, shape: impl Into<Shape>, values: Vec<f32>) -> TensorId {
        self.inputs.push(Values::F32(values));
        self.recorder.input(shape, DType::F32)
    }

    /// An input of normal values.
    pub fn normal(&mut self, shape: impl Into<Shape>) -> TensorId {
        let shape = shape.into();
        let values = self.rng.normals(shape.len());
        self.given(shape, values)
    }

    /// An input of indices.
    pub fn indices(&mut self, values: Vec<u32>) -> TensorId {
        let shape = Shape::from([values.len()]);
        self.inputs.push(Values::U32(values));
        self.recorder.input(shape, DType::U32)
    }

    /// A weight of normal values, rounded to `dtype`.
    pub fn weight(&mut self, shape: impl Into<Shape>, dtype: DType) -> TensorId {
        let shape = shape.into();
        let bytes = self.rng.stored(shape, dtype);
        let weight = self.engine.add_weight("weight", shape, dtype, &bytes).expect("fits");
        self.recorder.weight(weight, shape, dtype)
    }

    /// A state that holds normal values.
    pub fn state(&mut self, shape: impl Into<Shape>) -> (StateId, TensorId) {
        let shape = shape.into();
        let values = self.rng.normals(shape.len());
        let state = self.engine.add_state("state", shape).expect("fits");
        let rows = Shape::from([shape.n_rows(), shape.n_cols()]);
        let mut recorder = Recorder::new();
        let x = recorder.input(rows, DType::F32);
        let whole = recorder.state(state, rows);
        recorder.append(x, whole).expect("fits");
        let recording = recorder.finish();
        let control = Control::default();
        let inputs = [InputData::F32(&values)];
        let run = self.engine.run(&recording, &inputs, Step::default(), &[], &control);
        pollster::block_on(run).expect("fills");
        (state, self.recorder.state(state, shape))
    }

    /// Compares this tensor's values.
    pub fn keep(&mut self, id: TensorId) {
        self.recorder.keep(id);
        self.kept.push(Kept::Tensor(id));
    }

    /// Compares this tensor's integers.
    pub fn keep_integers(&mut self, id: TensorId) {
        self.recorder.keep(id);
        self.kept.push(Kept::Integers(id));
    }

    /// Compares a whole state.
    pub fn keep_state(&mut self, state: StateId, shape: impl Into<Shape>) {
        self.kept.push(Kept::State(state, shape.into()));
    }

    fn run(mut self, step: Step) -> (Vec<Vec<f32>>, Engine) {
        let recording = std::mem::take(&mut self.recorder).finish();
        let whole = |shape: &Shape| shape.dims().iter().map(|&n| 0..n).collect();
        let reads: Vec<Read> = self
            .kept
            .iter()
            .map(|kept| match kept {
                Kept::Tensor(id) | Kept::Integers(id) => Read::tensor(&recording, *id),
                Kept::State(id, shape) => Read::state(*id, whole(shape)),
            })
            .collect();
        let inputs: Vec<InputData<'_>> = self
            .inputs
            .iter()
            .map(|values| match values {
                Values::F32(values) => InputData::F32(values),
                Values::U32(values) => InputData::U32(values),
            })
            .collect();
        let control = Control::default();
        let run = self.engine.run(&recording, &inputs, step, &reads, &control);
        let mut values = pollster::block_on(run).expect("runs");
        for (kept, values) in self.kept.iter().zip(&mut values) {
            if matches!(kept, Kept::Integers(_)) {
                // As numbers, so that one tolerance below one serves all.
                values.iter_mut().for_each(|value| *value = value.to_bits() as f32);
            }
        }
        (values, self.engine)
    }
}

/// Runs `body` at `step` on every engine; all must agree with the first within `tolerance` of
/// 1 + |value|.
pub(crate) fn compare(tolerance: f32, step: Step, body: impl Fn(&mut Bench)) {
    let mut expected: Option<Vec<Vec<f32>>> = None;
    for (name, engine) in engines().iter_mut() {
        let mut bench = Bench::new(std::mem::replace(engine, Engine::Cpu(CpuEngine::new())), 7);
        body(&mut bench);
        let values;
        (values, *engine) = bench.run(step);
        let Some(expected) = &expected else {
            expected = Some(values);
            continue;
        };
        for (idx, (values, expected)) in values.iter().zip(expected).enumerate() {
            assert_close(&format!("{name}, kept {idx}"), values, expected, tolerance);
        }
    }
}

/// Asserts that all values are within `tolerance` of 1 + |expected|, and NaN where a NaN is
/// expected.
pub(crate) fn assert_close(name: &str, values: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(values.len(), expected.len(), "{name}");
    for (idx, (&value, &expected)) in values.iter().zip(expected).enumerate() {
        let same = value == expected || (value.is_nan() && expected.is_nan());
        let close = (value - expected).abs() <= tolerance * (1.0 + expected.abs());
        assert!(same || close, "{name}: value {idx} is {value}, expected {expected}");
    }
}

/// Runs `body` on the GPU engine in every form.
pub(crate) fn each_gpu(body: impl Fn(&str, &mut Engine)) {
    for (name, engine) in engines().iter_mut().skip(1) {
        body(name, engine);
    }
}

type Named = Vec<(&'static str, Engine)>;

/// Every engine, the oracle first, empty but for its compiled pipelines.
fn engines() -> std::cell::RefMut<'static, Named> {
    thread_local! {
        // Lives as long as the test's thread; leaked, because a device must not outlive it.
        static ENGINES: &'static RefCell<Named> = Box::leak(Box::new(RefCell::new(all_engines())));
    }
    let mut engines = ENGINES.with(|engines| engines.borrow_mut());
    engines.iter_mut().for_each(|(_, engine)| engine.clear());
    engines
}

fn all_engines() -> Named {
    let gpu = |change: &dyn Fn(&mut GpuEngine)| {
        let mut engine = gpu_engine();
        engine.poisons = true;
        change(&mut engine);
        Engine::Gpu(Box::new(engine))
    };
    vec![
        ("cpu", Engine::Cpu(CpuEngine::new())),
        ("gpu", gpu(&|engine| engine.pretend(true, 50_000_000, None))),
        ("gpu as hardware", gpu(&|engine| engine.pretend(false, 2_000_000_000, None))),
        ("gpu in pieces", gpu(&|engine| engine.pretend(true, 5_000, Some(16_384)))),
        ("gpu as hardware in pieces", gpu(&|engine| engine.pretend(false, 5_000, Some(16_384)))),
    ]
}

/// A GPU engine, which every machine that runs these tests must have.
pub(crate) fn gpu_engine() -> GpuEngine {
    pollster::block_on(GpuEngine::new(GpuOptions::default()))
        .expect("these tests need a Vulkan adapter, such as Mesa's lavapipe")
}

/// Seeded random values (xorshift64*).
pub(crate) struct Rng(u64);

impl Rng {
    /// From a seed above zero.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 24 random bits.
    pub fn bits(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as u32
    }

    /// Uniform in 0..1.
    pub fn uniform(&mut self) -> f32 {
        self.bits() as f32 / (1 << 24) as f32
    }

    /// Nearly normal values of variance 1.
    pub fn normals(&mut self, n: usize) -> Vec<f32> {
        let mut one = || (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0;
        (0..n).map(|_| one()).collect()
    }

    /// Normal values as a file stores them.
    pub fn stored(&mut self, shape: Shape, dtype: DType) -> Vec<u8> {
        if dtype.is_quantised() {
            let n_bytes = dtype.byte_len(shape).expect("whole blocks");
            let mut bytes: Vec<u8> = (0..n_bytes).map(|_| self.bits() as u8).collect();
            if dtype == DType::I8 {
                // One scale for all; products of quantised activations take no −128.
                let scale = (0.1 * (0.2 + self.uniform())).to_le_bytes();
                for block in bytes.chunks_exact_mut(36) {
                    block.iter_mut().filter(|byte| **byte == 128).for_each(|byte| *byte = 0);
                    block[..4].copy_from_slice(&scale);
                }
                return bytes;
            }
            for block in bytes.chunks_exact_mut(dtype.block_bytes()) {
                // Where the scale is, and its range, so that values stay near 1.
                let (at, unit) = match dtype {
                    DType::Q6_K => (208, 1e-4),
                    DType::Q4_K | DType::Q5_K => (0, 1e-3),
                    DType::IQ4_NL => (0, 1e-2),
                    _ => (0, 1e-1),
                };
                let scale = half::f16::from_f32(unit * (0.2 + self.uniform()));
                block[at..at + 2].copy_from_slice(&scale.to_le_bytes());
                if matches!(dtype, DType::Q4_1 | DType::Q5_1 | DType::Q4_K | DType::Q5_K) {
                    let factor = if dtype.block_len() > 32 { 0.02 } else { -1.0 };
                    let minimum = half::f16::from_f32(factor * self.uniform());
                    block[2..4].copy_from_slice(&minimum.to_le_bytes());
                }
            }
            return bytes;
        }
        let values = self.normals(shape.len());
        match dtype {
            DType::F16 => {
                values.iter().flat_map(|&value| half::f16::from_f32(value).to_le_bytes()).collect()
            }
            DType::BF16 => {
                values.iter().flat_map(|&value| half::bf16::from_f32(value).to_le_bytes()).collect()
            }
            _ => bytemuck::cast_slice(&values).to_vec(),
        }
    }
}

mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "value 1 is 2")]
    fn checker_fails_on_a_wrong_value() {
        assert_close("planted", &[1.0, 2.0], &[1.0, 2.1], 1e-3);
    }

    #[test]
    #[should_panic(expected = "value 0 is NaN")]
    fn checker_fails_on_a_nan() {
        assert_close("planted", &[f32::NAN], &[1.0], 1e30);
    }
}
