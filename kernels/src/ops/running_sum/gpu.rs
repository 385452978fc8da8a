//! GPU side of [`super::RunningSum`].

use super::RunningSum;
use crate::engine::dispatch::{Dispatch, Shader, Site, flag, params};
use crate::ops::attention::gpu::one_each;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `running_sum.wgsl`.
    RunningSumParams { n_sequences: u32, n_rows: u32, n_cols: u32, reversed: u32, }
}

const RUNNING_SUM: Shader =
    Shader::new::<RunningSumParams>("running_sum", &[wgsl!("running_sum.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[RUNNING_SUM];

pub(crate) fn dispatches(op: &RunningSum, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = RunningSumParams {
        n_sequences: op.n_sequences as u32,
        n_rows: (shape.n_rows() / op.n_sequences) as u32,
        n_cols: shape.n_cols() as u32,
        reversed: flag(op.reversed),
    };
    let groups = one_each(op.n_sequences * shape.n_cols());
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(RUNNING_SUM, &params, operands, groups).work(shape.len() as u64)]
}
