//! Quantised blocks as ggml lays them in files (and Marian's bytes), read 32 values at a time.
//!
//! Follows ggml's `dequantize_row_*`: one rounding a product and one a sum, so that the values are
//! those of the `gguf` Python package bit for bit.

use half::f16;

use crate::tensor::DType;

/// Values of a run.
pub const RUN: usize = 32;

/// 32 consecutive values: `x = scales[i / 16] · quants[i] + minimum`.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Integers.
    pub quants: [i8; RUN],
    /// Factors of the first and of the second half.
    pub scales: [f32; 2],
    /// What is added, in the types that have it.
    pub minimum: Option<f32>,
}

impl Run {
    fn new(scale: f32, minimum: Option<f32>, quant: impl Fn(usize) -> i8) -> Self {
        Self { quants: std::array::from_fn(quant), scales: [scale; 2], minimum }
    }
}

/// IQ4_NL's sixteen values.
const IQ4_NL: [i8; 16] = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

/// Run `idx` of a block of a quantised type; of any other, zeros.
pub fn run_of(dtype: DType, block: &[u8], idx: usize) -> Run {
    let half_at = |at: usize| f16::from_le_bytes([block[at], block[at + 1]]).to_f32();
    // In types with blocks of 32, byte i of the nibbles holds values i (low) and i + 16 (high).
    let nibble = |first: usize, i: usize| block[first + i % 16] >> (i / 16 * 4) & 15;
    let fifth = |first: usize, i: usize| (block[first + i / 8] >> (i % 8) & 1) << 4;
    let d = half_at(0);
    match dtype {
        DType::Q8_0 => Run::new(d, None, |i| block[2 + i] as i8),
        DType::I8 => {
            let d = f32::from_le_bytes([block[0], block[1], block[2], block[3]]);
            Run::new(d, None, |i| block[4 + i] as i8)
        }
        DType::Q4_0 => Run::new(d, None, |i| nibble(2, i) as i8 - 8),
        DType::Q4_1 => Run::new(d, Some(half_at(2)), |i| nibble(4, i) as i8),
        DType::Q5_0 => Run::new(d, None, |i| (nibble(6, i) | fifth(2, i)) as i8 - 16),
        DType::Q5_1 => Run::new(d, Some(half_at(2)), |i| (nibble(8, i) | fifth(4, i)) as i8),
        DType::IQ4_NL => Run::new(d, None, |i| IQ4_NL[usize::from(nibble(2, i))]),
        DType::Q4_K | DType::Q5_K => {
            let (scale, minimum) = six_bits(&block[4..16], idx);
            let first = if dtype == DType::Q5_K { 48 } else { 16 };
            // Two runs share 32 bytes: low nibbles, then high ones.
            let low = |i: usize| block[first + idx / 2 * 32 + i] >> (idx % 2 * 4) & 15;
            let minimum = Some(-(half_at(2) * f32::from(minimum)));
            Run::new(d * f32::from(scale), minimum, |i| match dtype {
                DType::Q5_K => (low(i) | (block[16 + i] >> idx & 1) << 4) as i8,
                _ => low(i) as i8,
            })
        }
        DType::Q6_K => {
            // Half a block: 64 bytes of nibbles, 32 bytes of upper pairs of bits.
            let (half, quarter) = (idx / 4, idx % 4);
            let d = half_at(208);
            let scale = |i: usize| d * f32::from(block[192 + 2 * idx + i] as i8);
            let quants = std::array::from_fn(|i| {
                let low = block[64 * half + 32 * (quarter % 2) + i] >> (quarter / 2 * 4) & 15;
                let high = block[128 + 32 * half + i] >> (2 * quarter) & 3;
                (low | high << 4) as i8 - 32
            });
            Run { quants, scales: [scale(0), scale(1)], minimum: None }
        }
        DType::F32 | DType::F16 | DType::BF16 | DType::U32 => Run::new(0.0, None, |_| 0),
    }
}

/// Scale and minimum of run `idx`, six bits each in twelve bytes.
fn six_bits(packed: &[u8], idx: usize) -> (u8, u8) {
    if idx < 4 {
        return (packed[idx] & 63, packed[idx + 4] & 63);
    }
    let low = packed[idx + 4];
    (low & 15 | packed[idx - 4] >> 6 << 4, low >> 4 | packed[idx] >> 6 << 4)
}

/// Whole blocks of a quantised type, widened to f32.
pub fn read(dtype: DType, bytes: &[u8], into: &mut [f32]) {
    let blocks = bytes.chunks_exact(dtype.block_bytes());
    for (block, out) in blocks.zip(into.chunks_exact_mut(dtype.block_len())) {
        for (idx, out) in out.chunks_exact_mut(RUN).enumerate() {
            let run = run_of(dtype, block, idx);
            for (i, (out, &quant)) in out.iter_mut().zip(&run.quants).enumerate() {
                let product = run.scales[i / 16] * f32::from(quant);
                *out = run.minimum.map_or(product, |minimum| product + minimum);
            }
        }
    }
}
