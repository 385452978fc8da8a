//! GPU side of [`super::Rope`].

use super::{Rope, RopePairs};
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `rope.wgsl`.
    RopeParams {
        n: u32,
        n_cols: u32,
        d_head: u32,
        n_rotary: u32,
        interleaved: u32,
        has_factors: u32,
        inverse: u32,
    }
}

const ROPE: Shader = Shader::new::<RopeParams>("rope", &[wgsl!("rope.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ROPE];

/// Turns a position of each pair: fraction in 64-bit fixed point (high, low), the f32, nothing.
pub(crate) fn turns(op: &Rope) -> Vec<u32> {
    let two_to_64 = 2f64.powi(64);
    (0..op.n_rotary / 2)
        .flat_map(|pair| {
            let frequency = f64::from(op.base).powf(-2.0 * pair as f64 / op.n_rotary as f64);
            let turns = frequency / std::f64::consts::TAU;
            let fixed = (turns.fract() * two_to_64) as u64;
            [(fixed >> 32) as u32, fixed as u32, (turns as f32).to_bits(), 0]
        })
        .collect()
}

pub(crate) fn dispatches(op: &Rope, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let params = RopeParams {
        n: shape.len() as u32,
        n_cols: shape.n_cols() as u32,
        d_head: op.d_head as u32,
        n_rotary: op.n_rotary as u32,
        interleaved: flag(op.pairs == RopePairs::Interleaved),
        has_factors: flag(op.has_factors),
        inverse: flag(op.inverse),
    };
    let operands = vec![
        site.read(0),
        site.read(1),
        site.read_if(op.has_factors, 2),
        Operand::Table(turns(op)),
        site.write(0),
    ];
    vec![Dispatch::new(ROPE, &params, operands, groups_of(shape.len().div_ceil(64)))]
}
