//! Policy-gradient loss with a clipped ratio (PPO: Schulman et al. 2017, arXiv 1707.06347): the mean of
//! `−min(r·A, clip(r, 1 − ε, 1 + ε)·A)` with `r = exp(log p(action) − old)`.
//!
//! Shapes: logits `[T, V]`, actions `[T]` u32, old log-probabilities `[T]`, advantages `[T]` → loss
//! `[1]`, rows `[T, 3]` of (the row's loss, its derivative by log p, log Σ exp). An action from V on
//! is ignored and does not count.

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

/// Parameters of a policy-gradient loss.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PolicyLoss {
    /// ε: how far the ratio may move from 1 and still count.
    pub clip: f32,
}

impl Recorder {
    /// Records [`PolicyLoss`]: inputs logits, actions, old log-probabilities, advantages.
    ///
    /// # Errors
    /// If there is not one of each a row.
    pub fn policy(
        &mut self,
        operands: [TensorId; 4],
        op: PolicyLoss,
    ) -> Result<TensorId, RecordError> {
        let [logits, actions, old, advantages] = operands;
        let shape = self.shape(logits);
        let n_rows = shape.n_rows();
        let fits = shape.dims().len() == 2
            && self.dtype(actions) == DType::U32
            && [actions, old, advantages].iter().all(|&id| self.shape(id).len() == n_rows);
        self.expect(fits, "policy_loss", &operands, || {
            "logits [T, V], actions [T] u32, old and advantages [T]".to_owned()
        })?;
        let outputs = [(Shape::from([1]), DType::F32), (Shape::from([n_rows, 3]), DType::F32)];
        Ok(self.push(Op::PolicyLoss(op), operands.to_vec(), &outputs)[0])
    }
}
