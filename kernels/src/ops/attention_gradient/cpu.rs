//! CPU twin of [`super::AttentionGradient`]: a head of a sequence at a time, blocks of its rows.

use std::ops::Range;

use super::AttentionGradient;
use crate::engine::cpu::gemm::{GemmScratch, Matrix, gemm};
use crate::engine::cpu::lines::Lines;
use crate::engine::cpu::{Context, Output};
use crate::ops::attention::Attention;
use crate::ops::attention::cpu::{Layout, drop_cells};
use crate::simd::{Isa, Kernel, Simd};

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
    fn run<S: Simd>(self, _: S) {
        let Self { op: AttentionGradient { of: op, of_bias, of_distances }, cx } = self;
        let [dz, q, k, v, pattern] = [0, 1, 2, 3, 4].map(|idx| cx.inputs[idx].f32());
        let layout = Layout::new(op, &cx.inputs[1], &cx.inputs[2]);
        let [n_rows, n_cols] = layout.extents;
        let [dq, dk, dv, _, beside @ ..] = &mut *cx.outputs else { unreachable!("four outputs") };
        let (dbias, ddistances) = beside.split_at_mut(usize::from(*of_bias));
        debug_assert_eq!(ddistances.len(), usize::from(*of_distances));
        if cx.part.idx == 0 {
            // Sums over several heads or blocks.
            let sums = [&mut *dk, &mut *dv].into_iter().chain(dbias.iter_mut());
            sums.chain(ddistances.iter_mut()).for_each(|sum| sum.data.fill(0.0));
        }
        let scratch = &mut *cx.scratch;
        let mut backward = Backward {
            op,
            isa: cx.isa,
            layout,
            operands: [dz, q, k, v],
            seed: op.given.seed.then(|| cx.inputs[5].u32()),
            outputs: [&mut *dq.data, &mut *dk.data, &mut *dv.data],
            slopes: &mut scratch.slopes,
            dropped: &mut scratch.dropped,
        };
        for map in cx.part.of(op.n_sequences * op.n_heads) {
            for rows in layout.blocks() {
                let first = (map * n_rows + rows.start) * n_cols;
                let cells = &pattern[first..][..rows.len() * n_cols];
                let mut to_biases = |head: usize, t: usize, slopes: &[f32]| {
                    if let [dbias] = &mut *dbias {
                        let map = head % dbias.shape.dims()[0];
                        let sums = &mut dbias.data[(map * n_rows + t) * n_cols..];
                        sums.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
                    }
                    if let [ddistances] = &mut *ddistances {
                        add_to_distances(slopes, op.position(t, layout.extents), head, ddistances);
                    }
                };
                let block = Block { map, rows, cells };
                backward.block(block, &mut scratch.gemm, &mut to_biases);
            }
        }
    }
}

/// Rows of a map's pattern.
pub(crate) struct Block<'a> {
    pub map: usize,
    pub rows: Range<usize>,
    /// `[rows, S]`.
    pub cells: &'a [f32],
}

/// What the gradients of blocks are computed from, and where they go.
pub(crate) struct Backward<'a> {
    pub op: &'a Attention,
    pub isa: Isa,
    pub layout: Layout,
    /// dz, q, k, v.
    pub operands: [&'a [f32]; 4],
    pub seed: Option<&'a [u32]>,
    /// dq, dk, dv; the last two are added to.
    pub outputs: [&'a mut [f32]; 3],
    pub slopes: &'a mut Lines,
    pub dropped: &'a mut Lines,
}

impl Backward<'_> {
    /// The part of a block in the gradients. `beside` gets the gradients of the scores of each row,
    /// with its head.
    #[inline(always)]
    pub fn block(
        &mut self,
        block: Block<'_>,
        scratch: &mut GemmScratch,
        beside: &mut impl FnMut(usize, usize, &[f32]),
    ) {
        let Block { map, rows, cells } = block;
        let (op, layout, d) = (self.op, self.layout, self.op.d_head);
        let [n_rows, n_cols] = layout.extents;
        let (q_stride, k_stride) = (layout.q_stride(), layout.k_stride());
        let (n, at_query, at_key) = (rows.len(), layout.query(map, rows.start), layout.key(map));
        let [dz, q, k, v] = self.operands;
        let [dz, q] = [dz, q].map(|all| Matrix::rows(&all[at_query..], q_stride));
        let [k, v] = [k, v].map(|all| Matrix::rows(&all[at_key..], k_stride));
        let [dq, dk, dv] = &mut self.outputs;
        let last = op.end(rows.end - 1, layout.extents);
        let first = (map * n_rows + rows.start) * n_cols;
        let slopes = self.slopes.floats_mut(n * n_cols);
        // dP, then dS.
        gemm(self.isa, [dz, v.turned()], [n, last, d], scratch, (&mut *slopes, n_cols), false);
        let weights = match self.seed {
            None => cells,
            Some(seed) => {
                slopes.chunks_exact_mut(n_cols).for_each(|row| row[last..].fill(0.0));
                let dropped = self.dropped.floats_mut(n * n_cols);
                // What the slopes are multiplied by is what the pattern is.
                drop_cells(op, seed, first, slopes, dropped);
                slopes.copy_from_slice(dropped);
                drop_cells(op, seed, first, cells, dropped);
                &*dropped
            }
        };
        let weights = Matrix::rows(weights, n_cols).turned();
        gemm(self.isa, [weights, dz], [last, d, n], scratch, (&mut dv[at_key..], k_stride), true);
        let with_cells = slopes.chunks_exact_mut(n_cols).zip(cells.chunks_exact(n_cols));
        for (t, (slopes, cells)) in rows.zip(with_cells) {
            let slopes = &mut slopes[..last];
            through_softmax(&cells[..last], slopes);
            beside(map % op.n_heads, t, slopes);
            slopes.iter_mut().for_each(|slope| *slope *= op.scale);
        }
        let slopes = Matrix::rows(slopes, n_cols);
        gemm(self.isa, [slopes, k], [n, d, last], scratch, (&mut dq[at_query..], q_stride), false);
        let to = (&mut dk[at_key..], k_stride);
        gemm(self.isa, [slopes.turned(), q], [last, d, n], scratch, to, true);
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
