//! Matrices as the kernels stream them.
//!
//! A panel is [`width`](Packed::width) rows side by side, two vectors of the instruction set:
//! for each column (or block of columns) the values of all its rows lie together, so that one
//! vector holds one column of many rows and no sum ever runs across lanes. Quantised blocks stay
//! as many bits as they were: of each block of 32 columns first the scales and minima of all
//! rows (f16), then words of 32 bits, a lane each:
//!
//! - Q4: word w holds columns 8w..8w + 8; bits 4p hold column 2p, bits 16 + 4p column 2p + 1, so
//!   that `word >> 4p & 0x000f000f` is a pair of i16.
//! - Q8: word w holds columns 4w..4w + 4 in bytes 0, 2, 1, 3: the low bytes of its halves are the
//!   first pair, the high bytes the second.
//! - I8: as Q8, with scales in f32.

use half::{bf16, f16};

use super::lines::Lines;
use crate::simd::Simd;
use crate::tensor::DType;

/// Vectors side by side in a panel.
pub(crate) const GROUPS: usize = 2;

/// A matrix `[n, k]` in panels.
pub(crate) struct Packed {
    n: usize,
    k: usize,
    dtype: DType,
    width: usize,
    /// Bytes of one panel.
    panel_bytes: usize,
    /// Whether all halves are finite, scales or values, as the fast widening of halves needs.
    halves_are_finite: bool,
    lines: Lines,
}

/// Where the parts of one block of a panel lie, in 32-bit words.
#[derive(Clone, Copy)]
pub(crate) struct BlockLayout {
    /// Words of scales (the minima, where there are any, take as many after them).
    pub scales: usize,
    /// Words before the quants.
    pub header: usize,
    /// Words of the whole block.
    pub len: usize,
}

impl BlockLayout {
    /// The layout for one of the quantised types in panels of `width` rows.
    #[inline(always)]
    pub const fn new(dtype: DType, width: usize) -> Self {
        let scales = if matches!(dtype, DType::I8) { width } else { width / 2 };
        let header = if matches!(dtype, DType::Q4_1) { 2 * scales } else { scales };
        let words = if matches!(dtype, DType::Q8_0 | DType::I8) { 8 } else { 4 };
        Self { scales, header, len: header + words * width }
    }
}

impl Packed {
    /// Packs the bytes of a matrix as a file holds them, for vectors of `lanes` lanes.
    pub fn new(dtype: DType, [n, k]: [usize; 2], bytes: &[u8], lanes: usize) -> Self {
        let width = GROUPS * lanes;
        let panel_bytes = if dtype.is_quantised() {
            k / 32 * BlockLayout::new(dtype, width).len * 4
        } else {
            k * width * dtype.block_bytes()
        };
        let lines = Lines::zeros(n.div_ceil(width) * panel_bytes);
        let mut packed = Self { n, k, dtype, width, panel_bytes, halves_are_finite: true, lines };
        let row_bytes = k / dtype.block_len() * dtype.block_bytes();
        for row_idx in 0..n {
            let row = &bytes[row_idx * row_bytes..][..row_bytes];
            let start = row_idx / width * panel_bytes;
            let lane = row_idx % width;
            let panel = &mut packed.lines.bytes_mut()[start..start + panel_bytes];
            if dtype.is_quantised() {
                packed.halves_are_finite &= pack_blocks(dtype, row, panel, lane, width);
            } else {
                let size = dtype.block_bytes();
                if dtype == DType::F16 {
                    let mut halves = row.as_chunks::<2>().0.iter();
                    packed.halves_are_finite &=
                        halves.all(|half| f16::from_le_bytes(*half).is_finite());
                }
                for (value, column) in
                    row.chunks_exact(size).zip(panel.chunks_exact_mut(width * size))
                {
                    column[lane * size..][..size].copy_from_slice(value);
                }
            }
        }
        packed
    }

    /// Rows of a panel.
    pub fn width(&self) -> usize {
        self.width
    }

    /// How the values are stored.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether the integer kernels give this matrix's product.
    pub fn suits_integers(&self) -> bool {
        self.dtype.is_quantised() && self.dtype != DType::I8 && self.halves_are_finite
    }

    /// Bytes held.
    pub fn byte_len(&self) -> usize {
        self.lines.bytes().len()
    }

    /// One panel's words.
    pub fn panel(&self, panel_idx: usize) -> &[u32] {
        &self.lines.words()[panel_idx * self.panel_bytes / 4..][..self.panel_bytes / 4]
    }

