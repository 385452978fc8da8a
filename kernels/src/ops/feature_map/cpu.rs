//! CPU twin of [`super::FeatureMap`].

use super::{FeatureMap, Features};
use crate::engine::cpu::Context;
use crate::ops::gru::cpu::dot;

pub(crate) fn run(op: &FeatureMap, cx: &mut Context<'_>) {
    let d = op.d_head;
    let omega = cx.inputs.get(1).map_or(&[][..], |omega| omega.f32());
    let d_features = op.features.width(d, omega.len() / d);
    let heads = cx.inputs[0].f32().chunks_exact(d);
    for (x, y) in heads.zip(cx.outputs[0].data.chunks_exact_mut(d_features)) {
        map(op.features, x, omega, y);
    }
}

/// φ(x) of one head.
fn map(features: Features, x: &[f32], omega: &[f32], y: &mut [f32]) {
    let d = x.len();
    match features {
        Features::Identity => y.copy_from_slice(x),
        Features::EluPlusOne => {
            let each = |x: f32| if x > 0.0 { x + 1.0 } else { x.exp() };
            y.iter_mut().zip(x).for_each(|(y, x)| *y = each(*x));
        }
        Features::Relu => y.iter_mut().zip(x).for_each(|(y, x)| *y = x.max(0.0)),
        Features::Dpfp(_) => {
            for (shift, y) in y.chunks_exact_mut(2 * d).enumerate() {
                for (at, y) in y.iter_mut().enumerate() {
                    *y = rectified(x, at) * rectified(x, (at + shift + 1) % (2 * d));
                }
            }
        }
        Features::FavorPositive => {
            let (half_square, root) = (0.5 * dot(x, x), (y.len() as f32).sqrt());
            for (y, omega) in y.iter_mut().zip(omega.chunks_exact(d)) {
                *y = (dot(omega, x) - half_square).exp() / root;
            }
        }
        Features::FavorTrigonometric => {
            let (sines, cosines) = y.split_at_mut(omega.len() / d);
            let factor = (0.5 * dot(x, x)).exp() / (sines.len() as f32).sqrt();
            let both = sines.iter_mut().zip(cosines);
            for ((sine, cosine), omega) in both.zip(omega.chunks_exact(d)) {
                let angle = dot(omega, x);
                (*sine, *cosine) = (factor * angle.sin(), factor * angle.cos());
            }
        }
    }
}

/// ReLU([x, −x]) at an index.
pub(crate) fn rectified(x: &[f32], at: usize) -> f32 {
    if at < x.len() { x[at].max(0.0) } else { (-x[at - x.len()]).max(0.0) }
}
