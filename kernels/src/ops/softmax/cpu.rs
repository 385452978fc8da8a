//! CPU twin of [`super::Softmax`].

use super::{Softmax, add_by_distance};
use crate::engine::cpu::Context;
use crate::engine::cpu::softmax::softmax_row;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &Softmax, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a Softmax,
    cx: &'a mut Context<'b>,
}

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let shape = cx.inputs[0].shape;
        let (n_maps, n_rows, n_cols) = (shape.dims()[0], shape.dims()[1], shape.dims()[2]);
        let scores = cx.inputs[0].f32(); // [n_maps, T, S]
        let padding = op.has_padding.then(|| cx.indices(1)); // [S]
        let bias_idx = 1 + usize::from(op.has_padding);
        let bias = op.has_bias.then(|| &cx.inputs[bias_idx]); // [n_maps or 1, T, S]
        let distances = op.has_distances.then(|| cx.inputs[bias_idx + usize::from(op.has_bias)].f32());
        let n_distances = distances.map_or(0, |all| all.len() / n_maps.max(1)); // [n_maps, 2R + 1]
        let slopes = op.reach.slopes(n_maps);
        let past = cx.step.past as usize;
        let out = &mut cx.outputs[0];
        let (n_out_rows, first_row) =
            if op.into_state { (out.shape.dims()[1], past) } else { (n_rows, 0) };
        for map in 0..n_maps {
            for t in 0..n_rows {
                let end = op.row_end(t, n_rows, n_cols, cx.step);
                let scores = &scores[(map * n_rows + t) * n_cols..][..n_cols];
                let row = &mut out.data[(map * n_out_rows + first_row + t) * n_cols..][..n_cols];
                let start = op.reach.start(past + t).min(end);
                row[..start].fill(0.0);
                row[end..].fill(0.0);
                let row = &mut row[start..end];
                row.copy_from_slice(&scores[start..end]);
                if let Some(bias) = bias {
                    let map = map % bias.shape.dims()[0];
                    let bias = &bias.f32()[(map * n_rows + t) * n_cols..][start..end];
                    row.iter_mut().zip(bias).for_each(|(value, bias)| *value += bias);
                }
                op.reach.add_to(row, start, past + t, slopes.get(map).copied().unwrap_or(0.0));
                if let Some(distances) = distances {
                    let by_distance = &distances[map * n_distances..][..n_distances];
                    add_by_distance(row, start, past + t, by_distance);
                }
                softmax_row(s, row, padding.map(|padding| &padding[start..]));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::testing::{absolute_error, engines, noise, run};
    use crate::engine::cpu::CpuOptions;
    use crate::ops::softmax::{Masks, Reach};
    use crate::{DType, InputData, Step};

    /// By the definition, in f64.
    fn naive(row: &[f32], shown: impl Fn(usize) -> bool) -> Vec<f64> {
        let row: Vec<f64> = row.iter().map(|value| f64::from(*value)).collect();
        let cols = || (0..row.len()).filter(|col| shown(*col));
        let max = cols().map(|col| row[col]).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = cols().map(|col| (row[col] - max).exp()).sum();
        let cell = |col: usize| if shown(col) { (row[col] - max).exp() / sum } else { 0.0 };
        (0..row.len()).map(cell).collect()
    }

    #[test]
    fn masks_hide_and_rows_sum_to_one() {
        for (n_maps, t, n, past) in [(1, 1, 1, 0), (2, 5, 63, 0), (3, 7, 65, 3), (2, 33, 40, 7)] {
            let scores: Vec<f32> =
                noise(4, n_maps * t * n).iter().map(|value| value * 20.0).collect();
            let bias = noise(5, n_maps * t * n);
            let padding: Vec<u32> = (0..n as u32).map(|col| u32::from(col % 5 != 1)).collect();
            let sum: Vec<f32> = scores.iter().zip(&bias).map(|(s, b)| s + b).collect();
            let expected: Vec<f64> = (0..n_maps * t)
                .flat_map(|row| {
                    let end = (past + row % t + 1).min(n).min(past + t);
                    let shown = |col: usize| col < end && padding[col] != 0;
                    naive(&sum[row * n..][..n], shown)
                })
                .collect();
            let inputs =
                [InputData::F32(&scores), InputData::U32(&padding), InputData::F32(&bias)];
            let step = Step { past: past as u32, ..Step::default() };
            for mut engine in engines(CpuOptions::default()) {
                let got = run(&mut engine, &inputs, step, |recorder| {
                    let scores = recorder.input([n_maps, t, n], DType::F32);
                    let padding = recorder.input([n], DType::U32);
                    let bias = recorder.input([n_maps, t, n], DType::F32);
                    let masks = Masks {
                        causal: true,
                        until_filled: true,
                        padding: Some(padding),
                        bias: Some(bias),
                        ..Masks::default()
                    };
                    vec![recorder.softmax(scores, masks).expect("fits")]
                });
                let err = absolute_error(&got[0], &expected);
                assert!(err <= 3e-7, "{}: {n_maps}×{t}×{n}: {err:e}", engine.name());
            }
        }
    }

    #[test]
    fn windows_and_linear_biases_by_their_definition() {
        let (n_maps, t, n, past) = (6, 4, 40, 9);
        let scores = noise(4, n_maps * t * n);
        let slopes = [0.25, 0.0625, 0.015_625, 0.003_906_25, 0.5, 0.125];
        for (window, alibi) in [(3, false), (0, true), (20, true)] {
            let expected: Vec<f64> = (0..n_maps * t)
                .flat_map(|row| {
                    let position = past + row % t;
                    let mut biased = scores[row * n..][..n].to_vec();
                    for (col, score) in biased.iter_mut().enumerate().filter(|_| alibi) {
                        *score += slopes[row / t] * (col as f32 - position as f32);
                    }
                    let near = |col: usize| window == 0 || col + window > position;
                    naive(&biased, |col| col <= position && near(col))
                })
                .collect();
            let step = Step { past: past as u32, ..Step::default() };
            for mut engine in engines(CpuOptions::default()) {
                let got = run(&mut engine, &[InputData::F32(&scores)], step, |recorder| {
                    let scores = recorder.input([n_maps, t, n], DType::F32);
                    let reach = Reach { window, alibi };
                    let masks = Masks { causal: true, reach, ..Masks::default() };
                    vec![recorder.softmax(scores, masks).expect("fits")]
                });
                let err = absolute_error(&got[0], &expected);
                assert!(err <= 3e-7, "{}: window {window}: {err:e}", engine.name());
            }
        }
    }

    #[test]
    fn a_row_with_every_cell_hidden_is_zero() {
        for mut engine in engines(CpuOptions::default()) {
            let inputs = [InputData::F32(&[3.0; 5]), InputData::U32(&[0; 5])];
            let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                let scores = recorder.input([1, 1, 5], DType::F32);
                let padding = recorder.input([5], DType::U32);
                let masks = Masks { padding: Some(padding), ..Masks::default() };
                vec![recorder.softmax(scores, masks).expect("fits")]
            });
            assert_eq!(got[0], [0.0; 5]);
        }
    }
}
