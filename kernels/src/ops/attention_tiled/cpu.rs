//! CPU twin of [`super::AttentionTiled`]: a few rows of scores at a time, in scratch.

use super::AttentionTiled;
use crate::ops::softmax::add_by_distance;
use crate::engine::cpu::Context;
use crate::engine::cpu::attention;
use crate::engine::cpu::softmax::softmax_row;
use crate::simd::{Kernel, Simd};

/// Rows of queries whose scores exist at once: enough to win back the turning of the keys.
const N_ROWS_AT_ONCE: usize = 64;

pub(crate) fn run(op: &AttentionTiled, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

struct Heads<'a, 'b> {
    op: &'a AttentionTiled,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let heads = op.heads;
        let [q, k, v] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
        let padding = op.has_padding.then(|| cx.indices(3));
        let (n_rows, n_keys) = (cx.inputs[0].shape.n_rows(), cx.inputs[1].shape.n_rows());
        let n_filled = heads.n_filled(n_rows, n_keys, cx.step);
        let past = if heads.keys_in_state { cx.step.past as usize } else { 0 };
        let (group, d) = (heads.n_heads / heads.n_kv_heads, heads.d_head);
        let z_cols = heads.n_heads * d;
        let slopes = op.reach.slopes(heads.n_heads);
        let distances_idx = 3 + usize::from(op.has_padding);
        let distances = op.has_distances.then(|| cx.inputs[distances_idx].f32());
        let n_distances = distances.map_or(0, |all| all.len() / heads.n_heads); // [n_heads, 2R + 1]
        let [z, stats] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
        let end_of =
            |t: usize| if op.causal { (past + t + 1).min(n_filled) } else { n_filled };
        let scratch = &mut cx.scratch.attention;
        let mut rows = std::mem::take(&mut scratch.rows);
        for head in cx.part.of(heads.n_heads) {
            let q = heads.query_rows(q, head);
            let (k, v) = (heads.key_rows(k, head / group), heads.key_rows(v, head / group));
            for first in (0..n_rows).step_by(N_ROWS_AT_ONCE) {
                let size = N_ROWS_AT_ONCE.min(n_rows - first);
                let end = end_of(first + size - 1);
                // Keys before the first row's reach are seen by none of these rows.
                let begin = op.reach.start(past + first).min(end.saturating_sub(1));
                let width = end - begin;
                let [k, v] = [k, v].map(|rows| from(rows, begin));
                let q = attention::HeadRows { all: &q.all[first * z_cols..], ..q };
                let rows = rows.floats_mut(size * width);
                attention::scores(s, [q, k], heads.scale, [size, width], scratch, (rows, width));
                for (t, row) in rows.chunks_exact_mut(width.max(1)).enumerate() {
                    let (row, rest) = row.split_at_mut(end_of(first + t).saturating_sub(begin));
                    rest.fill(0.0);
                    let position = past + first + t;
                    let start = op.reach.start(position).clamp(begin, begin + row.len());
                    let (before, row) = row.split_at_mut(start - begin);
                    before.fill(0.0);
                    let slope = slopes.get(head).copied().unwrap_or(0.0);
                    op.reach.add_to(row, start, position, slope);
                    if let Some(distances) = distances {
                        let by_distance = &distances[head * n_distances..][..n_distances];
                        add_by_distance(row, start, position, by_distance);
                    }
                    let (m, sum) = softmax_row(s, row, padding.map(|padding| &padding[start..]));
                    let at = (head * n_rows + first + t) * 2;
                    stats.data[at..at + 2].copy_from_slice(&[m, sum]);
                }
                for tile in (0..size).step_by(S::TILE) {
                    attention::weighted(
                        s,
                        (&rows[tile * width..], width),
                        [S::TILE.min(size - tile), width],
                        v,
                        scratch,
                        (&mut z.data[(first + tile) * z_cols..], z_cols, head * d),
                    );
                }
            }
        }
        cx.scratch.attention.rows = rows;
    }
}

/// The same rows from one of them on.
fn from(rows: attention::HeadRows<'_>, first: usize) -> attention::HeadRows<'_> {
    attention::HeadRows { all: &rows.all[first * rows.stride..], ..rows }
}
