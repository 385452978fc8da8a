//! CPU twin of [`super::Linear`]; the work is in [`crate::engine::cpu::product`].

use super::Linear;
use crate::engine::cpu::Context;
use crate::engine::cpu::product::Product;

pub(crate) fn run(op: &Linear, cx: &mut Context<'_>) {
    let product = Product {
        n_rows: cx.inputs[0].shape.n_rows(),
        x: cx.inputs[0].f32(),
        w: &cx.inputs[1],
        bias: op.has_bias.then(|| cx.inputs[2].f32()),
        y: &mut *cx.outputs[0].data,
        activations: cx.options.activations,
        part: cx.part,
    };
    product.run(cx.isa, &mut cx.scratch.product);
}

#[cfg(test)]
mod tests {
    use half::{bf16, f16};

    use crate::engine::cpu::testing::{engines, noise, relative_error, run};
    use crate::engine::cpu::{Activations, CpuEngine, CpuOptions};
    use crate::engine::testing::Rng;
    use crate::{DType, Engine, InputData, Shape, Step};

    const ALL: [DType; 6] =
        [DType::F32, DType::F16, DType::BF16, DType::Q8_0, DType::Q4_0, DType::Q4_1];

    /// Values of a weight as a file holds them.
    fn stored(dtype: DType, values: &[f32]) -> Vec<u8> {
        let scale = f16::from_f32(0.013).to_le_bytes();
        let minimum = f16::from_f32(-0.11).to_le_bytes();
        let quants = |block: &[f32], n: usize| -> Vec<u8> {
            block[..n].iter().map(|value| (value * 127.0) as i8 as u8).collect()
        };
        match dtype {
            DType::F16 => values.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect(),
            DType::BF16 => values.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect(),
            DType::Q8_0 => values
                .chunks_exact(32)
                .flat_map(|block| [&scale[..], &quants(block, 32)].concat())
                .collect(),
            DType::Q4_0 => values
                .chunks_exact(32)
                .flat_map(|block| [&scale[..], &quants(block, 16)].concat())
                .collect(),
            DType::Q4_1 => values
                .chunks_exact(32)
                .flat_map(|block| [&scale[..], &minimum, &quants(block, 16)].concat())
                .collect(),
            _ => bytemuck::cast_slice(values).to_vec(),
        }
    }

    #[test]
    fn finer_blocks_are_read_where_they_lie() {
        for dtype in
            [DType::Q5_0, DType::Q5_1, DType::IQ4_NL, DType::I8, DType::Q4_K, DType::Q5_K, DType::Q6_K]
        {
            for [t, n, k] in [[1, 8, 256], [3, 37, 512], [9, 130, 256]] {
                let shape = Shape::from([n, k]);
                let bytes = Rng::new(5).stored(shape, dtype);
                let mut w = vec![0.0; n * k];
                crate::blocks::read(dtype, &bytes, &mut w);
                let (x, bias) = (noise(1, t * k), vec![0.0; n]);
                let expected = naive(&x, &w, &bias, k);
                for mut engine in engines(CpuOptions::default()) {
                    let weight = engine.add_weight("w", shape, dtype, &bytes).expect("fits");
                    let got = run(&mut engine, &[InputData::F32(&x)], Step::default(), |recorder| {
                        let x = recorder.input([t, k], DType::F32);
                        let w = recorder.weight(weight, shape, dtype);
                        vec![recorder.linear(x, w, None).expect("fits")]
                    });
                    let err = relative_error(&got[0], &expected);
                    assert!(err <= 3e-6, "{}: {dtype:?} {t}×{n}×{k}: {err:e}", engine.name());
                }
            }
        }
    }

    /// The product in f64 of a weight widened by its own rows, through the gather op.
    fn naive(x: &[f32], w: &[f32], bias: &[f32], k: usize) -> Vec<f64> {
        let dot = |x: &[f32], w: &[f32]| -> f64 {
            x.iter().zip(w).map(|(x, w)| f64::from(*x) * f64::from(*w)).sum()
        };
        let rows = x.chunks_exact(k);
        rows.flat_map(|x| {
            w.chunks_exact(k).zip(bias).map(move |(w, b)| f64::from(*b) + dot(x, w))
        })
        .collect()
    }

