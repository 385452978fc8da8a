//! Attention in tiles of keys with online softmax (Milakov, Gimelshein 2018, arXiv 1805.02867;
//! Dao et al. 2022, arXiv 2205.14135): scores and pattern never exist in memory.
//!
//! Shapes: q `[T, n_heads·d_head]`, k and v `[S, n_kv_heads·d_head]`, padding `[S]` u32 (optional),
//! biases by distance `[n_heads, 2R + 1]` (optional) → z `[T, n_heads·d_head]`, row statistics `[n_heads, T, 2]` holding (m, ℓ): the running
//! maximum and the sum of exponentials, from which the pattern can be written later.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::attention_scores::AttentionScores;
use super::softmax::{Masks, Reach};
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};
use crate::traffic::Traffic;

/// Parameters of tiled attention.
#[derive(Clone, Copy, Debug)]
pub struct AttentionTiled {
    /// How queries and keys divide into heads, and the scale.
    pub heads: AttentionScores,
    /// Row t sees columns up to `past + t` (keys in a state) or `t`.
    pub causal: bool,
    /// Whether a padding mask is given (fourth input).
    pub has_padding: bool,
    /// Whether biases by distance are given (last input).
    pub has_distances: bool,
    /// Which columns a row sees and how distance counts.
    pub reach: Reach,
}

/// What tiled attention leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Attended {
    /// `[T, n_heads·d_head]`.
    pub z: TensorId,
    /// (m, ℓ) of each row, `[n_heads, T, 2]`.
    pub stats: TensorId,
}

impl AttentionTiled {
    /// What the shader moves for `n_rows` queries that see `n_seen` cells of all heads together, without
    /// masks and biases. A row stands alone, so that nothing is loaded for several at once.
    pub fn traffic(&self, n_rows: usize, n_seen: u64) -> Traffic {
        let (d, n_maps_rows) = (self.heads.d_head as u64, (self.heads.n_heads * n_rows) as u64);
        Traffic { loads: 3 * d * n_seen, stores: n_maps_rows * (d + 2) }
    }
}

impl Recorder {
    /// Records [`AttentionTiled`]: inputs q, k, v, padding?, distances?. Of the masks a bias is not
    /// taken, and keys in a state end where they are filled unless all count.
    ///
    /// # Errors
    /// If q, k, v are not whole heads of equal length or the mask does not fit.
    pub fn attention_tiled(
        &mut self,
        [q, k, v]: [TensorId; 3],
        masks: Masks,
        heads: AttentionScores,
    ) -> Result<Attended, RecordError> {
        let (q_shape, k_shape) = (self.shape(q), self.shape(k));
        let Masks { causal, padding, distances, reach, .. } = masks;
        let heads = AttentionScores { keys_in_state: self.is_state(k) && !heads.all_keys, ..heads };
        let inputs: Vec<_> =
            [Some(q), Some(k), Some(v), padding, distances].into_iter().flatten().collect();
        let fits = q_shape.dims().len() == 2
            && heads.n_kv_heads > 0
            && heads.n_heads.is_multiple_of(heads.n_kv_heads)
            && q_shape.n_cols() == heads.n_heads * heads.d_head
            && k_shape.n_cols() == heads.n_kv_heads * heads.d_head
            && self.shape(v) == k_shape
            && self.is_state(v) == self.is_state(k)
            && self.distances_fit(masks, heads.n_heads)
            && masks.bias.is_none()
            && padding.is_none_or(|mask| {
                self.dtype(mask) == DType::U32 && self.shape(mask).len() == k_shape.n_rows()
            });
        self.expect(fits, "attention_tiled", &inputs, || format!("whole heads for {heads:?}"))?;
        let op = AttentionTiled { heads, causal, has_padding: padding.is_some(), has_distances: distances.is_some(), reach };
        let stats = Shape::from([heads.n_heads, q_shape.n_rows(), 2]);
        let outputs = [(q_shape, DType::F32), (stats, DType::F32)];
        let outputs = self.push(Op::AttentionTiled(op), inputs, &outputs);
        Ok(Attended { z: outputs[0], stats: outputs[1] })
    }
}
