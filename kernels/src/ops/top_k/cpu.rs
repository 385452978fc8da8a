//! CPU twin of [`super::TopK`].

use super::TopK;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &TopK, cx: &mut Context<'_>) {
    let n = cx.inputs[0].shape.n_cols();
    let x = cx.inputs[0].f32();
    let [values, cols] = &mut cx.outputs[..] else { unreachable!("two outputs by the shape rule") };
    let mut order: Vec<usize> = Vec::new();
    for ((row, values), cols) in
        x.chunks_exact(n).zip(values.data.chunks_exact_mut(op.k)).zip(cols.data.chunks_exact_mut(op.k))
    {
        order.clear();
        order.extend(0..n);
        let larger_first = |&a: &usize, &b: &usize| row[b].total_cmp(&row[a]).then(a.cmp(&b));
        order.select_nth_unstable_by(op.k - 1, larger_first);
        order[..op.k].sort_by(larger_first);
        for (slot, &col) in order[..op.k].iter().enumerate() {
            values[slot] = row[col];
            cols[slot] = f32::from_bits(col as u32);
        }
    }
}
