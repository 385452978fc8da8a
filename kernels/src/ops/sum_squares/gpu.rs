//! GPU side of [`super::SumSquares`].

use super::SumSquares;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, flag, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `sum_squares.wgsl`.
    SumSquaresParams { n: u32, has_before: u32, }
}

const SUM_SQUARES: Shader =
    Shader::new::<SumSquaresParams>("sum_squares", &[REDUCE, wgsl!("sum_squares.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SUM_SQUARES];

pub(crate) fn dispatches(_: &SumSquares, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.input(0).shape.len();
    let has_before = site.node.inputs.len() == 2;
    let params = SumSquaresParams { n: n as u32, has_before: flag(has_before) };
    let operands = vec![site.read(0), site.read_if(has_before, 1), site.write(0)];
    let dispatch = Dispatch::new(SUM_SQUARES, &params, operands, [1, 1, 1])
        .constant("WORKGROUP_SIZE", site.reduction_width(n))
        .work(n as u64);
    vec![dispatch]
}