    fn check(dtype: DType, [t, n, k]: [usize; 3], activations: Activations, tolerance: f64) {
        let (x, bias) = (noise(1, t * k), noise(2, n));
        let bytes = stored(dtype, &noise(3, n * k));
        for mut engine in engines(CpuOptions { activations }) {
            let shape = Shape::from([n, k]);
            let weight = engine.add_weight("w", shape, dtype, &bytes).expect("fits");
            let ids: Vec<u32> = (0..n as u32).collect();
            let widened = run(&mut engine, &[InputData::U32(&ids)], Step::default(), |recorder| {
                let ids = recorder.input([n], DType::U32);
                let w = recorder.weight(weight, shape, dtype);
                vec![recorder.gather(w, ids).expect("fits")]
            });
            let expected = naive(&x, &widened[0], &bias, k);
            let inputs = [InputData::F32(&x), InputData::F32(&bias)];
            let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                let x = recorder.input([t, k], DType::F32);
                let bias = recorder.input([n], DType::F32);
                let w = recorder.weight(weight, shape, dtype);
                vec![recorder.linear(x, w, Some(bias)).expect("fits")]
            });
            let err = relative_error(&got[0], &expected);
            let what = format!("{}: {dtype:?}, {t}×{k} by {n}×{k}: {err:e}", engine.name());
            assert!(err <= tolerance, "{what}");
        }
    }

    #[test]
    fn every_type_and_odd_shape_agrees_with_f64() {
        for dtype in ALL {
            for t in [1, 2, 3, 5, 7, 13] {
                for (n, k) in [(1, 32), (63, 64), (65, 96), (40, 576)] {
                    check(dtype, [t, n, k], Activations::F32, 1e-6);
                    check(dtype, [t, n, k], Activations::Quantised16, 3e-5);
                }
            }
        }
    }

    #[test]
    fn widths_that_are_no_whole_blocks_work_unquantised() {
        for dtype in [DType::F32, DType::F16, DType::BF16] {
            for (t, k) in [(1, 1), (1, 63), (9, 65), (2, 1757)] {
                check(dtype, [t, 33, k], Activations::Quantised16, 1e-6);
            }
        }
    }

    #[test]
    fn quantised_rows_widen_as_a_file_defines_them() {
        let d = f16::from_f32(0.5);
        let m = f16::from_f32(-3.0);
        let quants: Vec<u8> = (0..32).map(|i| (i * 7 % 256) as u8).collect();
        let q8 = [&d.to_le_bytes()[..], &quants].concat();
        let q41 = [&d.to_le_bytes()[..], &m.to_le_bytes(), &quants[..16]].concat();
        let cases = [
            (DType::Q8_0, q8, [0.5 * 7.0, 0.5 * 217.0_f32 - 128.0]),
            (DType::Q4_1, q41, [0.5 * 7.0 - 3.0, 0.5 * 6.0 - 3.0]),
        ];
        for (dtype, bytes, expected) in cases {
            for mut engine in engines(CpuOptions::default()) {
                let shape = Shape::from([1, 32]);
                let weight = engine.add_weight("w", shape, dtype, &bytes).expect("fits");
                let row = run(&mut engine, &[InputData::U32(&[0])], Step::default(), |recorder| {
                    let ids = recorder.input([1], DType::U32);
                    let w = recorder.weight(weight, shape, dtype);
                    vec![recorder.gather(w, ids).expect("fits")]
                });
                assert_eq!([row[0][1], row[0][31]], expected, "{dtype:?}");
            }
        }
    }

    #[test]
    fn a_value_that_is_not_finite_is_not_hidden() {
        let bytes = stored(DType::Q4_1, &noise(3, 8 * 32));
        for bad in [f32::NAN, f32::INFINITY] {
            let mut x = noise(1, 32);
            x[5] = bad;
            for mut engine in engines(CpuOptions::default()) {
                let shape = Shape::from([8, 32]);
                let weight = engine.add_weight("w", shape, DType::Q4_1, &bytes).expect("fits");
                let got = run(&mut engine, &[InputData::F32(&x)], Step::default(), |recorder| {
                    let x = recorder.input([1, 32], DType::F32);
                    let w = recorder.weight(weight, shape, DType::Q4_1);
                    vec![recorder.linear(x, w, None).expect("fits")]
                });
                assert!(got[0].iter().all(|y| !y.is_finite()), "{:?}", got[0]);
            }
        }
    }

    #[test]
    fn long_products_run_in_parts_with_the_same_result() {
        let (t, n, k) = (37, 6000, 512);
        let (x, bytes) = (noise(1, t * k), stored(DType::Q8_0, &noise(3, n * k)));
        let mut engine = Engine::Cpu(CpuEngine::new());
        let shape = Shape::from([n, k]);
        let weight = engine.add_weight("w", shape, DType::Q8_0, &bytes).expect("fits");
        let mut product = |rows: usize, x: &[f32]| {
            run(&mut engine, &[InputData::F32(x)], Step::default(), |recorder| {
                let x = recorder.input([rows, k], DType::F32);
                let w = recorder.weight(weight, shape, DType::Q8_0);
                vec![recorder.linear(x, w, None).expect("fits")]
            })
            .remove(0)
        };
        let all = product(t, &x);
        let one = product(1, &x[20 * k..21 * k]);
        let expected: Vec<f64> = one.iter().map(|y| f64::from(*y)).collect();
        let err = relative_error(&all[20 * n..21 * n], &expected);
        assert!(err <= 1e-6, "{err:e}");
    }
}
