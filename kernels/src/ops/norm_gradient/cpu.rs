//! CPU twin of [`super::NormGradient`].

use super::NormGradient;
use crate::engine::cpu::Context;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &NormGradient, cx: &mut Context<'_>) {
    cx.isa.run(Rows { op, cx });
}

struct Rows<'a, 'b> {
    op: &'a NormGradient,
    cx: &'a mut Context<'b>,
}

/// Partial sums of a row that do not wait for each other.
const CHAINS: usize = 16;

impl Kernel for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { op, cx } = self;
        let [x, dy, stats] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
        let [dx, dgain, dbias] = &mut *cx.outputs else { unreachable!("three outputs") };
        let d = dgain.shape.len().max(1);
        let gain = if op.has_gain { Some(cx.inputs[3].f32()) } else { None }; // [d]
        let [gains, biases] = &mut cx.scratch.columns;
        gains.start(d);
        biases.start(d);
        let rows = x.chunks_exact(d).zip(dy.chunks_exact(d)).zip(stats.chunks_exact(2));
        for (((x, dy), stats), dx) in rows.zip(dx.data.chunks_exact_mut(d)) {
            let shift = if op.centred { stats[0] } else { 0.0 };
            let scale = 1.0 / stats[1];
            let (gains, biases) = (gains.next_row(), biases.next_row());
            // dx holds x̂ and then the gradient.
            for (((dx, x), dy), (gains, biases)) in
                dx.iter_mut().zip(x).zip(dy).zip(gains.iter_mut().zip(biases))
            {
                *dx = (x - shift) * scale;
                *gains += dy * *dx;
                *biases += dy;
            }
            let mut sums = [[0.0_f32; CHAINS]; 2];
            let mut add = |chain: usize, g: f32, normed: f32| {
                sums[0][chain] += g;
                sums[1][chain] += g * normed;
            };
            let whole = d / CHAINS * CHAINS;
            for from in (0..whole).step_by(CHAINS) {
                let (dy, normed) = (&dy[from..][..CHAINS], &dx[from..][..CHAINS]);
                match gain {
                    Some(gain) => {
                        let gain = &gain[from..][..CHAINS];
                        (0..CHAINS).for_each(|i| add(i, dy[i] * gain[i], normed[i]));
                    }
                    None => (0..CHAINS).for_each(|i| add(i, dy[i], normed[i])),
                }
            }
            for i in whole..d {
                add(0, dy[i] * gain.map_or(1.0, |gain| gain[i]), dx[i]);
            }
            let [mean, along] = sums.map(|chains| chains.iter().sum::<f32>() / d as f32);
            let mean = if op.centred { mean } else { 0.0 };
            match gain {
                Some(gain) => {
                    for ((dx, dy), gain) in dx.iter_mut().zip(dy).zip(gain) {
                        *dx = (dy * gain - mean - *dx * along) * scale;
                    }
                }
                None => {
                    for (dx, dy) in dx.iter_mut().zip(dy) {
                        *dx = (dy - mean - *dx * along) * scale;
                    }
                }
            }
        }
        gains.finish(&mut *dgain.data);
        biases.finish(&mut *dbias.data);
    }
}
