//! GPU side of [`super::Accumulate`].

use super::Accumulate;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `accumulate.wgsl`.
    AccumulateParams { n_fours: u32, }
}

const ACCUMULATE: Shader =
    Shader::new::<AccumulateParams>("accumulate", &[wgsl!("accumulate.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ACCUMULATE];

pub(crate) fn dispatches(_: &Accumulate, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let params = AccumulateParams { n_fours: n_fours as u32 };
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(ACCUMULATE, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
