//! GPU side of [`super::AdditiveAttention`]: a row a workgroup.

use super::AdditiveAttention;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, flag, groups_of, params};
use crate::ops::activation::gpu::ACTIVATE;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the shaders of additive attention and of its gradients.
    AdditiveAttentionParams {
        n_rows: u32,
        n_keys: u32,
        n_cols: u32,
        n_values: u32,
        n_sequences: u32,
        has_shown: u32,
    }
}

impl AdditiveAttentionParams {
    /// The op's numbers at T rows, S keys, a and c columns.
    pub(crate) fn new(op: &AdditiveAttention, [n_rows, n_keys, a, c]: [usize; 4]) -> Self {
        Self {
            n_rows: n_rows as u32,
            n_keys: n_keys as u32,
            n_cols: a as u32,
            n_values: c as u32,
            n_sequences: op.n_sequences as u32,
            has_shown: flag(op.has_shown),
        }
    }
}

const ADDITIVE_ATTENTION: Shader = Shader::new::<AdditiveAttentionParams>(
    "additive_attention",
    &[REDUCE, ACTIVATE, wgsl!("additive_attention.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ADDITIVE_ATTENTION];

pub(crate) fn dispatches(op: &AdditiveAttention, site: &Site<'_>) -> Vec<Dispatch> {
    let shapes = [0, 1, 3].map(|idx| site.input(idx).shape);
    let extents = op.extents(shapes[0], shapes[1], shapes[2]);
    let params = AdditiveAttentionParams::new(op, extents);
    let operands = vec![
        site.read(0),
        site.read(1),
        site.read(2),
        site.read(3),
        site.read_if(op.has_shown, 4),
        site.write(0),
        site.write(1),
    ];
    let [_, n_keys, a, c] = extents;
    let n_rows = shapes[0].n_rows();
    vec![
        Dispatch::new(ADDITIVE_ATTENTION, &params, operands, groups_of(n_rows))
            .constant("WORKGROUP_SIZE", site.reduction_width(n_keys))
            .work((n_rows * n_keys * (8 * a + c)) as u64),
    ]
}
