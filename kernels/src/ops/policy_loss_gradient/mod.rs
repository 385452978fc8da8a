//! Gradient of a policy-gradient loss by the logits: `slope·(1[action] − softmax(x))·dloss/n` in the n
//! rows that count, 0 in the others.
//!
//! Shapes: logits `[T, V]`, actions `[T]` u32, rows `[T, 3]` (of the loss), dloss `[1]` → `[T, V]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct PolicyLossGradient;

impl Recorder {
    /// Records [`PolicyLossGradient`]: inputs logits, actions, rows, dloss.
    ///
    /// # Errors
    /// If they are not those of one loss.
    pub fn policy_loss_gradient(
        &mut self,
        operands: [TensorId; 4],
    ) -> Result<TensorId, RecordError> {
        let [logits, actions, rows, dloss] = operands;
        let shape = self.shape(logits);
        let fits = self.dtype(actions) == DType::U32
            && self.shape(actions).len() == shape.n_rows()
            && self.shape(rows).len() == 3 * shape.n_rows()
            && self.shape(dloss).len() == 1;
        self.expect(fits, "policy_loss_gradient", &operands, || {
            "logits [T, V], actions [T] u32, rows [T, 3], dloss [1]".to_owned()
        })?;
        let op = Op::PolicyLossGradient(PolicyLossGradient);
        Ok(self.push(op, operands.to_vec(), &[(shape, DType::F32)])[0])
    }
}
