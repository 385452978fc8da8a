//! The tiles of a matrix product: a panel of weight rows times a few rows of x, sums in registers.
//!
//! A tile of x holds `T` rows with their values interleaved: of column c all rows' values lie
//! together. For the integer kernels a row of x is quantised in blocks of 32 columns to i16:
//! that costs less than what the weights lost, and one instruction multiplies and sums pairs.
//!
//! In WebAssembly each kernel is a function of its own: browsers give registers to functions
//! with many values in a cheaper, worse way. Nor is a loop unrolled there beyond its chains of sums:
//! the compiler would put all steps of one chain behind each other, and what the others wait
//! for would no longer fit the registers.

use super::packed::{BlockLayout, GROUPS, widen_halves};
use crate::simd::Simd;
use crate::tensor::DType;

/// Sums of `T` rows of x with the rows of one panel.
pub(crate) type Sums<S, const T: usize> = [[<S as Simd>::F32; GROUPS]; T];

/// Largest magnitude of a quantised activation.
const QUANT_MAX: f32 = 32767.0;

/// A tile of x for the integer kernels.
#[derive(Clone, Copy)]
pub(crate) struct QuantTile<'a> {
    /// Pairs of i16, `[k/2, T]`.
    pub pairs: &'a [u32],
    /// Scales of the blocks, `[k/32, T]`.
    pub scales: &'a [f32],
    /// Sums of the blocks' quantised values, `[k/32, T]`.
    pub sums: &'a [f32],
}

/// A widened panel for the integer kernels.
#[derive(Clone, Copy)]
pub(crate) struct QuantPanel<'a> {
    /// Pairs of i16, `[k/2, width]`.
    pub pairs: &'a [u32],
    /// Scales of the blocks, `[k/32, width]`.
    pub scales: &'a [f32],
    /// Minima of the blocks, `[k/32, width]`, or nothing.
    pub minima: &'a [f32],
}

/// Σ w[c]·x[c] over rows c of `w`, each `stride` values of which a panel's width from `offset` on
/// count, and a tile of x `[k, T]`. `U` chains of sums hide the latency of additions. A `PANEL` has
/// nothing else in its rows: with what is known to the compiler it checks no index in the loop.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn tile_f32<S: Simd, const T: usize, const U: usize, const PANEL: bool>(
    s: S,
    w: &[f32],
    [stride, offset]: [usize; 2],
    x: &[f32],
) -> Sums<S, T> {
    let width = GROUPS * S::LANES;
    let [stride, offset] = if PANEL { [width, 0] } else { [stride, offset] };
    let mut chains = [[[s.f32_zero(); GROUPS]; T]; U];
    let (x_steps, x_rest) = x.as_chunks::<T>().0.as_chunks::<U>();
    for (w, x) in w.chunks_exact(stride * U).zip(x_steps) {
        for u in 0..U {
            step_f32(s, &w[u * stride + offset..][..width], &x[u], &mut chains[u]);
        }
    }
    for (w, x) in w.chunks_exact(stride).skip(x_steps.len() * U).zip(x_rest) {
        step_f32(s, &w[offset..][..width], x, &mut chains[0]);
    }
    let mut sums = chains[0];
    for chain in &chains[1..] {
        for (sums, chain) in sums.iter_mut().zip(chain) {
            for (sum, part) in sums.iter_mut().zip(chain) {
                *sum = s.f32_add(*sum, *part);
            }
        }
    }
    sums
}

#[inline(always)]
fn step_f32<S: Simd, const T: usize>(s: S, w: &[f32], x: &[f32; T], sums: &mut Sums<S, T>) {
    let w: [_; GROUPS] = [s.f32_load(w), s.f32_load(&w[S::LANES..])];
    for t in 0..T {
        let x = s.f32_splat(x[t]);
        for g in 0..GROUPS {
            sums[t][g] = s.f32_mul_add(w[g], x, sums[t][g]);
        }
    }
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
            n => unreachable!("a tile of {n} rows"),
        }
    };
}
pub(crate) use for_tile_of;

