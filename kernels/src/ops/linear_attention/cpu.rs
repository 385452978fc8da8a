//! CPU twin of [`super::LinearAttention`]: a map at a time, its rows copied side by side in the order
//! in which they are read.

use super::{Form, LinearAttention};
use crate::engine::cpu::gemm::{GemmScratch, Matrix, gemm};
use crate::engine::cpu::{Context, Operand};
use crate::simd::Isa;

/// Rows of a block of the pattern.
const BLOCK: usize = 64;

/// Where the rows of a map lie, and in which order they are read.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    pub map: usize,
    pub n_heads: usize,
    /// T.
    pub n_rows: usize,
    pub reversed: bool,
}

impl Order {
    pub fn new(op: &LinearAttention, map: usize, k: &Operand<'_>) -> Self {
        let n_rows = k.shape.n_rows() / op.n_sequences;
        Self { map, n_heads: op.n_heads, n_rows, reversed: op.reversed }
    }

    /// First value of the head's columns in the row that is read as the `idx`th, of heads of `d`.
    pub fn start(self, idx: usize, d: usize) -> usize {
        let row = if self.reversed { self.n_rows - 1 - idx } else { idx };
        let (sequence, head) = (self.map / self.n_heads, self.map % self.n_heads);
        ((sequence * self.n_rows + row) * self.n_heads + head) * d
    }

    /// The head's rows in order, `[T, d]`.
    pub fn gathered(self, values: &[f32], d: usize) -> Vec<f32> {
        (0..self.n_rows).flat_map(|idx| &values[self.start(idx, d)..][..d]).copied().collect()
    }

    /// Puts rows back in their places.
    pub fn scatter(self, rows: &[f32], d: usize, into: &mut [f32]) {
        for (idx, row) in rows.chunks_exact(d).enumerate() {
            into[self.start(idx, d)..][..d].copy_from_slice(row);
        }
    }

    /// What is kept of the past in each step of the order: nothing is lost before the first, and
    /// reversed the token before says what a token keeps.
    pub fn gates(self, decay: Option<&[f32]>) -> Vec<f32> {
        let gate = |idx: usize| match decay {
            Some(decay) if idx > 0 => {
                decay[self.start(if self.reversed { idx - 1 } else { idx }, 1)].exp()
            }
            _ => 1.0,
        };
        (0..self.n_rows).map(gate).collect()
    }
}

pub(crate) fn run(op: &LinearAttention, cx: &mut Context<'_>) {
    let [q, k, v] = [0, 1, 2].map(|idx| cx.inputs[idx].f32());
    let [d_key, d_value] = [1, 2].map(|idx| cx.inputs[idx].shape.n_cols() / op.n_heads);
    let decay = op.has_decay.then(|| cx.inputs[3].f32());
    let [z, beside] = &mut *cx.outputs else { unreachable!("two outputs by the shape rule") };
    for map in cx.part.of(op.n_maps()) {
        let order = Order::new(op, map, &cx.inputs[1]);
        let n_rows = order.n_rows;
        let mut rows = Rows {
            n_rows,
            d_key,
            d_value,
            strict: op.strict,
            q: order.gathered(q, d_key),
            k: order.gathered(k, d_key),
            v: order.gathered(v, d_value),
            gates: order.gates(decay),
            z: vec![0.0; n_rows * d_value],
        };
        let len = beside.data.len() / op.n_maps();
        let beside = &mut beside.data[map * len..][..len];
        match op.form {
            Form::Attention => rows.attend(cx.isa, &mut cx.scratch.gemm, order, beside),
            Form::Recurrent => rows.recur(beside),
            Form::Chunked(n) => rows.chunk(cx.isa, &mut cx.scratch.gemm, n, beside),
        }
        order.scatter(&rows.z, d_value, z.data);
    }
}

/// One map in its order.
struct Rows {
    n_rows: usize,
    d_key: usize,
    d_value: usize,
    strict: bool,
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    gates: Vec<f32>,
    z: Vec<f32>,
}

impl Rows {
    /// Weighs the products of rows `first..` with all up to themselves; those after become 0.
    fn weigh(&self, first: usize, cols_from: usize, pattern: &mut [f32], n_cols: usize) {
        for (row, cells) in (first..).zip(pattern.chunks_exact_mut(n_cols)) {
            let own = row - cols_from;
            cells[own + usize::from(!self.strict)..].fill(0.0);
            let mut kept = 1.0;
            for col in (0..own).rev() {
                kept *= self.gates[cols_from + col + 1];
                cells[col] *= kept;
            }
        }
    }

