//! How weights lie in GPU memory: quantised as in the file, but in planes that shaders read by
//! words; split by rows into pieces where one binding would not hold them.
//!
//! | dtype | a block of 32 values | then |
//! |---|---|---|
//! | f32 | 8 vec4 | |
//! | f16, bf16 | 4 vec4, rows padded with zeros to whole blocks | |
//! | Q4_0, Q4_1 | 1 vec4 of nibbles in order | (scale, minimum) as two f16, one word a block |
//! | Q8_0 | 2 vec4 of bytes in order | scales, two f16 to a word |
//! | Q4_K | 1 vec4 of nibbles in order | (scale, minimum) as two f32 |
//! | Q5_1, Q5_K | 2 vec4 of bytes in order | (scale, minimum) as two f32 |
//! | Q5_0, Q6_K, IQ4_NL, I8 | 2 vec4 of bytes in order | scales of both halves as two f32 |

use std::ops::Range;

use half::f16;

use crate::blocks::{RUN, run_of};
use crate::recording::Tensor;
use crate::tensor::{DType, Shape};

/// Shader texts that read weights, by [`Storage`].
pub(crate) mod texts {
    use crate::shader_text::wgsl;

    /// What a text needs before it, the text, what it needs after it.
    type Parts = [&'static str; 3];

    const BLOCK: &str = wgsl!("../ops/shared/weight_block.wgsl");
    const BYTES_TEXT: &str = wgsl!("../ops/shared/weight_bytes.wgsl");
    pub const PLAIN: Parts = ["", wgsl!("../ops/shared/weight_plain.wgsl"), ""];
    pub const F32: Parts = ["", wgsl!("../ops/shared/weight_f32.wgsl"), ""];
    pub const F16: Parts = ["", wgsl!("../ops/shared/weight_f16.wgsl"), ""];
    pub const BF16: Parts = ["", wgsl!("../ops/shared/weight_bf16.wgsl"), ""];
    pub const Q4: Parts = ["", wgsl!("../ops/shared/weight_q4.wgsl"), ""];
    pub const Q8: Parts = ["", wgsl!("../ops/shared/weight_q8.wgsl"), ""];
    pub const NIBBLES: Parts = ["", wgsl!("../ops/shared/weight_nibbles.wgsl"), BLOCK];
    pub const BYTES: Parts = ["const HAS_MINIMUM: bool = false;\n", BYTES_TEXT, BLOCK];
    pub const BYTES_MINIMA: Parts = ["const HAS_MINIMUM: bool = true;\n", BYTES_TEXT, BLOCK];
}

/// How a matrix operand lies in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// f32 rows of any length, of weights and of computed tensors.
    Plain,
    /// f32 rows of whole blocks.
    F32,
    /// Halves.
    F16,
    /// Upper halves of singles.
    BF16,
    /// Nibbles, then scales and minima.
    Q4,
    /// Bytes, then scales.
    Q8,
    /// Nibbles, then scales and minima in f32.
    Nibbles,
    /// Bytes, then scales of half runs in f32.
    Bytes,
    /// Bytes, then scales and minima in f32.
    BytesMinima,
}

/// Variants of [`Storage`].
pub(crate) const N_STORAGES: usize = Storage::BytesMinima as usize + 1;

impl Storage {
    /// How `tensor` lies in memory.
    pub fn of(tensor: &Tensor) -> Self {
        Self::of_dtype(tensor.dtype, tensor.shape.n_cols())
    }

    fn of_dtype(dtype: DType, n_cols: usize) -> Self {
        match dtype {
            DType::F32 | DType::U32 if n_cols.is_multiple_of(32) => Self::F32,
            DType::F32 | DType::U32 => Self::Plain,
            DType::F16 => Self::F16,
            DType::BF16 => Self::BF16,
            DType::Q4_0 | DType::Q4_1 => Self::Q4,
            DType::Q8_0 => Self::Q8,
            DType::Q4_K => Self::Nibbles,
            DType::Q5_0 | DType::Q6_K | DType::IQ4_NL | DType::I8 => Self::Bytes,
            DType::Q5_1 | DType::Q5_K => Self::BytesMinima,
        }
    }

    /// Blocks of 32 values in a row.
    pub fn blocks_per_row(self, n_cols: usize) -> usize {
        n_cols.div_ceil(32)
    }

    /// The shaders' `extent`: blocks of a piece, or the columns where rows are plain.
    pub fn extent(self, n_rows: usize, n_cols: usize) -> usize {
        match self {
            Self::Plain => n_cols,
            _ => n_rows * self.blocks_per_row(n_cols),
        }
    }

