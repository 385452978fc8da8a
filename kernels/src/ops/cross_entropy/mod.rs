//! Mean cross-entropy of rows of logits with their targets, with label smoothing (Szegedy et al.
//! 2016, arXiv 1512.00567; ε is shared among all columns, as in PyTorch). Probabilities and
//! one-hots never exist in memory.
//!
//! Shapes: logits `[T, V]`, targets `[T]` u32 → loss `[1]`, rows `[T, 2]` of (the row's loss, log Σ
//! exp of its logits). A target from V on (such as [`IGNORED`]) is ignored: its row's loss is 0 and
//! does not count in the mean. Where none counts the loss is 0.

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

/// A target that does not count.
pub const IGNORED: u32 = u32::MAX;

/// Parameters of a cross-entropy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// ε: the share of the target that goes to all columns alike.
    pub smoothing: f32,
}

/// What a loss over rows leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Losses {
    /// The mean, `[1]`.
    pub loss: TensorId,
    /// (loss, log Σ exp) of each row, `[T, 2]`.
    pub rows: TensorId,
}

impl Recorder {
    /// Records [`CrossEntropy`]: inputs logits, targets.
    ///
    /// # Errors
    /// If there is not one u32 target a row.
    pub fn cross_entropy(
        &mut self,
        logits: TensorId,
        targets: TensorId,
        op: CrossEntropy,
    ) -> Result<Losses, RecordError> {
        let shape = self.shape(logits);
        let fits = shape.dims().len() == 2
            && self.dtype(targets) == DType::U32
            && self.shape(targets).len() == shape.n_rows();
        let operands = [logits, targets];
        self.expect(fits, "cross_entropy", &operands, || {
            "logits [T, V], targets [T] u32".to_owned()
        })?;
        let rows = Shape::from([shape.n_rows(), 2]);
        let outputs = [(Shape::from([1]), DType::F32), (rows, DType::F32)];
        let outputs = self.push(Op::CrossEntropy(op), operands.to_vec(), &outputs);
        Ok(Losses { loss: outputs[0], rows: outputs[1] })
    }
}
