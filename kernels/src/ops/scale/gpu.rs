//! GPU side of [`super::Scale`].

use super::Scale;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `scale.wgsl`.
    ScaleParams {
        n: u32,
        n_cols: u32,
        row_start: u32,
        row_end: u32,
        col_start: u32,
        col_end: u32,
        factor: f32,
    }
}

const SCALE: Shader = Shader::new::<ScaleParams>("scale", &[STEP, wgsl!("scale.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SCALE];

pub(crate) fn dispatches(op: &Scale, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.output(0).shape;
    let clamped = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let params = ScaleParams {
        n: shape.len() as u32,
        n_cols: shape.n_cols() as u32,
        row_start: clamped(op.rows.start),
        row_end: clamped(op.rows.end),
        col_start: op.cols.start as u32,
        col_end: op.cols.end as u32,
        factor: op.factor,
    };
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(SCALE, &params, operands, groups_of(shape.len().div_ceil(64)))]
}
