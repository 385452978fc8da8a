//! Gradients of attention by blocks, whose pattern is computed again a tile at a time from the rows' maxima and sums
//! (Dao et al. 2022, arXiv 2205.14135, algorithm 4; the row sums `D = Σ dZ·Z` before, as in Dao 2023, arXiv
//! 2307.08691).
//!
//! A block of B_c keys and values stays; blocks of B_r queries and of dZ pass. For each tile
//! `P = e^(scale·Q·Kᵀ − m)/ℓ`, `dV += Pᵀ·dZ`, `dS = scale·P∘(dZ·Vᵀ − D)`, `dQ += dS·K`, `dK += dSᵀ·Q`. dK and dV of a
//! block are summed in registers; dQ is read, added to and written back once a tile, since nobody sums it
//! otherwise: one workgroup takes all tiles of a head, one after another.
//!
//! Shapes: dz, z `[T, n_heads·d_head]` and stats `[n_heads, T, 2]` of [`crate::ops::attention_flash`], then its q, k, v
//! → dq like q, dk and dv like k, and rows `[n_heads, T, 3]` of (m, ℓ, D), the GPU's scratch.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::attention_flash::{AttentionFlash, IN_REGISTERS, ON_CHIP};
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};
use crate::traffic::Traffic;

/// Parameters of the gradients of attention by blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionFlashGradient {
    /// The attention: all keys passed, no tile was skipped, as many heads of keys as of queries. Its blocks are those of
    /// the way back.
    pub of: AttentionFlash,
    /// Blocks of queries and of keys that count, from the first; 0: all. What others would give is left out.
    pub n_counted: [usize; 2],
}

/// The gradients.
#[derive(Clone, Copy, Debug)]
pub struct FlashGradients {
    /// Like q.
    pub dq: TensorId,
    /// Like k.
    pub dk: TensorId,
    /// Like v.
    pub dv: TensorId,
}

impl AttentionFlashGradient {
    /// Values in the memory of a workgroup: Q or dZ, K, V, P, dS, and three numbers a row.
    pub fn on_chip(&self) -> usize {
        let (rows, keys, d) = (self.of.block_rows, self.of.block_keys, self.of.heads.d_head);
        rows * d + 2 * keys * d + 2 * rows * keys + 3 * rows
    }

    /// Whether every adapter has room for such blocks.
    pub fn fits(&self) -> bool {
        let of = self.of;
        of.block_rows > 0
            && of.block_keys > 0
            && self.on_chip() < ON_CHIP
            && of.block_keys * of.heads.d_head <= IN_REGISTERS
    }

    /// The first block of queries of which a row sees a block of keys.
    pub fn first_block(&self, key_block: usize, [n_rows, n_keys]: [usize; 2]) -> usize {
        match self.of.causal {
            true => (key_block * self.of.block_keys).saturating_sub(n_keys - n_rows) / self.of.block_rows,
            false => 0,
        }
    }

    /// Blocks of queries and of keys that count.
    fn counted(&self, extents: [usize; 2]) -> [usize; 2] {
        let all = self.of.n_blocks(extents);
        [0, 1].map(|side| match self.n_counted[side] {
            0 => all[side],
            n => n.min(all[side]),
        })
    }

    /// The tiles that are computed, in their order: a block of queries and one of keys each.
    pub fn tiles(&self, extents: [usize; 2]) -> Vec<[usize; 2]> {
        let [n_blocks, n_across] = self.counted(extents);
        let of_keys = |key_block| {
            (self.first_block(key_block, extents)..n_blocks).map(move |block| [block, key_block])
        };
        (0..n_across).flat_map(of_keys).collect()
    }

    /// What the shaders read from and write to the memory of tensors.
    pub fn traffic(&self, extents: [usize; 2]) -> Traffic {
        let [n_rows, n_keys] = extents.map(|n| n as u64);
        let d = self.of.heads.d_head as u64;
        let [_, n_across] = self.counted(extents);
        let n_loaded = (n_across * self.of.block_keys).min(extents[1]) as u64;
        // Of each row: its statistics, dZ and Z; what its sum is written to, and dQ's zeros.
        let mut loads = n_rows * (2 + 2 * d) + 2 * n_loaded * d;
        let mut stores = n_rows * (3 + d) + 2 * n_keys * d;
        for [block, _] in self.tiles(extents) {
            let size = self.of.block_rows.min(extents[0] - block * self.of.block_rows) as u64;
            // Q twice, dZ, what there is of dQ; three numbers a row.
            loads += size * (4 * d + 3);
            stores += size * d;
        }
        let n_heads = self.of.heads.n_heads as u64;
        Traffic { loads: n_heads * loads, stores: n_heads * stores }
    }
}

impl Recorder {
    /// Records [`AttentionFlashGradient`]: inputs dz, z, stats, q, k, v.
    ///
    /// # Errors
    /// If they are not those of one attention, or blocks have no room in a workgroup's memory.
    pub fn attention_flash_gradient(
        &mut self,
        [dz, z, stats]: [TensorId; 3],
        [q, k, v]: [TensorId; 3],
        op: AttentionFlashGradient,
    ) -> Result<FlashGradients, RecordError> {
        let (of, q_shape, k_shape) = (op.of, self.shape(q), self.shape(k));
        let heads = of.heads;
        let inputs = vec![dz, z, stats, q, k, v];
        let fits = op.fits()
            && of.n_passes == 0
            && !of.has_tiles
            && heads.n_heads > 0
            && heads.n_heads == heads.n_kv_heads
            && q_shape.dims().len() == 2
            && k_shape.dims().len() == 2
            && self.shape(v) == k_shape
            && [dz, z].iter().all(|&id| self.shape(id) == q_shape)
            && [q_shape, k_shape].iter().all(|shape| shape.n_cols() == heads.n_heads * heads.d_head)
            && self.shape(stats).dims() == [heads.n_heads, q_shape.n_rows(), 2]
            && (!of.causal || k_shape.n_rows() >= q_shape.n_rows());
        self.expect(fits, "attention_flash_gradient", &inputs, || {
            format!("dz and z like q, stats [n_heads, T, 2], blocks of up to {ON_CHIP} values, {op:?}")
        })?;
        let rows = Shape::from([heads.n_heads, q_shape.n_rows(), 3]);
        let outputs = [q_shape, k_shape, k_shape, rows].map(|shape| (shape, DType::F32));
        let outputs = self.push(Op::AttentionFlashGradient(op), inputs, &outputs);
        Ok(FlashGradients { dq: outputs[0], dk: outputs[1], dv: outputs[2] })
    }
}
