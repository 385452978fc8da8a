//! CPU twin of [`super::FeatureMapGradient`].

use super::FeatureMapGradient;
use crate::engine::cpu::Context;
use crate::ops::feature_map::Features;
use crate::ops::feature_map::cpu::rectified;
use crate::ops::gru::cpu::dot;

pub(crate) fn run(op: &FeatureMapGradient, cx: &mut Context<'_>) {
    let d = op.of.d_head;
    let omega = cx.inputs.get(3).map_or(&[][..], |omega| omega.f32());
    let d_features = op.of.features.width(d, omega.len() / d);
    let [x, y, dy] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let heads = y.chunks_exact(d_features).zip(dy.chunks_exact(d_features));
    let heads = x.chunks_exact(d).zip(heads).zip(cx.outputs[0].data.chunks_exact_mut(d));
    for ((x, (y, dy)), dx) in heads {
        gradient(op.of.features, x, [y, dy], omega, dx);
    }
}

/// dx of one head.
fn gradient(features: Features, x: &[f32], [y, dy]: [&[f32]; 2], omega: &[f32], dx: &mut [f32]) {
    let d = x.len();
    match features {
        Features::Identity => dx.copy_from_slice(dy),
        Features::EluPlusOne => {
            // Below 0 the slope of exp is what it gave.
            for (col, dx) in dx.iter_mut().enumerate() {
                *dx = if x[col] > 0.0 { dy[col] } else { dy[col] * y[col] };
            }
        }
        Features::Relu => {
            for (col, dx) in dx.iter_mut().enumerate() {
                *dx = if x[col] > 0.0 { dy[col] } else { 0.0 };
            }
        }
        Features::Dpfp(nu) => {
            let n = 2 * d;
            let of_rectified = |at: usize| -> f32 {
                let pair = |shift: usize| {
                    let before = (at + n * nu - shift) % n;
                    dy[(shift - 1) * n + at] * rectified(x, (at + shift) % n)
                        + dy[(shift - 1) * n + before] * rectified(x, before)
                };
                (1..=nu).map(pair).sum()
            };
            for (col, dx) in dx.iter_mut().enumerate() {
                *dx = match x[col] {
                    x if x > 0.0 => of_rectified(col),
                    x if x < 0.0 => -of_rectified(col + d),
                    _ => 0.0,
                };
            }
        }
        Features::FavorPositive => {
            let along = dot(y, dy);
            dx.iter_mut().zip(x).for_each(|(dx, x)| *dx = -along * x);
            for ((y, dy), omega) in y.iter().zip(dy).zip(omega.chunks_exact(d)) {
                dx.iter_mut().zip(omega).for_each(|(dx, omega)| *dx += y * dy * omega);
            }
        }
        Features::FavorTrigonometric => {
            let along = dot(y, dy);
            dx.iter_mut().zip(x).for_each(|(dx, x)| *dx = along * x);
            let m = omega.len() / d;
            for (row, omega) in omega.chunks_exact(d).enumerate() {
                let turn = dy[row] * y[m + row] - dy[m + row] * y[row];
                dx.iter_mut().zip(omega).for_each(|(dx, omega)| *dx += turn * omega);
            }
        }
    }
}
