//! GPU side of [`super::AttentionGradient`]: dS, a workgroup a row; then queries, keys and values,
//! and what biases sum.

use super::AttentionGradient;
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, Shader, Site, groups_of};
use crate::ops::attention::gpu::{AttentionParams, HEADS, one_each};
use crate::ops::dropout::gpu::PHILOX;
use crate::shader_text::wgsl;

/// A shader of this op.
macro_rules! shader {
    ($name:literal, $($part:expr),*) => {
        Shader::new::<AttentionParams>($name, &[$($part),*])
    };
}

const SCORES: Shader =
    shader!("attention_gradient.scores", REDUCE, PHILOX, HEADS, wgsl!("scores.wgsl"));
const QUERIES: Shader = shader!("attention_gradient.queries", HEADS, wgsl!("queries.wgsl"));
const KEYS: Shader = shader!("attention_gradient.keys", PHILOX, HEADS, wgsl!("keys.wgsl"));
const BIAS: Shader = shader!("attention_gradient.bias", HEADS, wgsl!("bias.wgsl"));
const DISTANCES: Shader =
    shader!("attention_gradient.distances", REDUCE, HEADS, wgsl!("distances.wgsl"));

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SCORES, QUERIES, KEYS, BIAS, DISTANCES];

pub(crate) fn dispatches(op: &AttentionGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let of = &op.of;
    let extents = [1, 2].map(|idx| site.input(idx).shape.n_rows() / of.n_sequences);
    let n_cells = site.input(4).shape.len();
    let params = AttentionParams::new(of, extents);
    let (dz, q, k, v, pattern) =
        (site.read(0), site.read(1), site.read(2), site.read(3), site.read(4));
    let seed = site.read_if(of.given.seed, 5);
    let slopes = Operand::Read(site.node.outputs[3]);
    let work = (n_cells * of.d_head) as u64;
    let n_rows = of.n_sequences * of.n_heads * extents[0];
    let of_scores = vec![dz.clone(), v, pattern.clone(), seed.clone(), site.write(3)];
    let of_queries = vec![slopes.clone(), k, site.write(0)];
    let of_keys = vec![slopes.clone(), q, pattern, dz, seed, site.write(1), site.write(2)];
    let mut all = vec![
        Dispatch::new(SCORES, &params, of_scores, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(extents[1]))
            .work(work),
        Dispatch::new(QUERIES, &params, of_queries, one_each(site.output(0).shape.len())).work(work),
        Dispatch::new(KEYS, &params, of_keys, one_each(site.output(1).shape.len())).work(2 * work),
    ];
    let mut next = 4;
    if op.of_bias {
        let shape = site.output(next).shape;
        let params = AttentionParams { n_bias_maps: shape.dims()[0] as u32, ..params };
        let operands = vec![slopes.clone(), site.write(next)];
        let bias = Dispatch::new(BIAS, &params, operands, one_each(shape.len()));
        all.push(bias.work(n_cells as u64));
        next += 1;
    }
    if op.of_distances {
        let shape = site.output(next).shape;
        let params = AttentionParams { n_distances: shape.n_cols() as u32, ..params };
        let operands = vec![slopes, site.write(next)];
        let width = site.reduction_width(of.n_sequences * extents[0]);
        let distances = Dispatch::new(DISTANCES, &params, operands, groups_of(shape.len()));
        all.push(distances.constant("WORKGROUP_SIZE", width).work(2 * n_cells as u64));
    }
    all
}