    fn attend(&mut self, isa: Isa, scratch: &mut GemmScratch, order: Order, pattern: &mut [f32]) {
        let (n, d_key, d_value) = (self.n_rows, self.d_key, self.d_value);
        let (k, v) = (Matrix::rows(&self.k, d_key).turned(), Matrix::rows(&self.v, d_value));
        let mut cells = vec![0.0; BLOCK * n];
        for first in (0..n).step_by(BLOCK) {
            let end = (first + BLOCK).min(n);
            let cells = &mut cells[..(end - first) * n];
            let q = Matrix::rows(&self.q[first * d_key..], d_key);
            gemm(isa, [q, k], [end - first, end, d_key], scratch, (&mut *cells, n), false);
            self.weigh(first, 0, cells, n);
            let to = (&mut self.z[first * d_value..], d_value);
            gemm(isa, [Matrix::rows(cells, n), v], [end - first, d_value, end], scratch, to, false);
            for (row, cells) in (first..end).zip(cells.chunks_exact_mut(n)) {
                let row = if order.reversed { n - 1 - row } else { row };
                let into = &mut pattern[row * n..][..n];
                into.copy_from_slice(cells);
                if order.reversed {
                    into.reverse();
                }
            }
        }
    }

    fn recur(&mut self, memory: &mut [f32]) {
        let (d_key, d_value) = (self.d_key, self.d_value);
        memory.fill(0.0);
        for row in 0..self.n_rows {
            let (q, k) = (&self.q[row * d_key..][..d_key], &self.k[row * d_key..][..d_key]);
            let v = &self.v[row * d_value..][..d_value];
            let z = &mut self.z[row * d_value..][..d_value];
            let gate = self.gates[row];
            for ((memory, q), k) in memory.chunks_exact_mut(d_value).zip(q).zip(k) {
                for ((memory, v), z) in memory.iter_mut().zip(v).zip(&mut *z) {
                    let before = *memory * gate;
                    *memory = before + k * v;
                    *z += q * if self.strict { before } else { *memory };
                }
            }
        }
    }

    fn chunk(
        &mut self,
        isa: Isa,
        scratch: &mut GemmScratch,
        n: usize,
        memories: &mut [f32],
    ) {
        let (d_key, d_value) = (self.d_key, self.d_value);
        let mut memory = vec![0.0; d_key * d_value];
        let mut cells = vec![0.0; n * n];
        for (first, kept) in
            (0..self.n_rows).step_by(n).zip(memories.chunks_exact_mut(d_key * d_value))
        {
            kept.copy_from_slice(&memory);
            let rows = first..(first + n).min(self.n_rows);
            let n = rows.len();
            let cells = &mut cells[..n * n];
            let q = Matrix::rows(&self.q[first * d_key..], d_key);
            let k = Matrix::rows(&self.k[first * d_key..], d_key).turned();
            gemm(isa, [q, k], [n, n, d_key], scratch, (&mut *cells, n), false);
            self.weigh(first, first, cells, n);
            let v = Matrix::rows(&self.v[first * d_value..], d_value);
            let to = (&mut self.z[first * d_value..], d_value);
            gemm(isa, [Matrix::rows(cells, n), v], [n, d_value, n], scratch, to, false);
            // What rows read of the chunks before.
            let mut kept_before = 1.0;
            for row in rows.clone() {
                kept_before *= self.gates[row];
                self.q[row * d_key..][..d_key].iter_mut().for_each(|q| *q *= kept_before);
            }
            let q = Matrix::rows(&self.q[first * d_key..], d_key);
            let to = (&mut self.z[first * d_value..], d_value);
            gemm(isa, [q, Matrix::rows(kept, d_value)], [n, d_value, d_key], scratch, to, true);
            // What they leave to the chunks after.
            memory.iter_mut().for_each(|cell| *cell *= kept_before);
            let mut kept_after = 1.0;
            for row in rows.rev() {
                self.k[row * d_key..][..d_key].iter_mut().for_each(|k| *k *= kept_after);
                kept_after *= self.gates[row];
            }
            let k = Matrix::rows(&self.k[first * d_key..], d_key).turned();
            let v = Matrix::rows(&self.v[first * d_value..], d_value);
            let to = (&mut memory[..], d_value);
            gemm(isa, [k, v], [d_key, d_value, n], scratch, to, true);
        }
    }
}
