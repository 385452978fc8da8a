//! GPU side of [`super::AttentionValues`].

use super::AttentionValues;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, flag, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `attention_values.wgsl`.
    AttentionValuesParams {
        n_rows: u32,
        n_map_rows: u32,
        n_keys: u32,
        group: u32,
        z_cols: u32,
        v_cols: u32,
        d_head: u32,
        pattern_in_state: u32,
        values_in_state: u32,
    }
}

const ATTENTION_VALUES: Shader = Shader::new::<AttentionValuesParams>(
    "attention_values",
    &[STEP, wgsl!("attention_values.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[ATTENTION_VALUES];

pub(crate) fn dispatches(op: &AttentionValues, site: &Site<'_>) -> Vec<Dispatch> {
    let n_rows = site.output(0).shape.n_rows();
    let pattern = site.input(0).shape;
    let (n_map_rows, n_keys) = (pattern.dims()[1], pattern.dims()[2]);
    let z_cols = op.n_heads * op.d_head;
    let params = AttentionValuesParams {
        n_rows: n_rows as u32,
        n_map_rows: n_map_rows as u32,
        n_keys: n_keys as u32,
        group: (op.n_heads / op.n_kv_heads) as u32,
        z_cols: z_cols as u32,
        v_cols: (op.n_kv_heads * op.d_head) as u32,
        d_head: op.d_head as u32,
        pattern_in_state: flag(op.pattern_in_state),
        values_in_state: flag(op.values_in_state),
    };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    let groups = [z_cols.div_ceil(64) as u32, n_rows as u32, 1];
    let work = z_cols * n_rows * n_keys;
    vec![Dispatch::new(ATTENTION_VALUES, &params, operands, groups).work(work as u64)]
}
