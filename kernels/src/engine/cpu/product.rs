//! y = x·Wᵀ + b over all panels of W: which kernel, in which order.
//!
//! Where x is a single tile, each panel is used once and read as it is packed. Where there are
//! more, a panel is widened once and every tile runs over it while it is in the cache.

use super::lines::Lines;
use super::matmul::{self, QuantPanel, QuantTile, Sums};
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

/// Calls `$body` with a constant `$T` equal to the number of rows `$n`, at most [`Simd::TILE`].
macro_rules! for_tile_of {
    ($S:ty, $n:expr, $T:ident => $body:expr) => {
        match $n {
            1 => {
                const $T: usize = 1;
                $body
            }
            2 => {
                const $T: usize = 2;
                $body
            }
            3 => {
                const $T: usize = 3;
                $body
            }
            4 => {
                const $T: usize = 4;
                $body
            }
            5 if <$S>::TILE >= 5 => {
                const $T: usize = 5;
                $body
            }
            6 if <$S>::TILE >= 6 => {
                const $T: usize = 6;
                $body
            }
            7 if <$S>::TILE >= 7 => {
                const $T: usize = 7;
                $body
            }
            8 if <$S>::TILE >= 8 => {
                const $T: usize = 8;
                $body
            }
            n => unreachable!("a tile of {n} rows"),
        }
    };
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
        let mut out = Out { y: self.y, n: self.w.shape.n_rows(), bias: self.bias };
        let panels = self.part.of(out.n.div_ceil(width));
        if n_rows <= S::TILE {
            for panel_idx in panels {
                let (panel, x) = (packed.panel(panel_idx), tile_at(0, n_rows));
                for_tile_of!(S, n_rows, T => {
                    let sums = matmul::tile_packed::<S, T>(s, packed.dtype(), panel, x);
                    out.store(s, sums, 0, panel_idx);
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
                    out.store(s, sums, first, panel_idx);
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
        let mut out = Out { y: self.y, n: self.w.shape.n_rows(), bias: self.bias };
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
                match size {
                    1 => out.store(
                        s,
                        matmul::tile_f32::<S, 1, 4>(s, panel, width, x),
                        first,
                        panel_idx,
                    ),
                    2 => out.store(
                        s,
                        matmul::tile_f32::<S, 2, 2>(s, panel, width, x),
                        first,
                        panel_idx,
                    ),
                    _ => for_tile_of!(S, size, T => {
                        let sums = matmul::tile_f32::<S, T, 1>(s, panel, width, x);
                        out.store(s, sums, first, panel_idx);
                    }),
                }
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

struct Out<'a> {
    y: &'a mut [f32],
    n: usize,
    bias: Option<&'a [f32]>,
}

impl Out<'_> {
    /// Writes a tile's sums with the bias to rows `first..first + T`, columns of that panel.
    #[inline(always)]
    fn store<S: Simd, const T: usize>(
        &mut self,
        s: S,
        sums: Sums<S, T>,
        first: usize,
        panel_idx: usize,
    ) {
        let start = panel_idx * GROUPS * S::LANES;
        for (t, sums) in sums.into_iter().enumerate() {
            let row = &mut self.y[(first + t) * self.n..][..self.n];
            for (g, mut sum) in sums.into_iter().enumerate() {
                let at = start + g * S::LANES;
                if at + S::LANES <= self.n {
                    if let Some(bias) = self.bias {
                        sum = s.f32_add(sum, s.f32_load(&bias[at..]));
                    }
                    s.f32_store(sum, &mut row[at..]);
                } else if at < self.n {
                    let mut lanes = [0.0; 16];
                    s.f32_store(sum, &mut lanes);
                    for (col, value) in (at..self.n).zip(lanes) {
                        row[col] = value + self.bias.map_or(0.0, |bias| bias[col]);
                    }
                }
            }
        }
    }
}
