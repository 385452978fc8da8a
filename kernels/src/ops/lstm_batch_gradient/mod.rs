//! Gradients of LSTMs over a batch, from their last rows back (Werbos 1990, "Backpropagation Through
//! Time").
//!
//! With dh and dc what comes from the row itself and from the one that went on from it:
//! `dc += dh·o·(1 − tanh²c')`, `di = dc·g`, `df = dc·c`, `dg = dc·i`, `do = dh·tanh c'`; before the
//! functions each times its slope. The row before gets `dc·f` and the gates' gradient times W.
//!
//! Shapes: as [`crate::ops::lstm_batch`], with dh like h → dx `[B·T, 4d]`, carry `[B, 2d]` (the
//! engines' own: what goes to the row before, h then c).

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::lstm_batch::LstmBatch;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of these gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LstmBatchGradient {
    /// The units.
    pub of: LstmBatch,
}

impl Recorder {
    /// Records [`LstmBatchGradient`]: inputs dh, gates, w; dx, which is also that of the products.
    ///
    /// # Errors
    /// If they are not those of one unit.
    pub fn lstm_batch_gradient(
        &mut self,
        operands: [TensorId; 3],
        of: LstmBatch,
    ) -> Result<TensorId, RecordError> {
        let [dh, gates, w] = operands;
        let (shape, d) = (self.shape(dh), self.shape(w).n_cols());
        let fits = shape.n_cols() == d && self.shape(gates).dims() == [shape.n_rows(), 5 * d];
        self.expect(fits, "lstm_batch_gradient", &operands, || "dh, gates, w".to_owned())?;
        let rows = (Shape::from([shape.n_rows(), 4 * d]), DType::F32);
        let carry = (Shape::from([of.n_sequences, 2 * d]), DType::F32);
        let op = Op::LstmBatchGradient(LstmBatchGradient { of });
        Ok(self.push(op, operands.to_vec(), &[rows, carry])[0])
    }
}
