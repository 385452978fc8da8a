//! CPU twin of [`super::AttentionValues`].

use super::AttentionValues;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &AttentionValues, cx: &mut Context<'_>) {
    let (pattern, v) = (cx.inputs[0].f32(), cx.inputs[1].f32());
    let (n_map_rows, n_keys) = (cx.inputs[0].shape.dims()[1], cx.inputs[0].shape.dims()[2]);
    let n_rows = cx.outputs[0].shape.n_rows();
    let first_row = if op.pattern_in_state { cx.step.past as usize } else { 0 };
    let n_filled =
        if op.values_in_state { (cx.step.past as usize + n_rows).min(n_keys) } else { n_keys };
    let (group, v_cols) = (op.n_heads / op.n_kv_heads, op.n_kv_heads * op.d_head);
    let z = &mut *cx.outputs[0].data; // [T, n_heads * d_head]
    z.fill(0.0);
    for t in 0..n_rows {
        for head in 0..op.n_heads {
            let weights = &pattern[(head * n_map_rows + first_row + t) * n_keys..][..n_filled];
            let z = &mut z[(t * op.n_heads + head) * op.d_head..][..op.d_head];
            for (j, &weight) in weights.iter().enumerate() {
                if weight == 0.0 {
                    continue;
                }
                let v = &v[j * v_cols + head / group * op.d_head..][..op.d_head];
                z.iter_mut().zip(v).for_each(|(z, v)| *z += weight * v);
            }
        }
    }
}
