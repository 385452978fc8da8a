//! Gradient of a mean loss of two tensors by the first: squares `2(x − y)/(T·n)`, preference
//! `−σ(y − x)/T`, divergence `(softmax(x) − softmax(y))/T`, each times dloss.
//!
//! Shapes: x, y `[T, n]` or `[T]`, rows `[T, 3]` (of the loss), dloss `[1]` → like x.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::pair_loss::PairLoss;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of the gradient of a loss of two tensors.
#[derive(Clone, Copy, Debug)]
pub struct PairLossGradient {
    /// The loss.
    pub of: PairLoss,
}

impl Recorder {
    /// Records [`PairLossGradient`]: inputs x, y, rows, dloss.
    ///
    /// # Errors
    /// If they are not those of one loss.
    pub fn pair_loss_gradient(
        &mut self,
        operands: [TensorId; 4],
        of: PairLoss,
    ) -> Result<TensorId, RecordError> {
        let [x, y, rows, dloss] = operands;
        let shape = self.shape(x);
        let fits = shape == self.shape(y)
            && self.shape(rows).len() == 3 * of.extents(shape)[0]
            && self.shape(dloss).len() == 1;
        self.expect(fits, "pair_loss_gradient", &operands, || {
            "x and y [T, n], rows [T, 3], dloss [1]".to_owned()
        })?;
        let op = Op::PairLossGradient(PairLossGradient { of });
        Ok(self.push(op, operands.to_vec(), &[(shape, DType::F32)])[0])
    }
}
