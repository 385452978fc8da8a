//! GPU side of [`super::Mix`].

use super::Mix;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `mix.wgsl`.
    MixParams { n_fours: u32, n_inputs: u32, a: f32, b: f32, }
}

const MIX: Shader = Shader::new::<MixParams>("mix", &[wgsl!("mix.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[MIX];

pub(crate) fn dispatches(op: &Mix, site: &Site<'_>) -> Vec<Dispatch> {
    let n_fours = site.output(0).shape.len().div_ceil(4);
    let n_inputs = site.node.inputs.len();
    let params =
        MixParams { n_fours: n_fours as u32, n_inputs: n_inputs as u32, a: op.a, b: op.b };
    let operands = vec![site.read(0), site.read_if(n_inputs == 2, 1), site.write(0)];
    vec![Dispatch::new(MIX, &params, operands, groups_of(n_fours.div_ceil(64)))]
}
