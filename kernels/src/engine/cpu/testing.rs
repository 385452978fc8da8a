//! What the tests of the ops' CPU twins share: seeded values, every instruction set, comparison.

use super::{CpuEngine, CpuOptions};
use crate::simd::Isa;
use crate::{Control, Engine, InputData, Read, Recorder, Step, TensorId};

/// Values between −1 and 1 from a seed.
pub(crate) fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// An engine for each instruction set of this machine.
pub(crate) fn engines(options: CpuOptions) -> impl Iterator<Item = Engine> {
    Isa::available().map(move |isa| {
        let mut engine = CpuEngine::with_options(options);
        engine.isa = isa;
        Engine::Cpu(engine)
    })
}

/// Records with `record`, which also names the results; runs; reads the results.
pub(crate) fn run(
    engine: &mut Engine,
    inputs: &[InputData<'_>],
    step: Step,
    record: impl FnOnce(&mut Recorder) -> Vec<TensorId>,
) -> Vec<Vec<f32>> {
    let mut recorder = Recorder::new();
    let results = record(&mut recorder);
    results.iter().for_each(|&id| recorder.keep(id));
    let recording = recorder.finish();
    let reads: Vec<_> = results.iter().map(|&id| Read::tensor(&recording, id)).collect();
    let control = Control::default();
    // Twice, so that what the first run left in scratch and slots is met by the second.
    let first = pollster::block_on(engine.run(&recording, inputs, step, &reads, &control));
    let second = pollster::block_on(engine.run(&recording, inputs, step, &reads, &control));
    let (first, second) = (first.expect("runs"), second.expect("runs again"));
    let bits = |all: &[Vec<f32>]| -> Vec<Vec<u32>> {
        all.iter().map(|values| values.iter().map(|value| value.to_bits()).collect()).collect()
    };
    assert_eq!(bits(&first), bits(&second), "the second run differs");
    second
}

/// ‖got − expected‖ / ‖expected‖ in f64; NaN and infinities make it NaN.
pub(crate) fn relative_error(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let square = |value: f64| value * value;
    let miss: f64 = got.iter().zip(expected).map(|(g, e)| square(f64::from(*g) - e)).sum();
    (miss / expected.iter().map(|e| square(*e)).sum::<f64>().max(1e-30)).sqrt()
}

/// Largest |got − expected|; NaN if there is one.
pub(crate) fn absolute_error(got: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let misses = got.iter().zip(expected).map(|(g, e)| (f64::from(*g) - e).abs());
    misses.fold(0.0, |most: f64, miss| if most.is_nan() || miss <= most { most } else { miss })
}
