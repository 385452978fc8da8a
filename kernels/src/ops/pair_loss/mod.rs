//! Mean losses over rows of two tensors: squares, preference, divergence.
//!
//! - squares: the mean of (x − y)² over all values.
//! - preference (Bradley, Terry 1952; Ouyang et al. 2022, arXiv 2203.02155): the mean of −log σ(x − y),
//!   x the score of what won, y of what lost.
//! - divergence: the mean over rows of KL(softmax(y) ‖ softmax(x)) (distillation: Hinton et al. 2015,
//!   arXiv 1503.02531).
//!
//! Shapes: x, y `[T, n]` (preference: `[T]`) → loss `[1]`, rows `[T, 3]` of (the row's loss, log Σ exp x,
//! log Σ exp y; the last two for divergence only). The gradient goes to x and, but for divergence, y.

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

/// Which loss of two tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairLoss {
    /// Mean squared error.
    Squares,
    /// −log σ of the difference.
    Preference,
    /// Kullback–Leibler divergence of x's rows from y's, both logits.
    Divergence,
}

impl PairLoss {
    /// Its number in the shaders.
    #[cfg(feature = "gpu")]
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Squares => 0,
            Self::Preference => 1,
            Self::Divergence => 2,
        }
    }

    /// Rows and columns of operands of this shape: a vector is one value a row.
    pub(crate) fn extents(self, shape: Shape) -> [usize; 2] {
        match shape.dims() {
            [n] => [*n, 1],
            _ => [shape.n_rows(), shape.n_cols()],
        }
    }
}

impl Recorder {
    /// Mean squared error of x and y.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn mse(&mut self, x: TensorId, y: TensorId) -> Result<TensorId, RecordError> {
        self.pair_loss([x, y], PairLoss::Squares)
    }

    /// Mean of −log σ(won − lost).
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn preference(&mut self, won: TensorId, lost: TensorId) -> Result<TensorId, RecordError> {
        self.pair_loss([won, lost], PairLoss::Preference)
    }

    /// Mean over the rows of KL(softmax(reference) ‖ softmax(logits)).
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn divergence(
        &mut self,
        logits: TensorId,
        reference: TensorId,
    ) -> Result<TensorId, RecordError> {
        self.pair_loss([logits, reference], PairLoss::Divergence)
    }

    /// Records [`PairLoss`]: inputs x, y.
    ///
    /// # Errors
    /// If the shapes differ.
    pub fn pair_loss(
        &mut self,
        pair: [TensorId; 2],
        op: PairLoss,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(pair[0]);
        let fits = shape == self.shape(pair[1]);
        self.expect(fits, "pair_loss", &pair, || format!("equal shapes for {op:?}"))?;
        let rows = Shape::from([op.extents(shape)[0], 3]);
        let outputs = [(Shape::from([1]), DType::F32), (rows, DType::F32)];
        Ok(self.push(Op::PairLoss(op), pair.to_vec(), &outputs)[0])
    }
}
