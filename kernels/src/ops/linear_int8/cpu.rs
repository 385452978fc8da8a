//! CPU twin of [`super::LinearInt8`].

use super::LinearInt8;
use crate::engine::cpu::matmul::{for_tile_of, store_first, tile_bytes};
use crate::engine::cpu::packed::{GROUPS, Packed};
use crate::engine::cpu::{Context, Data, Weight};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &LinearInt8, cx: &mut Context<'_>) {
    let Data::Weight(Weight::Packed(packed)) = cx.inputs[1].data else {
        unreachable!("only weights hold bytes, and matrices are packed")
    };
    let isa = cx.isa;
    isa.run(Int8Kernel { packed, has_bias: op.has_bias, cx });
}

struct Int8Kernel<'a, 'b, 'c> {
    packed: &'a Packed,
    has_bias: bool,
    cx: &'b mut Context<'c>,
}

impl Kernel for Int8Kernel<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { packed, has_bias, cx } = self;
        let x = &cx.inputs[0];
        let (n_rows, k) = (x.shape.n_rows(), x.shape.n_cols());
        let (n, width) = (cx.inputs[1].shape.n_rows(), GROUPS * S::LANES);
        let alpha = cx.inputs[2].f32()[0];
        let bias = if has_bias { cx.inputs[3].f32() } else { &[] };
        let (x, pairs) = (x.f32(), cx.scratch.bytes.words_mut(n_rows * k / 2));
        if cx.part.idx == 0 {
            for (t, row) in x.chunks_exact(k.max(1)).enumerate() {
                let first = t / S::TILE * S::TILE;
                let size = S::TILE.min(n_rows - first);
                let tile = &mut pairs[first * k / 2..][..size * k / 2];
                for (pair, column) in row.chunks_exact(2).zip(tile.chunks_exact_mut(size)) {
                    column[t - first] =
                        quantised(pair[0] * alpha) & 0xffff | quantised(pair[1] * alpha) << 16;
                }
            }
        }
        for panel_idx in cx.part.of(n.div_ceil(width)) {
            let panel = packed.panel(panel_idx);
            // All blocks have the tensor's scale.
            let factor = panel.first().map_or(0.0, |&bits| f32::from_bits(bits)) / alpha;
            let column = panel_idx * width;
            let n_columns = width.min(n - column);
            for first in (0..n_rows).step_by(S::TILE) {
                let size = S::TILE.min(n_rows - first);
                let tile = &pairs[first * k / 2..][..size * k / 2];
                for_tile_of!(S, size, T => {
                    let dots = tile_bytes::<S, T>(s, panel, tile);
                    for (t, dots) in dots.into_iter().enumerate() {
                        let row = (first + t) * n + column;
                        let y = &mut cx.outputs[0].data[row..][..n_columns];
                        let sums = dots.map(|dot| s.f32_mul(s.f32_from_i32(dot), s.f32_splat(factor)));
                        store_first(s, sums, n_columns, y);
                        for (y, bias) in y.iter_mut().zip(bias.get(column..).unwrap_or_default()) {
                            *y += bias;
                        }
                        let x = &x[(first + t) * k..][..k];
                        if let Some(bad) = x.iter().rfind(|value| !value.is_finite()) {
                            y.fill(*bad);
                        }
                    }
                });
            }
        }
    }
}

/// The nearest integer within ±127, as bits of an i32; of NaN, any.
#[inline(always)]
fn quantised(value: f32) -> u32 {
    // Adding this makes the sum's last bits the value rounded to an integer, ties to even.
    const ROUND: f32 = 12_582_912.0;
    let held = value.clamp(-127.0, 127.0);
    (held + ROUND).to_bits().wrapping_sub(ROUND.to_bits())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::testing::{engines, noise, run};
    use crate::engine::testing::Rng;
    use crate::{DType, InputData, Shape, Step};

    #[test]
    fn rounding_is_to_even_and_saturates() {
        let cases = [(0.5, 0), (1.5, 2), (-2.5, -2), (126.6, 127), (-300.0, -127), (1e9, 127)];
        for (value, expected) in cases {
            assert_eq!(quantised(value) as i32, expected, "{value}");
        }
    }

    #[test]
    fn every_instruction_set_sums_exactly() {
        for [t, n, k] in [[1, 1, 32], [2, 63, 64], [7, 40, 256], [13, 33, 1536]] {
            let shape = Shape::from([n, k]);
            let bytes = Rng::new(3).stored(shape, DType::I8);
            let (x, bias) = (noise(1, t * k), noise(2, n));
            let alpha = 97.3_f32;
            let scale = f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
            let dot = |row: usize, out: usize| -> i32 {
                let blocks = bytes[out * k / 32 * 36..][..k / 32 * 36].chunks_exact(36);
                let quants = blocks.flat_map(|block| &block[4..]).map(|&q| i32::from(q as i8));
                let rounded = x[row * k..][..k].iter().map(|x| {
                    (x * alpha).round_ties_even().clamp(-127.0, 127.0) as i32
                });
                rounded.zip(quants).map(|(x, q)| x * q).sum()
            };
            let expected: Vec<f32> = (0..t * n)
                .map(|at| dot(at / n, at % n) as f32 * (scale / alpha) + bias[at % n])
                .collect();
            for mut engine in engines(Default::default()) {
                let weight = engine.add_weight("w", shape, DType::I8, &bytes).expect("fits");
                let inputs = [InputData::F32(&x), InputData::F32(&[alpha]), InputData::F32(&bias)];
                let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                    let x = recorder.input([t, k], DType::F32);
                    let alpha = recorder.input([1], DType::F32);
                    let bias = recorder.input([n], DType::F32);
                    let w = recorder.weight(weight, shape, DType::I8);
                    vec![recorder.linear_int8(x, w, alpha, Some(bias)).expect("fits")]
                });
                assert_eq!(got[0], expected, "{} {t}×{n}×{k}", engine.name());
            }
        }
    }
}
