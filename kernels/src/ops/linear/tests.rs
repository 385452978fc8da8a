//! The expected values come from sums in f64 over weights widened here, independently of both
//! engines: the CPU engine may round activations to bytes.

use half::{bf16, f16};

use crate::blocks::run_of;
use crate::engine::testing::{Rng, assert_close, each_gpu};
use crate::recording::Recorder;
use crate::tensor::{DType, Shape};
use crate::{Control, InputData, Read, Step};

/// A stored weight's values.
fn widened(dtype: DType, bytes: &[u8]) -> Vec<f64> {
    let f16_at = |at: usize| f64::from(f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32());
    let n_blocks = bytes.len() / dtype.block_bytes();
    (0..n_blocks)
        .flat_map(|block| {
            let at = block * dtype.block_bytes();
            let nibble = |i: usize, first: usize| {
                let byte = bytes[at + first + i % 16];
                f64::from(if i < 16 { byte & 15 } else { byte >> 4 })
            };
            let value = |i: usize| match dtype {
                DType::F32 => {
                    let word: [u8; 4] = bytes[at..at + 4].try_into().expect("four bytes");
                    f64::from(f32::from_le_bytes(word))
                }
                DType::F16 => f16_at(at),
                DType::BF16 => {
                    f64::from(bf16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f32())
                }
                DType::Q8_0 => f16_at(at) * f64::from(bytes[at + 2 + i] as i8),
                DType::Q4_0 => f16_at(at) * (nibble(i, 2) - 8.0),
                DType::Q4_1 => f16_at(at) * nibble(i, 4) + f16_at(at + 2),
                DType::U32 => unreachable!("never a weight"),
                // Held bit for bit against the gguf package elsewhere.
                _ => {
                    let run = run_of(dtype, &bytes[at..at + dtype.block_bytes()], i / 32);
                    let product = f64::from(run.scales[i / 16 % 2]) * f64::from(run.quants[i % 32]);
                    product + run.minimum.map_or(0.0, f64::from)
                }
            };
            (0..dtype.block_len()).map(value).collect::<Vec<_>>()
        })
        .collect()
}

fn check(dtype: DType, n_rows: usize, k: usize, n: usize, has_bias: bool) {
    let mut rng = Rng::new(11);
    let shape = Shape::from([n, k]);
    let bytes = rng.stored(shape, dtype);
    let x = rng.normals(n_rows * k);
    let bias = rng.normals(n);
    let w = widened(dtype, &bytes);
    let expected: Vec<f32> = (0..n_rows * n)
        .map(|at| {
            let (row, out) = (at / n, at % n);
            let pairs = x[row * k..][..k].iter().zip(&w[out * k..][..k]);
            let sum: f64 = pairs.map(|(x, w)| f64::from(*x) * w).sum();
            (sum + if has_bias { f64::from(bias[out]) } else { 0.0 }) as f32
        })
        .collect();
    each_gpu(|name, engine| {
        let weight = engine.add_weight("w", shape, dtype, &bytes).expect("fits");
        let mut recorder = Recorder::new();
        let x_id = recorder.input([n_rows, k], DType::F32);
        let bias_id = recorder.input([n], DType::F32);
        let w_id = recorder.weight(weight, shape, dtype);
        let y = recorder.linear(x_id, w_id, has_bias.then_some(bias_id)).expect("fits");
        recorder.keep(y);
        let recording = recorder.finish();
        let reads = [Read::tensor(&recording, y)];
        let (inputs, control) = ([InputData::F32(&x), InputData::F32(&bias)], Control::default());
        let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
        let values = pollster::block_on(run).expect("runs");
        let name = format!("{name}: {dtype:?} [{n_rows}, {k}] by [{n}, {k}]");
        assert_close(&name, &values[0], &expected, 2e-5 * (k as f32).sqrt().max(1.0));
    });
}

#[test]
fn linear_over_floats() {
    for dtype in [DType::F32, DType::F16, DType::BF16] {
        for (n_rows, k, n) in [(1, 1, 1), (1, 63, 65), (3, 65, 63), (5, 96, 130), (70, 257, 129)] {
            check(dtype, n_rows, k, n, n_rows % 2 == 1);
        }
    }
    check(DType::F32, 2, 1757, 7, true);
}

#[test]
fn linear_over_blocks() {
    for dtype in [DType::Q8_0, DType::Q4_0, DType::Q4_1, DType::I8] {
        for (n_rows, k, n) in [(1, 32, 1), (1, 576, 65), (4, 96, 63), (9, 64, 130), (66, 288, 129)] {
            check(dtype, n_rows, k, n, n_rows % 2 == 0);
        }
    }
}

#[test]
fn linear_over_finer_blocks() {
    for dtype in [DType::Q5_0, DType::Q5_1, DType::IQ4_NL, DType::Q4_K, DType::Q5_K, DType::Q6_K] {
        for (n_rows, k, n) in [(1, 256, 1), (1, 512, 65), (4, 256, 63), (9, 768, 30), (66, 256, 129)] {
            check(dtype, n_rows, k, n, n_rows % 2 == 0);
        }
    }
    check(DType::Q5_0, 3, 96, 7, true);
}

#[test]
fn a_nan_reaches_its_own_row_only() {
    each_gpu(|name, engine| {
        let mut recorder = Recorder::new();
        let x = recorder.input([3, 40], DType::F32);
        let w = recorder.input([70, 40], DType::F32);
        let y = recorder.linear(x, w, None).expect("fits");
        recorder.keep(y);
        let recording = recorder.finish();
        let mut values = vec![1.0; 3 * 40];
        values[40] = f32::NAN;
        let (ones, reads) = (vec![1.0; 70 * 40], [Read::tensor(&recording, y)]);
        let (inputs, control) = ([InputData::F32(&values), InputData::F32(&ones)], Control::default());
        let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
        let values = pollster::block_on(run).expect("runs");
        for (idx, value) in values[0].iter().enumerate() {
            assert_eq!(value.is_nan(), idx / 70 == 1, "{name}: value {idx} is {value}");
        }
    });
}
