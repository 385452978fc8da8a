//! CPU twin of [`super::Concat`].

use super::Concat;
use crate::engine::cpu::Context;

pub(crate) fn run(_: &Concat, cx: &mut Context<'_>) {
    let (a, b) = (&cx.inputs[0], &cx.inputs[1]);
    let (m, n) = (a.shape.n_cols(), b.shape.n_cols());
    let rows = a.f32().chunks_exact(m).zip(b.f32().chunks_exact(n));
    for ((a, b), y) in rows.zip(cx.outputs[0].data.chunks_exact_mut(m + n)) {
        y[..m].copy_from_slice(a);
        y[m..].copy_from_slice(b);
    }
}
