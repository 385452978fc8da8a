//! CPU twin of [`super::AttentionTiled`].

use super::AttentionTiled;
use crate::engine::cpu::Context;

pub(crate) fn run(op: &AttentionTiled, cx: &mut Context<'_>) {
    let heads = op.heads;
    let [q, k, v] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let padding = op.has_padding.then(|| cx.indices(3));
    let (n_rows, n_keys) = (cx.inputs[0].shape.n_rows(), cx.inputs[1].shape.n_rows());
    let n_filled = heads.n_filled(n_rows, n_keys, cx.step);
    let first = if heads.keys_in_state { cx.step.past as usize } else { 0 };
    let (d, kv_cols) = (heads.d_head, heads.n_kv_heads * heads.d_head);
    let group = heads.n_heads / heads.n_kv_heads;
    let [z, stats] = &mut cx.outputs[..] else { unreachable!("two outputs by the shape rule") };
    z.data.fill(0.0);
    for t in 0..n_rows {
        let end = if op.causal { (first + t + 1).min(n_filled) } else { n_filled };
        for head in 0..heads.n_heads {
            let q = &q[(t * heads.n_heads + head) * d..][..d];
            let z = &mut z.data[(t * heads.n_heads + head) * d..][..d];
            let (mut m, mut sum) = (f32::NEG_INFINITY, 0.0);
            for j in (0..end).filter(|&j| padding.is_none_or(|mask| mask[j] != 0)) {
                let at = j * kv_cols + head / group * d;
                let score = heads.scale * q.iter().zip(&k[at..][..d]).map(|(q, k)| q * k).sum::<f32>();
                let m_new = m.max(score);
                let (decay, weight) = ((m - m_new).exp(), (score - m_new).exp());
                sum = sum * decay + weight;
                z.iter_mut().zip(&v[at..][..d]).for_each(|(z, v)| *z = *z * decay + weight * v);
                m = m_new;
            }
            if sum > 0.0 {
                z.iter_mut().for_each(|z| *z /= sum);
            }
            stats.data[(head * n_rows + t) * 2..][..2].copy_from_slice(&[m, sum]);
        }
    }
}
