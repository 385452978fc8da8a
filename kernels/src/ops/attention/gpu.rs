//! GPU side of [`super::Attention`]: the pattern, a workgroup a row; then its values.

use super::{Attention, Flags};
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, Shader, Site, flag, groups_of, params};
use crate::ops::dropout::gpu::PHILOX;
use crate::ops::softmax::gpu::slopes_operand;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the shaders of attention and of its gradients.
    AttentionParams {
        n_maps: u32,
        n_rows: u32,
        n_cols: u32,
        n_heads: u32,
        n_kv_heads: u32,
        d_head: u32,
        causal: u32,
        window: u32,
        has_shown: u32,
        n_bias_maps: u32,
        alibi: u32,
        n_distances: u32,
        stream: u32,
        threshold: u32,
        factor: f32,
        scale: f32,
    }
}

/// What the shaders share.
pub(crate) const HEADS: &str = wgsl!("heads.wgsl");

const PATTERN: Shader = Shader::new::<AttentionParams>(
    "attention.pattern",
    &[REDUCE, HEADS, wgsl!("pattern.wgsl")],
);
const VALUES: Shader = Shader::new::<AttentionParams>(
    "attention.values",
    &[PHILOX, HEADS, wgsl!("values.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[PATTERN, VALUES];

impl AttentionParams {
    /// The op's numbers at T rows and S columns.
    pub(crate) fn new(op: &Attention, [n_rows, n_cols]: [usize; 2]) -> Self {
        let dropping = op.dropping();
        Self {
            n_maps: (op.n_sequences * op.n_heads) as u32,
            n_rows: n_rows as u32,
            n_cols: n_cols as u32,
            n_heads: op.n_heads as u32,
            n_kv_heads: op.n_kv_heads as u32,
            d_head: op.d_head as u32,
            causal: flag(op.causal),
            window: op.reach.window as u32,
            has_shown: flag(op.given.shown),
            n_bias_maps: 0,
            alibi: flag(op.reach.alibi),
            n_distances: 0,
            stream: op.stream,
            threshold: if op.given.seed { dropping.threshold() } else { 0 },
            factor: if op.given.seed { dropping.factor() } else { 1.0 },
            scale: op.scale,
        }
    }
}

/// Workgroups of one invocation a value, 64 together: x, and y where there are too many.
pub(crate) fn one_each(n: usize) -> [u32; 3] {
    groups_of(n.div_ceil(64))
}

pub(crate) fn dispatches(op: &Attention, site: &Site<'_>) -> Vec<Dispatch> {
    let [q, k] = [0, 1].map(|idx| site.input(idx).shape.n_rows() / op.n_sequences);
    let extents = [q, k];
    let n_cells = site.output(2).shape.len();
    let Flags { shown, bias, distances, seed } = op.given;
    let bias_idx = 3 + usize::from(shown);
    let distances_idx = bias_idx + usize::from(bias);
    let seed_idx = distances_idx + usize::from(distances);
    let params = AttentionParams {
        n_bias_maps: if bias { site.input(bias_idx).shape.dims()[0] as u32 } else { 0 },
        n_distances: if distances { site.input(distances_idx).shape.n_cols() as u32 } else { 0 },
        ..AttentionParams::new(op, extents)
    };
    let distances_idx = distances.then_some(distances_idx);
    let of_pattern = vec![
        site.read(0),
        site.read(1),
        site.read_if(shown, 3),
        site.read_if(bias, bias_idx),
        slopes_operand(site, op.reach, op.n_heads, distances_idx),
        site.write(1),
        site.write(2),
    ];
    let pattern = Operand::Read(site.node.outputs[2]);
    let of_values = vec![pattern, site.read(2), site.read_if(seed, seed_idx), site.write(0)];
    let work = (n_cells * op.d_head) as u64;
    let n_rows = op.n_sequences * op.n_heads * extents[0];
    vec![
        Dispatch::new(PATTERN, &params, of_pattern, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(extents[1]))
            .work(work),
        Dispatch::new(VALUES, &params, of_values, one_each(site.output(0).shape.len())).work(work),
    ]
}
