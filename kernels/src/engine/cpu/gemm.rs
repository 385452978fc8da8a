//! C = A·B, or C += A·B, of matrices that a run computes, each as it lies or turned.
//!
//! After Goto, van de Geijn 2008 ("Anatomy of High-Performance Matrix Multiplication"): blocks of
//! the inner dimension, B in panels, blocks of A in tiles; the sums of a tile stay in registers
//! ([`super::matmul`]).

use std::ops::Range;

use super::lines::Lines;
use super::matmul::{Put, any_tile_f32, store_first};
use super::packed::GROUPS;
use crate::simd::{Isa, Kernel, Simd};

/// Inner columns of a block: a panel of them stays in the first cache.
const INNER: usize = 256;

/// Tiles of A that are packed at once: they stay in the second cache.
const TILES: usize = 16;

/// A matrix within a buffer.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    /// Values; the first is that of row 0, column 0.
    pub values: &'a [f32],
    /// Distance of the rows.
    pub row: usize,
    /// Distance of the columns.
    pub col: usize,
}

impl<'a> Matrix<'a> {
    /// Rows `ld` apart.
    pub fn rows(values: &'a [f32], ld: usize) -> Self {
        Self { values, row: ld, col: 1 }
    }

    /// Rows become columns.
    pub fn turned(self) -> Self {
        Self { row: self.col, col: self.row, ..self }
    }

    /// [`Matrix::turned`] if so.
    pub fn turned_if(self, turned: bool) -> Self {
        if turned { self.turned() } else { self }
    }

    /// Without the rows before.
    pub fn starting_at(self, row: usize) -> Self {
        Self { values: self.values.get(row * self.row..).unwrap_or_default(), ..self }
    }

    /// `tile[c][t]` = row `first + t`, column `inner.start + c`, for `size` rows.
    #[inline(always)]
    fn fill_tile<S: Simd>(self, first: usize, size: usize, inner: &Range<usize>, tile: &mut [f32]) {
        // Lengths that the compiler knows: in WebAssembly any other copy is a call.
        if self.row == 1 && size == S::TILE {
            for (column, c) in tile.chunks_exact_mut(S::TILE).zip(inner.clone()) {
                column.copy_from_slice(&self.values[first + c * self.col..][..S::TILE]);
            }
            return;
        }
        for t in 0..size {
            let row = &self.values[(first + t) * self.row + inner.start * self.col..];
            for (column, value) in tile.chunks_exact_mut(size).zip(row.iter().step_by(self.col)) {
                column[t] = *value;
            }
        }
    }

    /// `panel[c][j]` = row `inner.start + c`, column `first + j`, for `n` of a panel's columns.
    #[inline(always)]
    fn fill_panel<S: Simd>(self, inner: &Range<usize>, first: usize, n: usize, panel: &mut [f32]) {
        let width = GROUPS * S::LANES;
        if self.col == 1 && n == width {
            for (out, c) in panel.chunks_exact_mut(width).zip(inner.clone()) {
                out.copy_from_slice(&self.values[c * self.row + first..][..width]);
            }
            return;
        }
        for j in 0..width {
            if j >= n {
                panel.chunks_exact_mut(width).for_each(|out| out[j] = 0.0);
                continue;
            }
            let column = &self.values[inner.start * self.row + (first + j) * self.col..];
            for (out, value) in panel.chunks_exact_mut(width).zip(column.iter().step_by(self.row)) {
                out[j] = *value;
            }
        }
    }
}

/// Buffers of a product.
#[derive(Default)]
pub(crate) struct GemmScratch {
    tiles: Lines,
    panels: Lines,
}

