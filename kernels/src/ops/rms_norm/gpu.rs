//! GPU side of [`super::RmsNorm`].

use super::RmsNorm;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `rms_norm.wgsl`.
    RmsNormParams { n_rows: u32, n_cols: u32, has_gain: u32, eps: f32, }
}

const RMS_NORM: Shader =
    Shader::new::<RmsNormParams>("rms_norm", &[REDUCE, wgsl!("rms_norm.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[RMS_NORM];

pub(crate) fn dispatches(op: &RmsNorm, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let n_cols = if op.has_gain { site.input(1).shape.len() } else { shape.n_cols() };
    let n_rows = shape.len() / n_cols.max(1);
    let params = RmsNormParams {
        n_rows: n_rows as u32,
        n_cols: n_cols as u32,
        has_gain: flag(op.has_gain),
        eps: op.eps,
    };
    let operands =
        vec![site.read(0), site.read_if(op.has_gain, 1), site.write(0), site.write(1)];
    let dispatch = Dispatch::new(RMS_NORM, &params, operands, groups_of(n_rows))
        .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
        .work(2 * shape.len() as u64);
    vec![dispatch]
}