    /// One row, widened to f32.
    pub fn read_row(&self, row_idx: usize, into: &mut [f32]) {
        let panel =
            &self.lines.bytes()[row_idx / self.width * self.panel_bytes..][..self.panel_bytes];
        let (lane, width) = (row_idx % self.width, self.width);
        if !self.dtype.is_quantised() {
            let size = self.dtype.block_bytes();
            for (column, out) in panel.chunks_exact(width * size).zip(into) {
                *out = read_value(self.dtype, &column[lane * size..][..size]);
            }
            return;
        }
        let layout = BlockLayout::new(self.dtype, width);
        for (block, out) in panel.chunks_exact(layout.len * 4).zip(into.chunks_exact_mut(32)) {
            let half_at = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
            let d = match self.dtype {
                DType::I8 => f32::from_bits(word_at(block, lane)),
                _ => half_at(lane * 2),
            };
            let minimum = match self.dtype {
                DType::Q4_1 => half_at(layout.scales * 4 + lane * 2),
                DType::Q4_0 => -8.0 * d,
                _ => 0.0,
            };
            let words = block[layout.header * 4..].chunks_exact(width * 4);
            if matches!(self.dtype, DType::Q8_0 | DType::I8) {
                for (word, out) in words.zip(out.chunks_exact_mut(4)) {
                    for (byte, column) in word[lane * 4..][..4].iter().zip([0, 2, 1, 3]) {
                        out[column] = d * f32::from(*byte as i8);
                    }
                }
            } else {
                for (word, out) in words.zip(out.chunks_exact_mut(8)) {
                    let word = word_at(word, lane);
                    for pair in 0..4 {
                        out[2 * pair] = d * (word >> (4 * pair) & 15) as f32 + minimum;
                        out[2 * pair + 1] = d * (word >> (16 + 4 * pair) & 15) as f32 + minimum;
                    }
                }
            }
        }
    }

    /// All values, row-major.
    pub fn to_f32(&self) -> Vec<f32> {
        let mut values = vec![0.0; self.n * self.k];
        for (row_idx, row) in values.chunks_exact_mut(self.k).enumerate() {
            self.read_row(row_idx, row);
        }
        values
    }

