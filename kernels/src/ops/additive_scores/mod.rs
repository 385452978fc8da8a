//! Scores of additive attention (Bahdanau et al. 2014, arXiv 1409.0473):
//! `e[t, j] = Σ_c v[c] · tanh(q[t, c] + k[j, c])`.
//!
//! Shapes: q `[T, a]`, k `[S, a]`, v `[a]` (or `[1, a]`) → `[1, T, S]`. All rows of k count, of a
//! state too: they are those of another text.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct AdditiveScores;

impl Recorder {
    /// Records [`AdditiveScores`]: inputs q, k, v.
    ///
    /// # Errors
    /// If q, k and v have not as many columns.
    pub fn additive_scores(
        &mut self,
        q: TensorId,
        k: TensorId,
        v: TensorId,
    ) -> Result<TensorId, RecordError> {
        let (q_shape, k_shape) = (self.shape(q), self.shape(k));
        let fits = q_shape.dims().len() == 2
            && k_shape.dims().len() == 2
            && q_shape.n_cols() == k_shape.n_cols()
            && self.shape(v).len() == q_shape.n_cols()
            && self.dtype(v) == DType::F32;
        self.expect(fits, "additive_scores", &[q, k, v], || "q [T, a], k [S, a], v [a]".to_owned())?;
        let out = Shape::from([1, q_shape.n_rows(), k_shape.n_rows()]);
        Ok(self.push(Op::AdditiveScores(AdditiveScores), vec![q, k, v], &[(out, DType::F32)])[0])
    }
}
