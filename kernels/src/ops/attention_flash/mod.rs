//! Attention by blocks of queries and of keys with online softmax (Dao et al. 2022, "FlashAttention",
//! arXiv 2205.14135; blocks of queries side by side as in Dao 2023, arXiv 2307.08691). Scores and
//! pattern exist a tile at a time, in the memory of a workgroup.
//!
//! A block of B_r queries stays; blocks of B_c keys and their values pass. For each tile S = scale·Q·Kᵀ:
//! `m' = max(m, rowmax S)`, `P = e^(S − m')`, `ℓ' = e^(m − m')·ℓ + rowsum P`,
//! `O' = e^(m − m')·O + P·V`. The result is O/ℓ after the last tile, or after as many as are asked for.
//!
//! Shapes: q `[T, n_heads·d_head]`, k and v `[S, n_kv_heads·d_head]`, tiles `[⌈T/B_r⌉, ⌈S/B_c⌉]` u32
//! (optional: 0 skips one, in every head) → z `[T, n_heads·d_head]`, (m, ℓ) `[n_heads, T, 2]`. A causal
//! row t sees columns up to t + S − T. A row that has seen nothing is zeros, with m = −∞ and ℓ = 0.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::attention_scores::AttentionScores;
use super::attention_tiled::Attended;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};
use crate::traffic::Traffic;

/// Values that a workgroup's memory holds on every adapter (16 KiB).
pub const ON_CHIP: usize = 4096;
/// Values of O that the registers of a workgroup hold.
pub(super) const IN_REGISTERS: usize = 2048;

/// Parameters of attention by blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionFlash {
    /// How queries and keys divide into heads, and the scale.
    pub heads: AttentionScores,
    /// B_r, rows of a block of queries.
    pub block_rows: usize,
    /// B_c, rows of a block of keys.
    pub block_keys: usize,
    /// Row t sees columns up to t + S − T.
    pub causal: bool,
    /// Blocks of keys that pass; 0: all.
    pub n_passes: usize,
    /// Set by the recorder: which tiles are skipped is given (fourth input).
    pub has_tiles: bool,
}

impl AttentionFlash {
    /// Values in the memory of a workgroup: Q, then K or V, the scores, and three numbers a row.
    pub fn on_chip(&self) -> usize {
        let (rows, keys, d) = (self.block_rows, self.block_keys, self.heads.d_head);
        rows * d + keys * d + rows * keys + 3 * rows
    }

    /// Whether every adapter has room for such blocks.
    pub fn fits(&self) -> bool {
        self.block_rows > 0
            && self.block_keys > 0
            && self.on_chip() < ON_CHIP
            && self.block_rows * self.heads.d_head <= IN_REGISTERS
    }

    /// Blocks of queries and of keys, at T rows and S columns.
    pub fn n_blocks(&self, [n_rows, n_keys]: [usize; 2]) -> [usize; 2] {
        [n_rows.div_ceil(self.block_rows), n_keys.div_ceil(self.block_keys)]
    }

    /// Blocks of keys that pass a block of queries: those that come first and that one of its rows sees.
    pub fn n_passing(&self, block: usize, [n_rows, n_keys]: [usize; 2]) -> usize {
        let last = ((block + 1) * self.block_rows).min(n_rows);
        let end = if self.causal { last + n_keys - n_rows } else { n_keys };
        let n = end.div_ceil(self.block_keys);
        if self.n_passes > 0 { n.min(self.n_passes) } else { n }
    }

    /// What the shader reads from and writes to the memory of tensors. `tiles` as the op's input.
    pub fn traffic(&self, [n_rows, n_keys]: [usize; 2], tiles: Option<&[u32]>) -> Traffic {
        let extents = [n_rows, n_keys];
        let [n_blocks, n_across] = self.n_blocks(extents);
        let d = self.heads.d_head as u64;
        let (mut loads, mut n_marks) = (0, 0);
        for block in 0..n_blocks {
            for pass in 0..self.n_passing(block, extents) {
                n_marks += u64::from(tiles.is_some());
                if tiles.is_none_or(|tiles| tiles[block * n_across + pass] != 0) {
                    let size = self.block_keys.min(n_keys - pass * self.block_keys) as u64;
                    loads += 2 * size * d;
                }
            }
        }
        let of_rows = n_rows as u64 * d;
        let n_heads = self.heads.n_heads as u64;
        Traffic {
            loads: n_heads * (loads + of_rows + n_marks),
            stores: n_heads * (of_rows + 2 * n_rows as u64),
        }
    }
}

impl Recorder {
    /// Records [`AttentionFlash`]: inputs q, k, v and perhaps tiles.
    ///
    /// # Errors
    /// If q, k, v are not whole heads of equal length, the blocks have no room in a workgroup's memory, or
    /// the tiles are not one for each pair of blocks.
    pub fn attention_flash(
        &mut self,
        [q, k, v]: [TensorId; 3],
        tiles: Option<TensorId>,
        op: AttentionFlash,
    ) -> Result<Attended, RecordError> {
        let op = AttentionFlash { has_tiles: tiles.is_some(), ..op };
        let (q_shape, k_shape, heads) = (self.shape(q), self.shape(k), op.heads);
        let inputs: Vec<_> = [q, k, v].into_iter().chain(tiles).collect();
        let fits = op.fits()
            && q_shape.dims().len() == 2
            && k_shape.dims().len() == 2
            && self.shape(v) == k_shape
            && heads.n_kv_heads > 0
            && heads.n_heads.is_multiple_of(heads.n_kv_heads)
            && q_shape.n_cols() == heads.n_heads * heads.d_head
            && k_shape.n_cols() == heads.n_kv_heads * heads.d_head
            && (!op.causal || k_shape.n_rows() >= q_shape.n_rows())
            && tiles.is_none_or(|tiles| {
                let n_blocks = op.n_blocks([q_shape.n_rows(), k_shape.n_rows()]);
                self.dtype(tiles) == DType::U32
                    && self.shape(tiles).len() == n_blocks[0] * n_blocks[1]
            });
        self.expect(fits, "attention_flash", &inputs, || {
            format!("whole heads, blocks of up to {ON_CHIP} values, a mark a tile, {op:?}")
        })?;
        let stats = Shape::from([heads.n_heads, q_shape.n_rows(), 2]);
        let outputs = [(q_shape, DType::F32), (stats, DType::F32)];
        let outputs = self.push(Op::AttentionFlash(op), inputs, &outputs);
        Ok(Attended { z: outputs[0], stats: outputs[1] })
    }
}
