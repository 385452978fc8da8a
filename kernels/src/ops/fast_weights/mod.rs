//! Linear attention of one text that goes on from any of its tokens: the fast weights after each token
//! are rows of a state. The sum rule, or with β the delta rule, as [`crate::ops::linear_attention`] and
//! [`crate::ops::delta_rule`] have them.
//!
//! Shapes: q, k `[T, n_heads·d_key]`, v `[T, n_heads·d_value]`, perhaps β `[T, n_heads]` and decay `[T,
//! n_heads]`, state `[C, n_heads·d_value·d_key]` → z `[T, n_heads·d_value]`. Rows `past..past + T` of the
//! state become W, head by head `[d_value, d_key]`; row `past − 1` is what the first token goes on from,
//! zeros where `past` is 0.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of fast weights through time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FastWeights {
    /// Heads.
    pub n_heads: usize,
    /// Set by the recorder: β is given.
    pub has_beta: bool,
    /// Set by the recorder: decay is given.
    pub has_decay: bool,
}

impl Recorder {
    /// Records [`FastWeights`]: inputs q, k, v, perhaps β and decay; outputs z and the state `memory`.
    ///
    /// # Errors
    /// If `memory` is no state, or the shapes do not fit.
    pub fn fast_weights(
        &mut self,
        [q, k, v]: [TensorId; 3],
        [beta, decay]: [Option<TensorId>; 2],
        memory: TensorId,
        n_heads: usize,
    ) -> Result<TensorId, RecordError> {
        let op = FastWeights { n_heads, has_beta: beta.is_some(), has_decay: decay.is_some() };
        let (of_k, of_v, to) = (self.shape(k), self.shape(v), self.shape(memory));
        let by_head = |id: Option<TensorId>| {
            id.is_none_or(|id| self.shape(id).dims() == [of_k.n_rows(), n_heads])
        };
        let inputs: Vec<_> =
            [Some(q), Some(k), Some(v), beta, decay].into_iter().flatten().collect();
        let fits = self.is_state(memory)
            && n_heads > 0
            && self.shape(q) == of_k
            && of_k.dims().len() == 2
            && of_v.dims().len() == 2
            && to.dims().len() == 2
            && of_k.n_rows() == of_v.n_rows()
            && of_k.n_rows() <= to.n_rows()
            && of_k.n_cols().is_multiple_of(n_heads)
            && of_v.n_cols().is_multiple_of(n_heads)
            && to.n_cols() == of_k.n_cols() * of_v.n_cols() / n_heads
            && by_head(beta)
            && by_head(decay);
        let operands = [&inputs[..], &[memory]].concat();
        self.expect(fits, "fast_weights", &operands, || {
            format!("q and k [T, {n_heads}·d_key], v [T, {n_heads}·d_value] and a state of W")
        })?;
        Ok(self.push_beside(Op::FastWeights(op), inputs, (of_v, DType::F32), memory))
    }
}