/// Rows of C, `ld` apart: A `[m, k]`, B `[k, n]` → C `[m, n]`; `adds` to what is there. One function
/// an instruction set, whoever calls it.
pub(crate) fn gemm(
    isa: Isa,
    factors: [Matrix<'_>; 2],
    extents: [usize; 3],
    scratch: &mut GemmScratch,
    (c, ld): (&mut [f32], usize),
    adds: bool,
) {
    isa.run(Product { factors, extents, scratch, c, ld, adds });
}

struct Product<'a> {
    factors: [Matrix<'a>; 2],
    extents: [usize; 3],
    scratch: &'a mut GemmScratch,
    c: &'a mut [f32],
    ld: usize,
    adds: bool,
}

impl Kernel for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { factors: [a, b], extents: [m, n, k], scratch, c, ld, adds } = self;
        let width = GROUPS * S::LANES;
        if k == 0 && !adds {
            (0..m).for_each(|row| c[row * ld..][..n].fill(0.0));
        }
        for from in (0..k).step_by(INNER) {
            let inner = from..(from + INNER).min(k);
            let n_panels = n.div_ceil(width);
            let panel_len = inner.len() * width;
            let panels = scratch.panels.floats_mut(n_panels * panel_len);
            for (idx, panel) in panels.chunks_exact_mut(panel_len).enumerate() {
                let first = idx * width;
                b.fill_panel::<S>(&inner, first, width.min(n - first), panel);
            }
            for block in (0..m).step_by(TILES * S::TILE) {
                let n_rows = (TILES * S::TILE).min(m - block);
                let tiles = scratch.tiles.floats_mut(n_rows * inner.len());
                let tile_rows = (0..n_rows).step_by(S::TILE).map(|t| (t, S::TILE.min(n_rows - t)));
                for (t, size) in tile_rows.clone() {
                    let tile = &mut tiles[t * inner.len()..][..size * inner.len()];
                    a.fill_tile::<S>(block + t, size, &inner, tile);
                }
                for (idx, panel) in panels.chunks_exact(panel_len).enumerate() {
                    for (t, size) in tile_rows.clone() {
                        let mut out = Sums {
                            rows: &mut c[(block + t) * ld..],
                            ld,
                            column: idx * width,
                            n: width.min(n - idx * width),
                            adds: adds || from > 0,
                        };
                        let tile = &tiles[t * inner.len()..][..size * inner.len()];
                        any_tile_f32(s, size, panel, [width, 0], tile, &mut out);
                    }
                }
            }
        }
    }
}

/// Where the sums of a tile go.
struct Sums<'a> {
    rows: &'a mut [f32],
    ld: usize,
    column: usize,
    n: usize,
    adds: bool,
}

impl<S: Simd> Put<S> for Sums<'_> {
    #[inline(always)]
    fn put(&mut self, s: S, t: usize, mut sums: [S::F32; GROUPS]) {
        let row = &mut self.rows[t * self.ld + self.column..][..self.n];
        if self.adds {
            let mut lanes = [0.0; GROUPS * 16];
            let before = if self.n == GROUPS * S::LANES {
                &*row
            } else {
                lanes[..self.n].copy_from_slice(row);
                &lanes[..]
            };
            for (g, sum) in sums.iter_mut().enumerate() {
                *sum = s.f32_add(*sum, s.f32_load(&before[g * S::LANES..]));
            }
        }
        store_first(s, sums, self.n, row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::testing::{noise, relative_error};
    use crate::simd::Isa;

    #[test]
    fn turned_and_added_products_of_odd_shapes_agree_with_f64() {
        let shapes = [[1, 1, 1], [5, 17, 3], [97, 33, 300], [13, 65, 257], [200, 7, 0]];
        for (shape, bits) in shapes.into_iter().flat_map(|shape| (0..8).map(move |b| (shape, b))) {
            let [m, n, k] = shape;
            let [a_turned, b_turned, adds] = [1, 2, 4].map(|bit| bits & bit != 0);
            let (a, b) = (noise(1, m * k), noise(2, k * n));
            let a = Matrix::rows(&a, if a_turned { m } else { k }).turned_if(a_turned);
            let b = Matrix::rows(&b, if b_turned { k } else { n }).turned_if(b_turned);
            let ld = n + 3;
            let before = noise(3, m * ld);
            let mut expected: Vec<f64> = before.iter().map(|c| f64::from(*c)).collect();
            for i in 0..m {
                for j in 0..n {
                    let products = (0..k).map(|l| {
                        let (a, b) =
                            (a.values[i * a.row + l * a.col], b.values[l * b.row + j * b.col]);
                        f64::from(a) * f64::from(b)
                    });
                    let old = if adds { expected[i * ld + j] } else { 0.0 };
                    expected[i * ld + j] = old + products.sum::<f64>();
                }
            }
            for isa in Isa::available() {
                let mut c = before.clone();
                let mut scratch = GemmScratch::default();
                gemm(isa, [a, b], shape, &mut scratch, (&mut c, ld), adds);
                let err = relative_error(&c, &expected);
                assert!(err <= 1e-6, "{}, {shape:?}, {bits:03b}: {err:e}", isa.name());
            }
        }
    }
}
