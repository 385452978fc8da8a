//! GPU side of [`super::GatherGradient`].

use super::GatherGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `gather_gradient.wgsl`.
    GatherGradientParams { n_ids: u32, n_cols: u32, n_rows: u32, }
}

const GATHER_GRADIENT: Shader =
    Shader::new::<GatherGradientParams>("gather_gradient", &[wgsl!("gather_gradient.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[GATHER_GRADIENT];

pub(crate) fn dispatches(_: &GatherGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let (n_ids, out) = (site.input(1).shape.len(), site.output(0).shape);
    let params = GatherGradientParams {
        n_ids: n_ids as u32,
        n_cols: out.n_cols() as u32,
        n_rows: out.n_rows() as u32,
    };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    let work = out.n_rows() * n_ids + n_ids * out.n_cols();
    vec![Dispatch::new(GATHER_GRADIENT, &params, operands, groups_of(out.n_rows())).work(work as u64)]
}