/// [`tile_f32`] for any number of rows up to [`Simd::TILE`]; `put` gets each row's index and sums.
#[inline(always)]
pub(crate) fn any_tile_f32<S: Simd>(
    s: S,
    n_rows: usize,
    w: &[f32],
    layout: [usize; 2],
    x: &[f32],
    put: &mut impl Put<S>,
) {
    if layout == [GROUPS * S::LANES, 0] {
        tile_of::<S, true>(s, n_rows, w, layout, x, put);
    } else {
        tile_of::<S, false>(s, n_rows, w, layout, x, put);
    }
}

#[inline(always)]
fn tile_of<S: Simd, const PANEL: bool>(
    s: S,
    n_rows: usize,
    w: &[f32],
    layout: [usize; 2],
    x: &[f32],
    put: &mut impl Put<S>,
) {
    match n_rows {
        1 => put_all(put, s, tile_f32::<S, 1, 4, PANEL>(s, w, layout, x)),
        2 => put_all(put, s, tile_f32::<S, 2, 2, PANEL>(s, w, layout, x)),
        n => for_tile_of!(S, n, T => put_all(put, s, tile_f32::<S, T, 1, PANEL>(s, w, layout, x))),
    }
}

/// Takes what a tile computed. (A closure could not be `#[inline(always)]`.)
pub(crate) trait Put<S: Simd> {
    /// Takes the sums of row `t` of the tile.
    fn put(&mut self, s: S, t: usize, sums: [S::F32; GROUPS]);
}

#[inline(always)]
pub(crate) fn put_all<S: Simd, const T: usize>(put: &mut impl Put<S>, s: S, sums: Sums<S, T>) {
    for (t, sums) in sums.into_iter().enumerate() {
        put.put(s, t, sums);
    }
}

/// Writes the first `n` of the lanes of two vectors.
#[inline(always)]
pub(crate) fn store_first<S: Simd>(s: S, values: [S::F32; GROUPS], n: usize, to: &mut [f32]) {
    for (g, value) in values.into_iter().enumerate() {
        let at = g * S::LANES;
        if at + S::LANES <= n {
            s.f32_store(value, &mut to[at..]);
        } else if at < n {
            let mut lanes = [0.0; 16];
            s.f32_store(value, &mut lanes);
            to[at..n].copy_from_slice(&lanes[..n - at]);
        }
    }
}

/// As [`tile_f32`], over a widened quantised panel.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn tile_i16<S: Simd, const T: usize>(
    s: S,
    w: QuantPanel<'_>,
    x: QuantTile<'_>,
) -> Sums<S, T> {
    let width = GROUPS * S::LANES;
    let mut sums = [[s.f32_zero(); GROUPS]; T];
    if !w.minima.is_empty() {
        sums = tile_f32::<S, T, 1, true>(s, w.minima, [width, 0], x.sums);
    }
    let blocks = w.pairs.chunks_exact(16 * width).zip(w.scales.chunks_exact(width));
    let (x_blocks, _) = x.pairs.as_chunks::<T>().0.as_chunks::<16>();
    let (x_scales, _) = x.scales.as_chunks::<T>();
    for ((pairs, scales), (x_pairs, x_scales)) in blocks.zip(x_blocks.iter().zip(x_scales)) {
        let mut dots = [[s.i32_zero(); GROUPS]; T];
        for (w, x) in pairs.chunks_exact(width).zip(x_pairs) {
            let w: [_; GROUPS] = [s.i32_load(w), s.i32_load(&w[S::LANES..])];
            step_i16(s, w, x, &mut dots);
        }
        let scales = [s.f32_load(scales), s.f32_load(&scales[S::LANES..])];
        end_block(s, dots, scales, x_scales, &mut sums);
    }
    sums
}

/// As [`tile_i16`], over a panel as it is packed: for a single tile, which would not win back
/// the cost of writing a widened panel.
#[inline(always)]
pub(crate) fn tile_packed<S: Simd, const T: usize>(
    s: S,
    dtype: DType,
    panel: &[u32],
    x: QuantTile<'_>,
) -> Sums<S, T> {
    // Each type gets a loop of its own, with the layout a constant.
    match dtype {
        DType::Q8_0 => tile_packed_as::<S, T, 2>(s, DType::Q8_0, panel, x),
        DType::Q4_0 => tile_packed_as::<S, T, 4>(s, DType::Q4_0, panel, x),
        _ => tile_packed_as::<S, T, 4>(s, DType::Q4_1, panel, x),
    }
}

