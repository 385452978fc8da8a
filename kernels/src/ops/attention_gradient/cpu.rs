//! CPU twin of [`super::AttentionGradient`]: a head of a sequence at a time, blocks of its rows.

use super::AttentionGradient;
use crate::engine::cpu::gemm::{Matrix, gemm};
use crate::engine::cpu::{Context, Output};
use crate::ops::attention::cpu::{Layout, drop_cells};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &AttentionGradient, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

struct Heads<'a, 'b> {
    op: &'a AttentionGradient,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op: AttentionGradient { of: op, of_bias, of_distances }, cx } = self;
        let [dz, q, k, v, pattern] = [0, 1, 2, 3, 4].map(|idx| cx.inputs[idx].f32());
        let seed = op.given.seed.then(|| cx.inputs[5].u32());
        let layout = Layout::new(op, &cx.inputs[1], &cx.inputs[2]);
        let [n_rows, n_cols] = layout.extents;
        let (q_stride, k_stride) = (layout.q_stride(), layout.k_stride());
        let [dq, dk, dv, _, beside @ ..] = &mut *cx.outputs else { unreachable!("four outputs") };
        let (dbias, ddistances) = beside.split_at_mut(usize::from(*of_bias));
        debug_assert_eq!(ddistances.len(), usize::from(*of_distances));
        if cx.part.idx == 0 {
            // Sums over several heads or blocks.
            let sums = [&mut *dk, &mut *dv].into_iter().chain(dbias.iter_mut());
            sums.chain(ddistances.iter_mut()).for_each(|sum| sum.data.fill(0.0));
        }
        for map in cx.part.of(op.n_sequences * op.n_heads) {
            let at_key = layout.key(map);
            let [k, v] = [k, v].map(|all| Matrix::rows(&all[at_key..], k_stride));
            for rows in layout.blocks() {
                let (n, at_query) = (rows.len(), layout.query(map, rows.start));
                let [q, dz] = [q, dz].map(|all| Matrix::rows(&all[at_query..], q_stride));
                let first = (map * n_rows + rows.start) * n_cols;
                let cells = &pattern[first..][..n * n_cols];
                let last = op.end(rows.end - 1, layout.extents);
                let (d, gemm_scratch) = (op.d_head, &mut cx.scratch.gemm);
                let slopes = cx.scratch.slopes.floats_mut(n * n_cols);
                // dP, then dS.
                gemm(s, [dz, v.turned()], [n, last, d], gemm_scratch, (&mut *slopes, n_cols), false);
                let weights = match seed {
                    None => cells,
                    Some(seed) => {
                        for row in slopes.chunks_exact_mut(n_cols) {
                            row[last..].fill(0.0);
                        }
                        let dropped = cx.scratch.dropped.floats_mut(n * n_cols);
                        // What the slopes are multiplied by is what the pattern is.
                        drop_cells(op, seed, first, slopes, dropped);
                        slopes.copy_from_slice(dropped);
                        drop_cells(op, seed, first, cells, dropped);
                        &*dropped
                    }
                };
                let weights = Matrix::rows(weights, n_cols).turned();
                let to = (&mut dv.data[at_key..], k_stride);
                gemm(s, [weights, dz], [last, d, n], gemm_scratch, to, true);
                for (slopes, cells) in slopes.chunks_exact_mut(n_cols).zip(cells.chunks_exact(n_cols))
                {
                    through_softmax(&cells[..last], &mut slopes[..last]);
                }
                let head = map % op.n_heads;
                for (t, slopes) in rows.clone().zip(slopes.chunks_exact_mut(n_cols)) {
                    let slopes = &mut slopes[..last];
                    if let [dbias] = &mut *dbias {
                        let map = head % dbias.shape.dims()[0];
                        let sums = &mut dbias.data[(map * n_rows + t) * n_cols..][..last];
                        sums.iter_mut().zip(&*slopes).for_each(|(sum, slope)| *sum += slope);
                    }
                    if let [ddistances] = &mut *ddistances {
                        add_to_distances(slopes, op.position(t, layout.extents), head, ddistances);
                    }
                    slopes.iter_mut().for_each(|slope| *slope *= op.scale);
                }
                let slopes = Matrix::rows(slopes, n_cols);
                let to = (&mut dq.data[at_query..], q_stride);
                gemm(s, [slopes, k], [n, d, last], gemm_scratch, to, false);
                let to = (&mut dk.data[at_key..], k_stride);
                gemm(s, [slopes.turned(), q], [last, d, n], gemm_scratch, to, true);
            }
        }
    }
}

/// dS = P·(dP − Σ dP·P) in place of dP.
#[inline(always)]
fn through_softmax(cells: &[f32], slopes: &mut [f32]) {
    const CHAINS: usize = 16;
    let mut sums = [0.0_f32; CHAINS];
    let steps = cells.chunks_exact(CHAINS).zip(slopes.chunks_exact(CHAINS));
    for (cells, slopes) in steps {
        for i in 0..CHAINS {
            sums[i] += cells[i] * slopes[i];
        }
    }
    let whole = cells.len() / CHAINS * CHAINS;
    let rest = cells[whole..].iter().zip(&slopes[whole..]);
    let mean = sums.iter().sum::<f32>() + rest.map(|(cell, slope)| cell * slope).sum::<f32>();
    for (slope, cell) in slopes.iter_mut().zip(cells) {
        *slope = cell * (*slope - mean);
    }
}

/// Adds a row's slopes to those of the distances that they lie at.
fn add_to_distances(slopes: &[f32], position: usize, head: usize, sums: &mut Output<'_>) {
    let n = sums.shape.n_cols();
    let sums = &mut sums.data[head * n..][..n];
    for (col, slope) in slopes.iter().enumerate() {
        sums[(col + n / 2).saturating_sub(position).min(n - 1)] += slope;
    }
}
