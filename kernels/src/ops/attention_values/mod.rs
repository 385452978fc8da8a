//! Pattern-weighted sums of values: `z[t, h] = Σ_j pattern[h, t, j] · v[j, h / group]`.
//!
//! Shapes: pattern `[n_heads, T, S]` (or a state `[n_heads, C, S]`, read at rows
//! `past..past + T`), v `[S, n_kv_heads·d_head]` → `[T, n_heads·d_head]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};
use crate::traffic::Traffic;

/// How pattern and values divide into heads.
#[derive(Clone, Copy, Debug)]
pub struct AttentionValues {
    /// Query heads.
    pub n_heads: usize,
    /// Value heads; divides n_heads.
    pub n_kv_heads: usize,
    /// Columns of one head.
    pub d_head: usize,
    /// Set by the recorder: the pattern is a state, read at rows `past..`.
    pub pattern_in_state: bool,
    /// All rows of v count, of a state too: values of another text (cross-attention).
    pub all_values: bool,
    /// Set by the recorder: v is a state, filled up to `past + T`.
    pub values_in_state: bool,
}

impl AttentionValues {
    /// What the shader moves for `n_rows` rows of patterns over `n_keys` keys, where `n_seen` cells of all
    /// heads together are not zero.
    pub fn traffic(&self, [n_rows, n_keys]: [usize; 2], n_seen: u64) -> Traffic {
        let d = self.d_head as u64;
        let n_results = (self.n_heads * n_rows) as u64 * d;
        Traffic { loads: n_results * n_keys as u64 + n_seen * d, stores: n_results }
    }
}

impl Recorder {
    /// Records [`AttentionValues`] for `n_rows` = T rows: inputs pattern, v.
    ///
    /// # Errors
    /// If pattern and values do not fit the heads or each other.
    pub fn attention_values(
        &mut self,
        pattern: TensorId,
        v: TensorId,
        n_rows: usize,
        params: AttentionValues,
    ) -> Result<TensorId, RecordError> {
        let (pattern_shape, v_shape) = (self.shape(pattern), self.shape(v));
        let params = AttentionValues {
            pattern_in_state: self.is_state(pattern),
            values_in_state: self.is_state(v) && !params.all_values,
            ..params
        };
        let dims = pattern_shape.dims();
        let fits = dims.len() == 3
            && dims[0] == params.n_heads
            && (if params.pattern_in_state { dims[1] >= n_rows } else { dims[1] == n_rows })
            && dims[2] == v_shape.n_rows()
            && params.n_kv_heads > 0
            && params.n_heads.is_multiple_of(params.n_kv_heads)
            && v_shape.n_cols() == params.n_kv_heads * params.d_head;
        self.expect(fits, "attention_values", &[pattern, v], || {
            format!("pattern [n_heads, {n_rows}, S], v [S, n_kv_heads * d_head] for {params:?}")
        })?;
        let out = Shape::from([n_rows, params.n_heads * params.d_head]);
        Ok(self.push(Op::AttentionValues(params), vec![pattern, v], &[(out, DType::F32)])[0])
    }
}
