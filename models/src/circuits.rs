//! What a head can do, whatever the text: its QK circuit `W_Qᵀ·W_K` scores any residual vector
//! against any other, its OV circuit `W_O·W_V` says what it moves (Elhage et al. 2021, "A
//! Mathematical Framework for Transformer Circuits"). Both are `[d_model, d_model]` of rank
//! d_head, so their singular values follow from matrices of d_head columns.
//!
//! Biases, gains of norms and rotations are left out: of a rotary model this is the circuit at
//! distance 0, with all columns.

use std::ops::Range;

use vitrine_kernels::spectrum::{Gram, of_product};

use crate::arch::{Matrix, ModelSpec};

/// The four matrices of one layer's attention.
#[derive(Clone, Debug)]
pub struct Attention {
    /// `[n_heads·d_head, d_model]`.
    pub q: Matrix,
    /// `[n_kv_heads·d_head, d_model]`.
    pub k: Matrix,
    /// `[n_kv_heads·d_head, d_model]`.
    pub v: Matrix,
    /// `[d_model, n_heads·d_head]`.
    pub o: Matrix,
}

impl Attention {
    /// Some cells of a head's QK circuit: how much a direction of the looking token (row) and one
    /// of the token looked at (column) add to a score, before scaling.
    pub fn qk_cells(
        &self,
        spec: &ModelSpec,
        head: usize,
        rows: Range<usize>,
        cols: Range<usize>,
    ) -> Vec<f32> {
        let (d, kv_head) = (spec.d_head, kv_head(spec, head));
        let queries = self.q.cells(head * d..(head + 1) * d, rows.clone()); // [d_head, rows]
        let keys = self.k.cells(kv_head * d..(kv_head + 1) * d, cols.clone()); // [d_head, cols]
        product(&queries, &keys, d, rows.len(), cols.len())
    }

    /// Some cells of a head's OV circuit: how much of a direction of the token looked at (column)
    /// is written into one of the looking token (row).
    pub fn ov_cells(
        &self,
        spec: &ModelSpec,
        head: usize,
        rows: Range<usize>,
        cols: Range<usize>,
    ) -> Vec<f32> {
        let (d, kv_head) = (spec.d_head, kv_head(spec, head));
        let outputs = self.o.cells(rows.clone(), head * d..(head + 1) * d); // [rows, d_head]
        let n = rows.len();
        let turned: Vec<f32> = (0..outputs.len()).map(|at| outputs[at % n * d + at / n]).collect(); // [d_head, rows]
        let values = self.v.cells(kv_head * d..(kv_head + 1) * d, cols.clone()); // [d_head, cols]
        product(&turned, &values, d, n, cols.len())
    }

    /// Singular values of a head's QK circuit, d_head of them, largest first. `None` if a weight
    /// is not finite.
    pub fn qk(&self, spec: &ModelSpec, head: usize) -> Option<Vec<f32>> {
        let kv_head = kv_head(spec, head);
        of_product(
            &by_inputs(&self.q, spec.d_head, head),
            &by_inputs(&self.k, spec.d_head, kv_head),
        )
    }

    /// Those of its OV circuit.
    pub fn ov(&self, spec: &ModelSpec, head: usize) -> Option<Vec<f32>> {
        let kv_head = kv_head(spec, head);
        of_product(
            &by_outputs(&self.o, spec.d_head, head),
            &by_inputs(&self.v, spec.d_head, kv_head),
        )
    }
}

/// The key and value head that a query head reads.
fn kv_head(spec: &ModelSpec, head: usize) -> usize {
    head / (spec.n_heads / spec.n_kv_heads.max(1)).max(1)
}

/// `aᵀ·b`, `[n, m]`, of `a` `[k, n]` and `b` `[k, m]`; empty if either is not there.
fn product(a: &[f32], b: &[f32], k: usize, n: usize, m: usize) -> Vec<f32> {
    if a.len() != k * n || b.len() != k * m {
        return Vec::new();
    }
    let cell = |row: usize, col: usize| {
        let terms = (0..k).map(|i| f64::from(a[i * n + row]) * f64::from(b[i * m + col]));
        terms.sum::<f64>() as f32
    };
    (0..n * m).map(|at| cell(at / m, at % m)).collect()
}

/// The Gram matrix of a head's rows.
fn by_inputs(matrix: &Matrix, d_head: usize, head: usize) -> Gram {
    let rows = matrix.rows(head * d_head..(head + 1) * d_head); // [d_head, d_model]
    let n_cols = matrix.n_cols;
    let turned: Vec<f32> =
        (0..rows.len()).map(|at| rows[at % d_head * n_cols + at / d_head]).collect();
    let mut gram = Gram::new(d_head);
    gram.add_rows(&turned);
    gram
}

/// The Gram matrix of a head's columns.
fn by_outputs(matrix: &Matrix, d_head: usize, head: usize) -> Gram {
    let mut gram = Gram::new(d_head);
    for row in matrix.rows(0..matrix.n_rows).chunks_exact(matrix.n_cols.max(1)) {
        gram.add_rows(&row[head * d_head..(head + 1) * d_head]);
    }
    gram
}
