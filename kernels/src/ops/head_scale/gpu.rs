//! GPU side of [`super::HeadScale`].

use super::HeadScale;
use crate::engine::dispatch::{Dispatch, Shader, Site, flag, params};
use crate::ops::attention::gpu::one_each;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `head_scale.wgsl`.
    HeadScaleParams { n: u32, d: u32, divides: u32, eps: f32, }
}

const HEAD_SCALE: Shader =
    Shader::new::<HeadScaleParams>("head_scale", &[wgsl!("head_scale.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[HEAD_SCALE];

pub(crate) fn dispatches(op: &HeadScale, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.output(0).shape.len();
    let (divides, eps) = match *op {
        HeadScale::Times => (false, 0.0),
        HeadScale::Over(eps) => (true, eps),
    };
    let d = n / site.input(1).shape.len().max(1);
    let params = HeadScaleParams { n: n as u32, d: d as u32, divides: flag(divides), eps };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(HEAD_SCALE, &params, operands, one_each(n))]
}