#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn tile_packed_as<S: Simd, const T: usize, const PAIRS_A_WORD: usize>(
    s: S,
    dtype: DType,
    panel: &[u32],
    x: QuantTile<'_>,
) -> Sums<S, T> {
    let width = GROUPS * S::LANES;
    let layout = BlockLayout::new(dtype, width);
    let mut sums = [[s.f32_zero(); GROUPS]; T];
    let x_words = x.pairs.as_chunks::<T>().0.as_chunks::<PAIRS_A_WORD>().0;
    let x_blocks = x_words.chunks_exact(16 / PAIRS_A_WORD);
    let (x_scales, x_sums) = (x.scales.as_chunks::<T>().0, x.sums.as_chunks::<T>().0);
    let x_ends = x_scales.iter().zip(x_sums);
    for ((block, x_words), (x_scales, x_sums)) in
        panel.chunks_exact(layout.len).zip(x_blocks).zip(x_ends)
    {
        let mut dots = [[s.i32_zero(); GROUPS]; T];
        for (word, x) in block[layout.header..].chunks_exact(width).zip(x_words) {
            let word: [_; GROUPS] = [s.i32_load(word), s.i32_load(&word[S::LANES..])];
            if PAIRS_A_WORD == 2 {
                step_i16(s, word.map(|word| s.i16_from_low_bytes(word)), &x[0], &mut dots);
                step_i16(s, word.map(|word| s.i16_from_high_bytes(word)), &x[1], &mut dots);
            } else {
                for (p, x) in x.iter().enumerate() {
                    step_i16(s, nibble_pairs(s, word, p), x, &mut dots);
                }
            }
        }
        let scales: [_; GROUPS] =
            [0, S::LANES].map(|at| widen_halves(s, &block[..layout.scales], at));
        if dtype != DType::Q8_0 {
            for g in 0..GROUPS {
                let minima = if dtype == DType::Q4_1 {
                    widen_halves(s, &block[layout.scales..layout.header], g * S::LANES)
                } else {
                    s.f32_mul(scales[g], s.f32_splat(-8.0))
                };
                for t in 0..T {
                    sums[t][g] = s.f32_mul_add(minima, s.f32_splat(x_sums[t]), sums[t][g]);
                }
            }
        }
        end_block(s, dots, scales, x_scales, &mut sums);
    }
    sums
}

/// Σ w[c]·x[c] in integers, exactly, over a panel of bytes as it is packed and a tile of x as pairs
/// of i16, `[k/2, T]`.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn tile_bytes<S: Simd, const T: usize>(
    s: S,
    panel: &[u32],
    x: &[u32],
) -> [[S::I32; GROUPS]; T] {
    let width = GROUPS * S::LANES;
    let layout = BlockLayout::new(DType::I8, width);
    let mut dots = [[s.i32_zero(); GROUPS]; T];
    let x_words = x.as_chunks::<T>().0.as_chunks::<2>().0;
    for (block, x_words) in panel.chunks_exact(layout.len).zip(x_words.chunks_exact(8)) {
        for (word, x) in block[layout.header..].chunks_exact(width).zip(x_words) {
            let word: [_; GROUPS] = [s.i32_load(word), s.i32_load(&word[S::LANES..])];
            step_i16(s, word.map(|word| s.i16_from_low_bytes(word)), &x[0], &mut dots);
            step_i16(s, word.map(|word| s.i16_from_high_bytes(word)), &x[1], &mut dots);
        }
    }
    dots
}

/// The p-th pairs of words of nibbles.
#[inline(always)]
fn nibble_pairs<S: Simd>(s: S, words: [S::I32; GROUPS], p: usize) -> [S::I32; GROUPS] {
    let mask = s.i32_splat(0x000f_000f);
    let mut pairs = words;
    for pair in &mut pairs {
        *pair = s.i32_and(if p == 0 { *pair } else { s.i32_shr(*pair, 4 * p as u32) }, mask);
    }
    pairs
}

#[inline(always)]
fn step_i16<S: Simd, const T: usize>(
    s: S,
    w: [S::I32; GROUPS],
    x: &[u32; T],
    dots: &mut [[S::I32; GROUPS]; T],
) {
    for t in 0..T {
        let x = s.i32_splat(x[t]);
        for g in 0..GROUPS {
            dots[t][g] = s.i16_dot_add(dots[t][g], w[g], x);
        }
    }
}

