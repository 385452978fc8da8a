//! Gradient of a mean cross-entropy: `dx = (softmax(x) − (1 − ε)·1[target] − ε/V)·dloss/n` in the n
//! rows that count, 0 in the others.
//!
//! Shapes: logits `[T, V]`, targets `[T]` u32, rows `[T, 2]` (of the loss), dloss `[1]` → `[T, V]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::cross_entropy::CrossEntropy;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of the gradient of a cross-entropy.
#[derive(Clone, Copy, Debug)]
pub struct CrossEntropyGradient {
    /// The loss.
    pub of: CrossEntropy,
}

impl Recorder {
    /// Records [`CrossEntropyGradient`]: inputs logits, targets, rows, dloss.
    ///
    /// # Errors
    /// If they are not those of one loss.
    pub fn cross_entropy_gradient(
        &mut self,
        operands: [TensorId; 4],
        of: CrossEntropy,
    ) -> Result<TensorId, RecordError> {
        let [logits, targets, rows, dloss] = operands;
        let shape = self.shape(logits);
        let fits = self.dtype(targets) == DType::U32
            && self.shape(targets).len() == shape.n_rows()
            && self.shape(rows).len() == 2 * shape.n_rows()
            && self.shape(dloss).len() == 1;
        self.expect(fits, "cross_entropy_gradient", &operands, || {
            "logits [T, V], targets [T] u32, rows [T, 2], dloss [1]".to_owned()
        })?;
        let op = Op::CrossEntropyGradient(CrossEntropyGradient { of });
        Ok(self.push(op, operands.to_vec(), &[(shape, DType::F32)])[0])
    }
}
