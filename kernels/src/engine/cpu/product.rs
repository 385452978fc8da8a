//! y = x·Wᵀ + b over all panels of W: which kernel, in which order.
//!
//! Where x is a single tile, each panel is used once and read as it is packed. Where there are
//! more, a panel is widened once and every tile runs over it while it is in the cache.

use super::lines::Lines;
use super::matmul::{
    self, Put, QuantPanel, QuantTile, any_tile_f32, for_tile_of, put_all, store_first,
};
use super::packed::{GROUPS, Packed};
use super::{Activations, Data, Operand, Part, Weight};
use crate::simd::{Isa, Kernel, Simd};
use crate::tensor::DType;

/// Buffers of a product.
#[derive(Default)]
pub(crate) struct ProductScratch {
    /// x in tiles: f32, or pairs of i16.
    x: Lines,
    x_scales: Lines,
    x_sums: Lines,
    /// The widened panel: f32, or pairs of i16.
    panel: Lines,
    panel_scales: Lines,
    panel_minima: Lines,
}

/// One product.
pub(crate) struct Product<'a> {
    /// T.
    pub n_rows: usize,
    /// `[T, k]`.
    pub x: &'a [f32],
    /// `[n, k]`.
    pub w: &'a Operand<'a>,
    /// `[n]`.
    pub bias: Option<&'a [f32]>,
    /// `[T, n]`.
    pub y: &'a mut [f32],
    pub activations: Activations,
    pub part: Part,
}

impl Product<'_> {
    /// Computes its part.
    pub fn run(self, isa: Isa, scratch: &mut ProductScratch) {
        isa.run(ProductKernel { product: self, scratch });
    }
}

struct ProductKernel<'a, 'b> {
    product: Product<'a>,
    scratch: &'b mut ProductScratch,
}

