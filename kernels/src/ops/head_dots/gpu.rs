//! GPU side of [`super::HeadDots`].

use super::HeadDots;
use crate::engine::dispatch::{Dispatch, Shader, Site, params};
use crate::ops::attention::gpu::one_each;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `head_dots.wgsl`.
    HeadDotsParams { n: u32, d: u32, }
}

const HEAD_DOTS: Shader = Shader::new::<HeadDotsParams>("head_dots", &[wgsl!("head_dots.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[HEAD_DOTS];

pub(crate) fn dispatches(op: &HeadDots, site: &Site<'_>) -> Vec<Dispatch> {
    let (n, d) = (site.output(0).shape.len(), site.input(0).shape.n_cols() / op.n_heads);
    let params = HeadDotsParams { n: n as u32, d: d as u32 };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(HEAD_DOTS, &params, operands, one_each(n)).work((n * d) as u64)]
}
