//! CPU twin of [`super::PolicyLoss`].

use super::PolicyLoss;
use crate::engine::cpu::Context;
use crate::ops::cross_entropy::cpu::LogSum;

pub(crate) fn run(op: &PolicyLoss, cx: &mut Context<'_>) {
    let n_cols = cx.inputs[0].shape.n_cols().max(1);
    let (logits, actions) = (cx.inputs[0].f32(), cx.indices(1));
    let (old, advantages) = (cx.inputs[2].f32(), cx.inputs[3].f32());
    let [loss, rows] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
    let (mut total, mut n_counted) = (0.0, 0_u32);
    let of_rows = actions.iter().zip(old.iter().zip(advantages));
    let both = logits.chunks_exact(n_cols).zip(of_rows);
    for ((logits, (&action, (old, advantage))), row) in both.zip(rows.data.chunks_exact_mut(3)) {
        let log_sum = cx.isa.run(LogSum(logits));
        let (mut own, mut slope) = (0.0, 0.0);
        if let Some(logit) = logits.get(action as usize) {
            let (clip, advantage) = (f64::from(op.clip), f64::from(*advantage));
            let ratio = (f64::from(*logit) - log_sum - f64::from(*old)).exp();
            let whole = ratio * advantage;
            let cut = ratio.clamp(1.0 - clip, 1.0 + clip) * advantage;
            own = -whole.min(cut);
            slope = if whole <= cut { -whole } else { 0.0 };
            n_counted += 1;
        }
        total += own;
        row.copy_from_slice(&[own as f32, slope as f32, log_sum as f32]);
    }
    loss.data[0] = (total / f64::from(n_counted.max(1))) as f32;
}