    /// Bytes of `n_rows` rows.
    fn byte_len(self, n_rows: usize, n_cols: usize) -> usize {
        let n_blocks = n_rows * self.blocks_per_row(n_cols);
        match self {
            Self::Plain => n_rows * n_cols * 4,
            Self::F32 => n_blocks * 128,
            Self::F16 | Self::BF16 => n_blocks * 64,
            Self::Q4 => n_blocks * 20,
            Self::Q8 => n_blocks * 32 + n_blocks.div_ceil(2) * 4,
            Self::Nibbles => n_blocks * 24,
            Self::Bytes | Self::BytesMinima => n_blocks * 40,
        }
    }
}

/// Where the pieces of a weight are to be cut, and how they are filled.
#[derive(Debug)]
pub(crate) struct Layout {
    storage: Storage,
    dtype: DType,
    n_cols: usize,
    /// Rows of each piece.
    pub pieces: Vec<Range<usize>>,
}

/// Bytes to be written at an offset of a piece's buffer.
pub(crate) struct Upload {
    /// Byte offset, a multiple of four.
    pub offset: u64,
    /// Content; whole words.
    pub bytes: Vec<u8>,
}

/// Blocks that are repacked at once; a multiple of eight.
const BLOCKS_PER_UPLOAD: usize = 1 << 16;

impl Layout {
    /// Cuts a weight so that no piece exceeds `limit` bytes. A single row above the limit gives a
    /// piece above it, which the caller must refuse.
    pub fn new(shape: Shape, dtype: DType, limit: u64) -> Self {
        let (n_rows, n_cols) = (shape.n_rows(), shape.n_cols());
        let storage = Storage::of_dtype(dtype, n_cols);
        // Eight more rows cover the rounding of planes.
        let row_bytes = storage.byte_len(8, n_cols).div_ceil(8).max(1);
        let rows_per_piece = (limit as usize / row_bytes).max(1).min(n_rows.max(1));
        let pieces = (0..n_rows)
            .step_by(rows_per_piece)
            .map(|start| start..(start + rows_per_piece).min(n_rows))
            .collect();
        Self { storage, dtype, n_cols, pieces }
    }

    /// Bytes of a piece.
    pub fn byte_len(&self, piece_idx: usize) -> u64 {
        self.storage.byte_len(self.pieces[piece_idx].len(), self.n_cols) as u64
    }

    /// Repacks a piece from the whole tensor's file bytes, a few megabytes at a time.
    pub fn uploads<'a>(
        &'a self,
        piece_idx: usize,
        bytes: &'a [u8],
    ) -> Box<dyn Iterator<Item = Upload> + 'a> {
        let rows = self.pieces[piece_idx].clone();
        let row_bytes = self.n_cols / self.dtype.block_len() * self.dtype.block_bytes();
        let bytes = &bytes[rows.start * row_bytes..rows.end * row_bytes];
        let n_blocks = rows.len() * self.storage.blocks_per_row(self.n_cols);
        match self.storage {
            Storage::Plain | Storage::F32 => plain_uploads(bytes),
            Storage::F16 | Storage::BF16 if self.n_cols.is_multiple_of(32) => plain_uploads(bytes),
            Storage::F16 | Storage::BF16 => padded_uploads(bytes, row_bytes),
            Storage::Q4 => {
                let block_bytes = self.dtype.block_bytes();
                let chunks = bytes.chunks(BLOCKS_PER_UPLOAD * block_bytes).enumerate();
                Box::new(chunks.flat_map(move |(idx, blocks)| {
                    q4_uploads(blocks, block_bytes, idx * BLOCKS_PER_UPLOAD, n_blocks)
                }))
            }
            Storage::Q8 => {
                let chunks = bytes.chunks(BLOCKS_PER_UPLOAD * 34).enumerate();
                Box::new(chunks.flat_map(move |(idx, blocks)| {
                    q8_uploads(blocks, idx * BLOCKS_PER_UPLOAD, n_blocks)
                }))
            }
            Storage::Nibbles | Storage::Bytes | Storage::BytesMinima => {
                let blocks_per_chunk = BLOCKS_PER_UPLOAD * RUN / self.dtype.block_len();
                let chunks = bytes.chunks(blocks_per_chunk * self.dtype.block_bytes());
                Box::new(chunks.enumerate().flat_map(move |(idx, blocks)| {
                    run_uploads(self.dtype, blocks, idx * BLOCKS_PER_UPLOAD, n_blocks)
                }))
            }
        }
    }
}

