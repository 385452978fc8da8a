//! GPU side of [`super::OpName`].

use super::OpName;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `op_name.wgsl`.
    OpNameParams { n_fours: u32, }
}

const SHADER: Shader = Shader::new::<OpNameParams>("op_name", &[wgsl!("op_name.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SHADER];

pub(crate) fn dispatches(_: &OpName, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let params = OpNameParams { n_fours: n_fours as u32 };
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(SHADER, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
