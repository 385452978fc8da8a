//! GPU side of [`super::Update`]: a shader a number of moments.

use super::{Rule, Update};
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the variants of update.
    UpdateParams {
        n: u32,
        kind: u32,
        has_norm: u32,
        flags: u32,
        a: f32,
        b: f32,
        eps: f32,
        decay: f32,
    }
}

const SHARED: &str = wgsl!("update.wgsl");
const NONE: Shader = Shader::new::<UpdateParams>("update.none", &[SHARED, wgsl!("none.wgsl")]);
const ONE: Shader = Shader::new::<UpdateParams>("update.one", &[SHARED, wgsl!("one.wgsl")]);
const TWO: Shader = Shader::new::<UpdateParams>("update.two", &[SHARED, wgsl!("two.wgsl")]);

/// All shaders of this op, by moments.
pub(crate) const SHADERS: &[Shader] = &[NONE, ONE, TWO];

pub(crate) fn dispatches(op: &Update, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.input(0).shape.len();
    let params = UpdateParams { n: n as u32, has_norm: flag(op.has_norm), ..numbers(op.rule) };
    let n_states = site.node.outputs.len();
    let mut operands: Vec<Operand> =
        vec![site.read(0), site.read(1), site.read_if(op.has_norm, 2)];
    operands.extend((0..n_states).map(|idx| site.write(idx)));
    vec![Dispatch::new(SHADERS[n_states - 1], &params, operands, groups_of(n.div_ceil(64)))]
}

/// The rule as the shaders take it.
fn numbers(rule: Rule) -> UpdateParams {
    let base = UpdateParams {
        n: 0,
        kind: 0,
        has_norm: 0,
        flags: 0,
        a: 0.0,
        b: 0.0,
        eps: 0.0,
        decay: 0.0,
    };
    match rule {
        Rule::Sgd { momentum, nesterov, decay } => {
            UpdateParams { flags: flag(nesterov), a: momentum, decay, ..base }
        }
        Rule::Adam { beta1, beta2, eps, decay, decoupled } => {
            UpdateParams { flags: flag(decoupled), a: beta1, b: beta2, eps, decay, ..base }
        }
        Rule::Lion { beta1, beta2, decay } => {
            UpdateParams { kind: 1, a: beta1, b: beta2, decay, ..base }
        }
    }
}
