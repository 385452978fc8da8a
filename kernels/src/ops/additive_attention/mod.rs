//! Additive attention (Bahdanau et al. 2014, arXiv 1409.0473) of a batch of sequences, each to its own
//! source: `e[t, j] = Σ_c v[c]·tanh(q[t, c] + k[j, c])`, `z[t] = Σ_j softmax(e[t])[j]·values[j]`.
//!
//! Shapes: q `[B·T, a]`, k `[B·S, a]`, v `[a]`, values `[B·S, c]`, shown `[B·S]` u32 (which rows of the
//! source count; all where it is not given) → z `[B·T, c]`, pattern `[B, T, S]`. A sequence that sees
//! nothing gets zeros.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of additive attention over a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdditiveAttention {
    /// B.
    pub n_sequences: usize,
    /// Whether a mask of the source is given, last.
    pub has_shown: bool,
}

impl AdditiveAttention {
    /// [T, S, a, c] of operands of these shapes.
    pub(crate) fn extents(&self, q: Shape, k: Shape, values: Shape) -> [usize; 4] {
        let n = self.n_sequences;
        [q.n_rows() / n, k.n_rows() / n, k.n_cols(), values.n_cols()]
    }
}

impl Recorder {
    /// Records [`AdditiveAttention`]: inputs q, k, v, values and perhaps shown; z.
    ///
    /// # Errors
    /// If the rows are not B sequences, or the shapes do not fit.
    pub fn additive_attention(
        &mut self,
        [q, k, v, values]: [TensorId; 4],
        shown: Option<TensorId>,
        n_sequences: usize,
    ) -> Result<TensorId, RecordError> {
        let [of_q, of_k, of_v, of_values] = [q, k, v, values].map(|id| self.shape(id));
        let op = AdditiveAttention { n_sequences, has_shown: shown.is_some() };
        let fits = n_sequences > 0
            && [of_q, of_k, of_values].iter().all(|shape| {
                shape.dims().len() == 2 && shape.n_rows().is_multiple_of(n_sequences)
            })
            && of_q.n_cols() == of_k.n_cols()
            && of_v.dims() == [of_q.n_cols()]
            && of_k.n_rows() == of_values.n_rows()
            && shown.is_none_or(|shown| {
                self.dtype(shown) == DType::U32 && self.shape(shown).len() == of_k.n_rows()
            });
        self.expect(fits, "additive_attention", &[q, k, v, values], || {
            "q [B·T, a], k [B·S, a], v [a], values [B·S, c], shown [B·S] u32".to_owned()
        })?;
        let [n_rows, n_keys, _, c] = op.extents(of_q, of_k, of_values);
        let inputs = [Some(q), Some(k), Some(v), Some(values), shown];
        let inputs = inputs.into_iter().flatten().collect();
        let z = (Shape::from([of_q.n_rows(), c]), DType::F32);
        let pattern = (Shape::from([n_sequences, n_rows, n_keys]), DType::F32);
        Ok(self.push(Op::AdditiveAttention(op), inputs, &[z, pattern])[0])
    }
}