fn plain_uploads(bytes: &[u8]) -> Box<dyn Iterator<Item = Upload> + '_> {
    const CHUNK: usize = 4 << 20;
    Box::new(bytes.chunks(CHUNK).enumerate().map(|(idx, chunk)| {
        let mut bytes = chunk.to_vec();
        bytes.resize(chunk.len().next_multiple_of(4), 0);
        Upload { offset: (idx * CHUNK) as u64, bytes }
    }))
}

fn padded_uploads(bytes: &[u8], row_bytes: usize) -> Box<dyn Iterator<Item = Upload> + '_> {
    let stride = row_bytes.next_multiple_of(64);
    let rows_per_chunk = ((4 << 20) / stride).max(1);
    Box::new(bytes.chunks(rows_per_chunk * row_bytes).enumerate().map(move |(idx, rows)| {
        let mut bytes = Vec::with_capacity(rows.len() / row_bytes * stride);
        for row in rows.chunks_exact(row_bytes) {
            bytes.extend_from_slice(row);
            bytes.resize(bytes.len().next_multiple_of(64), 0);
        }
        Upload { offset: (idx * rows_per_chunk * stride) as u64, bytes }
    }))
}

/// Nibbles in order, eight to a word; then (scale, minimum).
fn q4_uploads(blocks: &[u8], block_bytes: usize, first: usize, n_blocks: usize) -> [Upload; 2] {
    let mut nibbles = Vec::with_capacity(blocks.len() / block_bytes * 16);
    let mut scales = Vec::with_capacity(blocks.len() / block_bytes * 4);
    for block in blocks.chunks_exact(block_bytes) {
        // In a file byte i holds values i (low) and i + 16 (high).
        let packed = &block[block_bytes - 16..];
        let pairs = packed.chunks_exact(2);
        nibbles.extend(pairs.clone().map(|pair| (pair[0] & 15) | (pair[1] << 4)));
        nibbles.extend(pairs.map(|pair| (pair[0] >> 4) | (pair[1] & 0xf0)));
        scales.extend_from_slice(&block[..2]);
        if block_bytes == 20 {
            scales.extend_from_slice(&block[2..4]);
        } else {
            // Q4_0 has none: x = d (q - 8).
            let scale = f16::from_le_bytes([block[0], block[1]]);
            scales.extend_from_slice(&f16::from_f32(-8.0 * scale.to_f32()).to_le_bytes());
        }
    }
    [
        Upload { offset: first as u64 * 16, bytes: nibbles },
        Upload { offset: (n_blocks * 16 + first * 4) as u64, bytes: scales },
    ]
}

/// Bytes in order; then the scales.
fn q8_uploads(blocks: &[u8], first: usize, n_blocks: usize) -> [Upload; 2] {
    let mut values = Vec::with_capacity(blocks.len() / 34 * 32);
    let mut scales = Vec::with_capacity(blocks.len() / 34 * 2 + 2);
    for block in blocks.chunks_exact(34) {
        scales.extend_from_slice(&block[..2]);
        values.extend_from_slice(&block[2..]);
    }
    scales.resize(scales.len().next_multiple_of(4), 0);
    [
        Upload { offset: first as u64 * 32, bytes: values },
        Upload { offset: (n_blocks * 32 + first * 2) as u64, bytes: scales },
    ]
}

/// Quants in order, as nibbles or bytes; then two f32 a run.
fn run_uploads(dtype: DType, blocks: &[u8], first: usize, n_runs: usize) -> [Upload; 2] {
    let are_nibbles = dtype == DType::Q4_K;
    let run_bytes = if are_nibbles { 16 } else { 32 };
    let (mut quants, mut scales) = (Vec::new(), Vec::new());
    for block in blocks.chunks_exact(dtype.block_bytes()) {
        for idx in 0..dtype.block_len() / RUN {
            let run = run_of(dtype, block, idx);
            if are_nibbles {
                quants.extend(run.quants.chunks_exact(2).map(|q| q[0] as u8 | (q[1] as u8) << 4));
            } else {
                quants.extend(run.quants.map(|quant| quant as u8));
            }
            let [scale, second] = run.scales;
            scales.extend([scale, run.minimum.unwrap_or(second)].map(f32::to_le_bytes).concat());
        }
    }
    [
        Upload { offset: (first * run_bytes) as u64, bytes: quants },
        Upload { offset: (n_runs * run_bytes + first * 8) as u64, bytes: scales },
    ]
}
