//! GPU side of [`super::AttentionRecomputed`].

use super::AttentionRecomputed;
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, Shader, Site, groups_of};
use crate::ops::attention::Attention;
use crate::ops::attention::gpu::{AttentionParams, HEADS};
use crate::ops::dropout::gpu::PHILOX;
use crate::shader_text::wgsl;

/// A score, from what is bound as `q`, `k`, `shown` and `extra`; needs [`PHILOX`] and [`HEADS`].
pub(crate) const SCORE: &str = wgsl!("score.wgsl");

const TILES: Shader = Shader::new::<AttentionParams>(
    "attention_recomputed",
    &[REDUCE, PHILOX, HEADS, SCORE, wgsl!("tiles.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[TILES];

/// The op's numbers, and the operands `shown` and `extra` (a bias, biases by distance, or a seed),
/// where q, k, v are the site's inputs from `first` on.
pub(crate) fn numbers(
    op: &Attention,
    site: &Site<'_>,
    first: usize,
) -> (AttentionParams, [Operand; 2]) {
    let extents = [0, 1].map(|idx| site.input(first + idx).shape.n_rows() / op.n_sequences);
    let given = op.given;
    let beside = first + 3 + usize::from(given.shown);
    let dims = |is_given: bool, dim: usize| match is_given {
        true => site.input(beside).shape.dims()[dim] as u32,
        false => 0,
    };
    let params = AttentionParams {
        n_bias_maps: dims(given.bias, 0),
        n_distances: dims(given.distances, 1),
        ..AttentionParams::new(op, extents)
    };
    let has_extra = given.bias || given.distances || given.seed;
    (params, [site.read_if(given.shown, first + 3), site.read_if(has_extra, beside)])
}

pub(crate) fn dispatches(op: &AttentionRecomputed, site: &Site<'_>) -> Vec<Dispatch> {
    let (params, [shown, extra]) = numbers(&op.of, site, 0);
    let operands = vec![
        site.read(0),
        site.read(1),
        site.read(2),
        shown,
        extra,
        site.write(0),
        site.write(1),
    ];
    let n_rows = (params.n_maps * params.n_rows) as usize;
    let work = n_rows * params.n_cols as usize * op.of.d_head * 3;
    vec![Dispatch::new(TILES, &params, operands, groups_of(n_rows)).work(work as u64)]
}
