//! Scaled products of queries with keys: `s[h, t, j] = scale · q[t, h]·k[j, h / group]`
//! (Vaswani et al. 2017, arXiv 1706.03762; grouped heads: Ainslie et al. 2023, arXiv 2305.13245).
//!
//! Shapes: q `[T, n_heads·d_head]`, k `[S, n_kv_heads·d_head]` → `[n_heads, T, S]`.
//! Where k is a state, its first `past + T` rows count (unless all shall); later columns of the
//! result are zero.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::engine::Step;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};
use crate::traffic::Traffic;

/// How queries and keys divide into heads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionScores {
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads; divides n_heads.
    pub n_kv_heads: usize,
    /// Columns of one head.
    pub d_head: usize,
    /// Factor on the products, usually 1/√d_head.
    pub scale: f32,
    /// All rows of k count, of a state too: keys of another text (cross-attention).
    pub all_keys: bool,
    /// Set by the recorder: k is a state, filled up to `past + T`.
    pub keys_in_state: bool,
}

impl AttentionScores {
    /// How many of the `n_keys` key rows count when `n_rows` queries run at `step`.
    pub fn n_filled(&self, n_rows: usize, n_keys: usize, step: Step) -> usize {
        if self.keys_in_state { (step.past as usize + n_rows).min(n_keys) } else { n_keys }
    }

    /// What the shader moves for `n_rows` queries and `n_keys` keys that all count.
    pub fn traffic(&self, [n_rows, n_keys]: [usize; 2]) -> Traffic {
        let n_cells = (self.n_heads * n_rows * n_keys) as u64;
        Traffic { loads: 2 * n_cells * self.d_head as u64, stores: n_cells }
    }
}

impl Recorder {
    /// Records [`AttentionScores`]: inputs q, k.
    ///
    /// # Errors
    /// If the columns of q and k are not n_heads and n_kv_heads whole heads.
    pub fn attention_scores(
        &mut self,
        q: TensorId,
        k: TensorId,
        params: AttentionScores,
    ) -> Result<TensorId, RecordError> {
        let (q_shape, k_shape) = (self.shape(q), self.shape(k));
        let params = AttentionScores { keys_in_state: self.is_state(k) && !params.all_keys, ..params };
        let fits = q_shape.dims().len() == 2
            && k_shape.dims().len() == 2
            && params.n_kv_heads > 0
            && params.n_heads.is_multiple_of(params.n_kv_heads)
            && q_shape.n_cols() == params.n_heads * params.d_head
            && k_shape.n_cols() == params.n_kv_heads * params.d_head;
        self.expect(fits, "attention_scores", &[q, k], || format!("whole heads for {params:?}"))?;
        let out = Shape::from([params.n_heads, q_shape.n_rows(), k_shape.n_rows()]);
        Ok(self.push(Op::AttentionScores(params), vec![q, k], &[(out, DType::F32)])[0])
    }
}
