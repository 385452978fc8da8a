//! CPU twin of [`super::Attention`]: a head of a sequence at a time, blocks of its rows.

use std::ops::Range;

use super::Attention;
use crate::engine::cpu::gemm::{GemmScratch, Matrix, gemm};
use crate::engine::cpu::softmax::softmax_row;
use crate::engine::cpu::{Context, Operand};
use crate::ops::dropout::philox::masks;
use crate::ops::softmax::add_by_distance;
use crate::simd::{Isa, Kernel, Simd};

/// Rows of a block: few enough that a causal one sees little past its own columns.
pub(crate) const BLOCK: usize = 64;

pub(crate) fn run(op: &Attention, cx: &mut Context<'_>) {
    cx.isa.run(Heads { op, cx });
}

/// Where the rows of a head lie within those of all.
#[derive(Clone, Copy)]
pub(crate) struct Layout {
    /// Rows of queries, of keys in a sequence.
    pub extents: [usize; 2],
    pub n_heads: usize,
    pub n_kv_heads: usize,
    pub d: usize,
}

impl Layout {
    pub fn new(op: &Attention, q: &Operand<'_>, k: &Operand<'_>) -> Self {
        let extents = [q, k].map(|all| all.shape.n_rows() / op.n_sequences);
        Self { extents, n_heads: op.n_heads, n_kv_heads: op.n_kv_heads, d: op.d_head }
    }

    /// First value of row `t` of a map's queries.
    pub fn query(&self, map: usize, t: usize) -> usize {
        let (sequence, head) = (map / self.n_heads, map % self.n_heads);
        ((sequence * self.extents[0] + t) * self.n_heads + head) * self.d
    }

    /// First value of a map's keys.
    pub fn key(&self, map: usize) -> usize {
        let (sequence, head) = (map / self.n_heads, map % self.n_heads);
        let kv = head / (self.n_heads / self.n_kv_heads);
        (sequence * self.extents[1] * self.n_kv_heads + kv) * self.d
    }

    /// Distance of a head's queries.
    pub fn q_stride(&self) -> usize {
        self.n_heads * self.d
    }

    /// Distance of a head's keys.
    pub fn k_stride(&self) -> usize {
        self.n_kv_heads * self.d
    }

    /// Blocks of a map's rows.
    pub fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let n_rows = self.extents[0];
        (0..n_rows).step_by(BLOCK).map(move |from| from..(from + BLOCK).min(n_rows))
    }
}

/// What a pattern is computed from.
pub(crate) struct Maps<'a> {
    op: &'a Attention,
    isa: Isa,
    pub layout: Layout,
    pub seed: Option<&'a [u32]>,
    q: &'a [f32],
    k: &'a [f32],
    shown: Option<&'a [u32]>,
    bias: Option<Operand<'a>>,
    distances: Option<Operand<'a>>,
    slopes: Vec<f32>,
}