#[inline(always)]
fn end_block<S: Simd, const T: usize>(
    s: S,
    dots: [[S::I32; GROUPS]; T],
    scales: [S::F32; GROUPS],
    x_scales: &[f32; T],
    sums: &mut Sums<S, T>,
) {
    for t in 0..T {
        let x_scale = s.f32_splat(x_scales[t]);
        for g in 0..GROUPS {
            let scale = s.f32_mul(scales[g], x_scale);
            sums[t][g] = s.f32_mul_add(s.f32_from_i32(dots[t][g]), scale, sums[t][g]);
        }
    }
}

/// Widens a packed quantised panel for [`tile_i16`]; the minima's slice stays empty for Q8_0.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn widen_panel<S: Simd>(
    s: S,
    dtype: DType,
    panel: &[u32],
    pairs: &mut [u32],
    scales: &mut [f32],
    minima: &mut [f32],
) {
    let width = GROUPS * S::LANES;
    let layout = BlockLayout::new(dtype, width);
    let blocks = panel.chunks_exact(layout.len).zip(pairs.chunks_exact_mut(16 * width));
    for (b, (block, pairs)) in blocks.enumerate() {
        let words = block[layout.header..].chunks_exact(width).enumerate();
        for (w, word) in words {
            let word: [_; GROUPS] = [s.i32_load(word), s.i32_load(&word[S::LANES..])];
            let mut put = |pair_idx: usize, pair: [S::I32; GROUPS]| {
                let out = &mut pairs[pair_idx * width..][..width];
                s.i32_store(pair[0], out);
                s.i32_store(pair[1], &mut out[S::LANES..]);
            };
            if dtype == DType::Q8_0 {
                put(2 * w, word.map(|word| s.i16_from_low_bytes(word)));
                put(2 * w + 1, word.map(|word| s.i16_from_high_bytes(word)));
            } else {
                for p in 0..4 {
                    put(4 * w + p, nibble_pairs(s, word, p));
                }
            }
        }
        for at in [0, S::LANES] {
            let d = widen_halves(s, &block[..layout.scales], at);
            s.f32_store(d, &mut scales[b * width + at..]);
            if dtype == DType::Q4_1 {
                let minimum = widen_halves(s, &block[layout.scales..layout.header], at);
                s.f32_store(minimum, &mut minima[b * width + at..]);
            } else if dtype == DType::Q4_0 {
                let minimum = s.f32_mul(d, s.f32_splat(-8.0));
                s.f32_store(minimum, &mut minima[b * width + at..]);
            }
        }
    }
}

/// Quantises row `t` of a tile of `n_rows` rows: blocks of 32 columns to i16 pairs, scale, sum.
/// The sum is that of the values as quantised, times the scale. A block with a value that is not
/// finite gets the scale NaN.
#[inline(always)]
pub(crate) fn quantise_row(
    x: &[f32],
    t: usize,
    n_rows: usize,
    pairs: &mut [u32],
    scales: &mut [f32],
    sums: &mut [f32],
) {
    // Adding this makes the sum's last bits the value rounded to an integer.
    const ROUND: f32 = 12_582_912.0;
    for (b, block) in x.chunks_exact(32).enumerate() {
        // As integers, so that NaN, which is above all, is not lost.
        let largest =
            block.iter().fold(0, |largest, value| largest.max(value.to_bits() & 0x7fff_ffff));
        let largest = f32::from_bits(largest);
        let (scale, inverse) = if !largest.is_finite() {
            (f32::NAN, 0.0)
        } else if largest < 1e-30 {
            (0.0, 0.0)
        } else {
            (largest / QUANT_MAX, QUANT_MAX / largest)
        };
        let mut quants = [0_u32; 32];
        let mut sum = 0_i32;
        for (quant, value) in quants.iter_mut().zip(block) {
            let rounded = (value * inverse + ROUND).to_bits().wrapping_sub(ROUND.to_bits());
            *quant = rounded;
            sum = sum.wrapping_add(rounded as i32);
        }
        for (p, pair) in quants.chunks_exact(2).enumerate() {
            pairs[(b * 16 + p) * n_rows + t] = pair[0] & 0xffff | pair[1] << 16;
        }
        scales[b * n_rows + t] = scale;
        sums[b * n_rows + t] = scale * sum as f32;
    }
}