impl Kernel for ProductKernel<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Self { product, scratch } = self;
        match product.w.data {
            Data::Weight(Weight::Packed(packed))
                if product.activations == Activations::Quantised16 && packed.suits_integers() =>
            {
                product.by_integers(s, packed, scratch);
            }
            _ => product.by_floats(s, scratch),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn by_integers<S: Simd>(self, s: S, packed: &Packed, scratch: &mut ProductScratch) {
        let (k, n_rows) = (self.w.shape.n_cols(), self.n_rows);
        let width = packed.width();
        assert_eq!(width, GROUPS * S::LANES, "packed for another instruction set");
        let ProductScratch { x, x_scales, x_sums, panel, panel_scales, panel_minima } = scratch;
        let x = x.words_mut(n_rows * k / 2);
        let x_scales = x_scales.floats_mut(n_rows * k / 32);
        let x_sums = x_sums.floats_mut(n_rows * k / 32);
        if self.part.idx == 0 {
            for (t, row) in self.x.chunks_exact(k.max(1)).enumerate() {
                let (first, size) = tile_of::<S>(t, n_rows);
                matmul::quantise_row(
                    row,
                    t - first,
                    size,
                    &mut x[first * k / 2..][..size * k / 2],
                    &mut x_scales[first * k / 32..][..size * k / 32],
                    &mut x_sums[first * k / 32..][..size * k / 32],
                );
            }
        }
        let tile_at = |first: usize, size: usize| QuantTile {
            pairs: &x[first * k / 2..][..size * k / 2],
            scales: &x_scales[first * k / 32..][..size * k / 32],
            sums: &x_sums[first * k / 32..][..size * k / 32],
        };
        let n = self.w.shape.n_rows();
        let mut out = Out { y: self.y, n, bias: self.bias, first: 0, column: 0 };
        let panels = self.part.of(out.n.div_ceil(width));
        if n_rows <= S::TILE {
            for panel_idx in panels {
                let (panel, x) = (packed.panel(panel_idx), tile_at(0, n_rows));
                for_tile_of!(S, n_rows, T => {
                    let sums = matmul::tile_packed::<S, T>(s, packed.dtype(), panel, x);
                    out.column = panel_idx * width;
                    put_all(&mut out, s, sums);
                });
            }
            return;
        }
        let pairs = panel.words_mut(k / 2 * width);
        let scales = panel_scales.floats_mut(k / 32 * width);
        let n_minima = if packed.dtype() == DType::Q8_0 { 0 } else { k / 32 * width };
        let minima = panel_minima.floats_mut(n_minima);
        for panel_idx in panels {
            let words = packed.panel(panel_idx);
            matmul::widen_panel(s, packed.dtype(), words, pairs, scales, minima);
            let panel = QuantPanel { pairs, scales, minima };
            for first in (0..n_rows).step_by(S::TILE) {
                let size = S::TILE.min(n_rows - first);
                let x = tile_at(first, size);
                for_tile_of!(S, size, T => {
                    let sums = matmul::tile_i16::<S, T>(s, panel, x);
                    (out.first, out.column) = (first, panel_idx * width);
                    put_all(&mut out, s, sums);
                });
            }
        }
    }

    #[inline(always)]
    fn by_floats<S: Simd>(self, s: S, scratch: &mut ProductScratch) {
        let (k, n_rows) = (self.w.shape.n_cols(), self.n_rows);
        let width = GROUPS * S::LANES;
        let x = scratch.x.floats_mut(n_rows * k);
        if self.part.idx == 0 {
            for (t, row) in self.x.chunks_exact(k.max(1)).enumerate() {
                let (first, size) = tile_of::<S>(t, n_rows);
                let tile = x[first * k..][..size * k].chunks_exact_mut(size);
                for (column, value) in tile.zip(row) {
                    column[t - first] = *value;
                }
            }
        }
        let n = self.w.shape.n_rows();
        let mut out = Out { y: self.y, n, bias: self.bias, first: 0, column: 0 };
        for panel_idx in self.part.of(out.n.div_ceil(width)) {
            let panel = match self.w.data {
                Data::Weight(Weight::Packed(packed)) if packed.dtype() == DType::F32 => {
                    bytemuck::cast_slice(packed.panel(panel_idx))
                }
                Data::Weight(Weight::Packed(packed)) => {
                    let panel = scratch.panel.floats_mut(k * width);
                    packed.widen_panel(s, panel_idx, panel);
                    &*panel
                }
                _ => {
                    let panel = scratch.panel.floats_mut(k * width);
                    let row = scratch.panel_scales.floats_mut(k);
                    for lane in 0..width.min(out.n - panel_idx * width) {
                        self.w.read_row(panel_idx * width + lane, row);
                        for (column, value) in panel.chunks_exact_mut(width).zip(&*row) {
                            column[lane] = *value;
                        }
                    }
                    &*panel
                }
            };
            for first in (0..n_rows).step_by(S::TILE) {
                let size = S::TILE.min(n_rows - first);
                let x = &x[first * k..][..size * k];
                out.first = first;
                out.column = panel_idx * width;
                any_tile_f32(s, size, panel, [width, 0], x, &mut out);
            }
        }
    }
}

/// First row and number of rows of the tile that row `t` of `n_rows` lies in.
#[inline(always)]
fn tile_of<S: Simd>(t: usize, n_rows: usize) -> (usize, usize) {
    let first = t / S::TILE * S::TILE;
    (first, S::TILE.min(n_rows - first))
}

/// Where a tile's sums go.
struct Out<'a> {
    /// `[T, n]`.
    y: &'a mut [f32],
    n: usize,
    bias: Option<&'a [f32]>,
    /// The tile's first row.
    first: usize,
    /// The panel's first column.
    column: usize,
}

impl<S: Simd> Put<S> for Out<'_> {
    #[inline(always)]
    fn put(&mut self, s: S, t: usize, mut sums: [S::F32; GROUPS]) {
        let n = (GROUPS * S::LANES).min(self.n - self.column);
        let row = &mut self.y[(self.first + t) * self.n + self.column..][..n];
        if let Some(bias) = self.bias {
            let bias = &bias[self.column..][..n];
            let mut lanes = [0.0; GROUPS * 16];
            lanes[..n].copy_from_slice(bias);
            for (g, sum) in sums.iter_mut().enumerate() {
                *sum = s.f32_add(*sum, s.f32_load(&lanes[g * S::LANES..]));
            }
        }
        store_first(s, sums, n, row);
    }
}