impl<'a> Maps<'a> {
    /// From an op's operands: q, k, v and what is given.
    pub fn new(op: &'a Attention, isa: Isa, inputs: &[Operand<'a>]) -> Self {
        let [shown, bias, distances, seed] = op.given.split(&inputs[3..]);
        Self {
            op,
            isa,
            layout: Layout::new(op, &inputs[0], &inputs[1]),
            seed: seed.map(|seed| seed.u32()),
            q: inputs[0].f32(),
            k: inputs[1].f32(),
            shown: shown.map(|shown| shown.u32()),
            bias,
            distances,
            slopes: op.reach.slopes(op.n_heads),
        }
    }

    /// A block of a map's pattern and its rows' statistics; columns that none of its rows sees are
    /// zeros.
    #[inline(always)]
    pub fn fill<S: Simd>(
        &self,
        s: S,
        map: usize,
        rows: Range<usize>,
        scratch: &mut GemmScratch,
        (pattern, stats): (&mut [f32], &mut [f32]),
    ) {
        let (op, layout) = (self.op, self.layout);
        let [n_rows, n_cols] = layout.extents;
        let last = op.end(rows.end - 1, layout.extents);
        let q = Matrix::rows(&self.q[layout.query(map, rows.start)..], layout.q_stride());
        let k = Matrix::rows(&self.k[layout.key(map)..], layout.k_stride()).turned();
        gemm(self.isa, [q, k], [rows.len(), last, op.d_head], scratch, (&mut *pattern, n_cols), false);
        let (sequence, head) = (map / op.n_heads, map % op.n_heads);
        let shown = self.shown.map(|shown| &shown[sequence * n_cols..][..n_cols]);
        let cells = pattern.chunks_exact_mut(n_cols).zip(stats.chunks_exact_mut(2));
        for (t, (cells, stats)) in rows.zip(cells) {
            let end = op.end(t, layout.extents);
            let position = op.position(t, layout.extents);
            let start = op.reach.start(position).min(end);
            cells[..start].fill(0.0);
            cells[end..].fill(0.0);
            let cells = &mut cells[start..end];
            cells.iter_mut().for_each(|cell| *cell *= op.scale);
            if let Some(bias) = self.bias {
                let map = head % bias.shape.dims()[0];
                let bias = &bias.f32()[(map * n_rows + t) * n_cols..][start..end];
                cells.iter_mut().zip(bias).for_each(|(cell, bias)| *cell += bias);
            }
            let slope = self.slopes.get(head).copied().unwrap_or(0.0);
            op.reach.add_to(cells, start, position, slope);
            if let Some(distances) = self.distances {
                let n = distances.shape.n_cols();
                add_by_distance(cells, start, position, &distances.f32()[head * n..][..n]);
            }
            let (m, l) = softmax_row(s, cells, shown.map(|shown| &shown[start..end]));
            stats.copy_from_slice(&[m, l]);
        }
    }
}

/// Multiplies rows of a map's pattern by what dropout leaves of them.
pub(crate) fn drop_cells(
    op: &Attention,
    seed: &[u32],
    from: usize,
    cells: &[f32],
    into: &mut [f32],
) {
    let dropping = op.dropping();
    let parts = (dropping.threshold(), dropping.factor());
    masks(from, op.stream, [seed[0], seed[1]], parts, into);
    into.iter_mut().zip(cells).for_each(|(out, cell)| *out *= cell);
}

struct Heads<'a, 'b> {
    op: &'a Attention,
    cx: &'a mut Context<'b>,
}

impl Kernel for Heads<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { op, cx } = self;
        let maps = Maps::new(op, cx.isa, cx.inputs);
        let layout = maps.layout;
        let v = cx.inputs[2].f32();
        let [n_rows, n_cols] = layout.extents;
        let [z, stats, pattern] = &mut *cx.outputs else { unreachable!("three outputs") };
        for map in cx.part.of(op.n_sequences * op.n_heads) {
            let v = Matrix::rows(&v[layout.key(map)..], layout.k_stride());
            for rows in layout.blocks() {
                let first = map * n_rows + rows.start;
                let stats = &mut stats.data[first * 2..][..rows.len() * 2];
                let cells = &mut pattern.data[first * n_cols..][..rows.len() * n_cols];
                let n = rows.len();
                let last = op.end(rows.end - 1, layout.extents);
                let z = &mut z.data[layout.query(map, rows.start)..];
                maps.fill(s, map, rows, &mut cx.scratch.gemm, (&mut *cells, stats));
                let weights = match maps.seed {
                    None => &*cells,
                    Some(seed) => {
                        let dropped = cx.scratch.dropped.floats_mut(cells.len());
                        drop_cells(op, seed, first * n_cols, cells, dropped);
                        &*dropped
                    }
                };
                let weights = Matrix::rows(weights, n_cols);
                let shape = [n, op.d_head, last];
                let to = (z, layout.q_stride());
                gemm(cx.isa, [weights, v], shape, &mut cx.scratch.gemm, to, false);
            }
        }
    }
}
