//! CPU twin of [`super::Rope`]. The sines of the last positions are kept: queries and keys of
//! all blocks turn by the same angles.

use super::{Rope, RopePairs};
use crate::engine::cpu::Context;
use crate::simd::{Kernel, Simd};

/// Cosines and sines of every position and pair.
#[derive(Default)]
pub(crate) struct RopeTable {
    /// What the table was made for: n_rotary, base, direction, positions, factors.
    n_rotary: usize,
    base: f32,
    inverse: bool,
    positions: Vec<u32>,
    factors: Vec<f32>,
    /// `[T, n_rotary / 2]` each.
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl RopeTable {
    fn fill(&mut self, op: &Rope, positions: &[u32], factors: &[f32]) {
        if self.n_rotary == op.n_rotary
            && self.base.to_bits() == op.base.to_bits()
            && self.inverse == op.inverse
            && self.positions == positions
            && self.factors == factors
        {
            return;
        }
        (self.n_rotary, self.base, self.inverse) = (op.n_rotary, op.base, op.inverse);
        self.positions.clear();
        self.positions.extend_from_slice(positions);
        self.factors.clear();
        self.factors.extend_from_slice(factors);
        self.cos.clear();
        self.sin.clear();
        for &position in positions {
            for pair in 0..op.n_rotary / 2 {
                // f64 here: angles of late positions lose digits in f32.
                let frequency = f64::from(op.base).powf(-2.0 * pair as f64 / op.n_rotary as f64)
                    / factors.get(pair).map_or(1.0, |factor| f64::from(*factor));
                let (sin, cos) = (f64::from(position) * frequency).sin_cos();
                self.cos.push(cos as f32);
                self.sin.push(if op.inverse { -sin } else { sin } as f32);
            }
        }
    }
}

pub(crate) fn run(op: &Rope, cx: &mut Context<'_>) {
    let factors = if op.has_factors { cx.inputs[2].f32() } else { &[] }; // [n_rotary / 2]
    cx.scratch.rope.fill(op, cx.indices(1), factors);
    cx.isa.run(Turn { op, cx });
}

struct Turn<'a, 'b> {
    op: &'a Rope,
    cx: &'a mut Context<'b>,
}

impl Kernel for Turn<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { op, cx } = self;
        let n_cols = cx.inputs[0].shape.n_cols();
        let n_pairs = op.n_rotary / 2;
        let x = cx.inputs[0].f32(); // [T, n_heads * d_head]
        let y = &mut *cx.outputs[0].data;
        let table = &cx.scratch.rope;
        let rows = x.chunks_exact(n_cols.max(1)).zip(y.chunks_exact_mut(n_cols.max(1)));
        for (t, (x, y)) in rows.enumerate() {
            let cos = &table.cos[t * n_pairs..][..n_pairs];
            let sin = &table.sin[t * n_pairs..][..n_pairs];
            for (x, y) in x.chunks_exact(op.d_head).zip(y.chunks_exact_mut(op.d_head)) {
                y[op.n_rotary..].copy_from_slice(&x[op.n_rotary..]);
                let turned = &mut y[..op.n_rotary];
                match op.pairs {
                    RopePairs::Halves => {
                        let (a, b) = x[..op.n_rotary].split_at(n_pairs);
                        let (to_a, to_b) = turned.split_at_mut(n_pairs);
                        for i in 0..n_pairs {
                            to_a[i] = a[i] * cos[i] - b[i] * sin[i];
                            to_b[i] = a[i] * sin[i] + b[i] * cos[i];
                        }
                    }
                    RopePairs::Interleaved => {
                        let pairs = x[..op.n_rotary].chunks_exact(2);
                        for (i, (x, y)) in pairs.zip(turned.chunks_exact_mut(2)).enumerate() {
                            y[0] = x[0] * cos[i] - x[1] * sin[i];
                            y[1] = x[0] * sin[i] + x[1] * cos[i];
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RopePairs;
    use crate::engine::cpu::CpuOptions;
    use crate::engine::cpu::testing::{absolute_error, engines, noise, run};
    use crate::ops::rope::Rope;
    use crate::{DType, InputData, Step};

    #[test]
    fn pairs_turn_by_position_and_tables_are_not_confused() {
        let (n_heads, d, t) = (3, 20, 5);
        let x = noise(1, t * n_heads * d);
        let factors: [f32; 8] = [1.0, 2.0, 0.5, 1.5, 1.0, 3.0, 1.0, 4.0];
        let cases = [[7, 0, 901, 3, 4], [8, 0, 901, 3, 4]];
        for mut engine in engines(CpuOptions::default()) {
            for (positions, base) in cases.iter().flat_map(|case| [(case, 1e4), (case, 5e5)]) {
                for pairs in [RopePairs::Halves, RopePairs::Interleaved] {
                    for has_factors in [false, true] {
                        let rope = Rope { d_head: d, n_rotary: 16, base, pairs, has_factors, inverse: false };
                        let mut expected: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
                        for row in 0..t * n_heads {
                            for (pair, &given) in factors.iter().enumerate() {
                                let factor = if has_factors { given } else { 1.0 };
                                let angle = f64::from(positions[row / n_heads])
                                    * f64::from(base).powf(-(pair as f64) / 8.0)
                                    / f64::from(factor);
                                let (a, b) = match pairs {
                                    RopePairs::Halves => (pair, pair + 8),
                                    RopePairs::Interleaved => (2 * pair, 2 * pair + 1),
                                };
                                let (u, v) = (expected[row * d + a], expected[row * d + b]);
                                expected[row * d + a] = u * angle.cos() - v * angle.sin();
                                expected[row * d + b] = u * angle.sin() + v * angle.cos();
                            }
                        }
                        let inputs = [
                            InputData::F32(&x),
                            InputData::U32(positions),
                            InputData::F32(&factors),
                        ];
                        let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                            let x = recorder.input([t, n_heads * d], DType::F32);
                            let positions = recorder.input([t], DType::U32);
                            let factors = recorder.input([8], DType::F32);
                            let factors = has_factors.then_some(factors);
                            vec![recorder.rope(x, positions, factors, rope).expect("fits")]
                        });
                        let err = absolute_error(&got[0], &expected);
                        assert!(err <= 3e-7, "{rope:?}: {err:e}");
                    }
                }
            }
        }
    }
}