    /// Widens one panel to f32, `[k, width]`.
    #[inline(always)]
    pub fn widen_panel<S: Simd>(&self, s: S, panel_idx: usize, into: &mut [f32]) {
        let panel = self.panel(panel_idx);
        match self.dtype {
            DType::F16 if self.halves_are_finite => {
                let halves: &[u16] = bytemuck::cast_slice(panel);
                let outs = into.chunks_exact_mut(S::LANES);
                for (out, halves) in outs.zip(halves.chunks_exact(S::LANES)) {
                    s.f32_store(s.f32_from_f16(halves), out);
                }
            }
            DType::F16 => {
                let halves: &[u16] = bytemuck::cast_slice(panel);
                for (out, bits) in into.iter_mut().zip(halves) {
                    *out = f16::from_bits(*bits).to_f32();
                }
            }
            // The upper half of an f32.
            DType::BF16 => {
                let halves: &[u16] = bytemuck::cast_slice(panel);
                for (out, bits) in into.iter_mut().zip(halves) {
                    *out = f32::from_bits(u32::from(*bits) << 16);
                }
            }
            DType::Q8_0 => self.widen_q8(s, DType::Q8_0, panel, into),
            DType::I8 => self.widen_q8(s, DType::I8, panel, into),
            DType::Q4_0 | DType::Q4_1 => self.widen_q4(s, panel, into),
            _ => into.copy_from_slice(bytemuck::cast_slice(panel)),
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn widen_q8<S: Simd>(&self, s: S, dtype: DType, panel: &[u32], into: &mut [f32]) {
        let width = GROUPS * S::LANES;
        let layout = BlockLayout::new(dtype, width);
        let (high, tiny) = (s.i32_splat(0xffff_0000), s.f32_splat(1.0 / 65536.0));
        for (block, out) in panel.chunks_exact(layout.len).zip(into.chunks_exact_mut(32 * width)) {
            for at in (0..width).step_by(S::LANES) {
                let scales = &block[..layout.scales];
                let d = match dtype {
                    DType::I8 => s.f32_from_bits(s.i32_load(&scales[at..])),
                    _ => widen_halves(s, scales, at),
                };
                let d = s.f32_mul(d, tiny);
                for (w, word) in block[layout.header..].chunks_exact(width).enumerate() {
                    let word = s.i32_load(&word[at..]);
                    let pairs = [s.i16_from_low_bytes(word), s.i16_from_high_bytes(word)];
                    for (p, pair) in pairs.into_iter().enumerate() {
                        let both = [s.i32_shl(pair, 16), s.i32_and(pair, high)];
                        for (q, value) in both.into_iter().enumerate() {
                            let value = s.f32_mul(s.f32_from_i32(value), d);
                            s.f32_store(value, &mut out[(4 * w + 2 * p + q) * width + at..]);
                        }
                    }
                }
            }
        }
    }

    #[cfg_attr(target_arch = "wasm32", inline(never))]
    #[cfg_attr(not(target_arch = "wasm32"), inline(always))]
    fn widen_q4<S: Simd>(&self, s: S, panel: &[u32], into: &mut [f32]) {
        let width = GROUPS * S::LANES;
        let layout = BlockLayout::new(self.dtype, width);
        let mask = s.i32_splat(15);
        for (block, out) in panel.chunks_exact(layout.len).zip(into.chunks_exact_mut(32 * width)) {
            for at in (0..width).step_by(S::LANES) {
                let d = widen_halves(s, &block[..layout.scales], at);
                let minimum = if self.dtype == DType::Q4_1 {
                    widen_halves(s, &block[layout.scales..layout.header], at)
                } else {
                    s.f32_mul(d, s.f32_splat(-8.0))
                };
                for (w, word) in block[layout.header..].chunks_exact(width).enumerate() {
                    let word = s.i32_load(&word[at..]);
                    for p in 0..4 {
                        for q in 0..2 {
                            let quant =
                                s.i32_and(s.i32_shr(word, 4 * p as u32 + 16 * q as u32), mask);
                            let value = s.f32_mul_add(s.f32_from_i32(quant), d, minimum);
                            s.f32_store(value, &mut out[(8 * w + 2 * p + q) * width + at..]);
                        }
                    }
                }
            }
        }
    }
}

/// `LANES` halves from lane `at` on of words that hold two halves each.
#[inline(always)]
pub(crate) fn widen_halves<S: Simd>(s: S, words: &[u32], at: usize) -> S::F32 {
    let halves: &[u16] = bytemuck::cast_slice(words);
    s.f32_from_f16(&halves[at..])
}

fn word_at(words: &[u8], lane: usize) -> u32 {
    let at = lane * 4;
    u32::from_le_bytes([words[at], words[at + 1], words[at + 2], words[at + 3]])
}

/// One value of an unquantised type.
pub(crate) fn read_value(dtype: DType, bytes: &[u8]) -> f32 {
    match dtype {
        DType::F16 => f16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
        DType::BF16 => bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
        _ => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
    }
}

/// Lays the blocks of one row into its lane of a panel; false if a scale is not finite.
fn pack_blocks(dtype: DType, row: &[u8], panel: &mut [u8], lane: usize, width: usize) -> bool {
    let layout = BlockLayout::new(dtype, width);
    let mut finite = true;
    for (block, out) in
        row.chunks_exact(dtype.block_bytes()).zip(panel.chunks_exact_mut(layout.len * 4))
    {
        if dtype == DType::I8 {
            out[lane * 4..][..4].copy_from_slice(&block[..4]);
            lay_bytes(&block[4..], &mut out[layout.header * 4..], lane, width);
            continue;
        }
        let is_finite = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).is_finite();
        out[lane * 2..][..2].copy_from_slice(&block[..2]);
        finite &= is_finite(0);
        if dtype == DType::Q4_1 {
            out[layout.scales * 4 + lane * 2..][..2].copy_from_slice(&block[2..4]);
            finite &= is_finite(2);
        }
        let quants = &block[if dtype == DType::Q4_1 { 4 } else { 2 }..];
        if dtype == DType::Q8_0 {
            lay_bytes(quants, &mut out[layout.header * 4..], lane, width);
            continue;
        }
        let words = out[layout.header * 4..].chunks_exact_mut(width * 4).enumerate();
        for (w, out) in words {
            // A file holds column c in the low half of byte c, column c + 16 in the high.
            let nibble = |column: usize| u32::from(quants[column % 16] >> (column / 16 * 4) & 15);
            let word = (0..4).fold(0, |word, p| {
                let pair = nibble(8 * w + 2 * p) | nibble(8 * w + 2 * p + 1) << 16;
                word | pair << (4 * p)
            });
            out[lane * 4..][..4].copy_from_slice(&word.to_le_bytes());
        }
    }
    finite
}

/// Lays the 32 bytes of a block into its lane, four columns to a word.
fn lay_bytes(quants: &[u8], words: &mut [u8], lane: usize, width: usize) {
    for (q, out) in quants.chunks_exact(4).zip(words.chunks_exact_mut(width * 4)) {
        out[lane * 4..][..4].copy_from_slice(&[q[0], q[2], q[1], q[3]]);
    }
}
