//! Gradients of gated recurrent units over a batch, from their last rows back (Werbos 1990,
//! "Backpropagation Through Time").
//!
//! With dh what comes from the row itself and from the one that went on from it: `dn = dh·(1 − z)`,
//! `dz = dh·(before − n)`, and before the functions `n' = dn·(1 − n²)`, `z' = dz·z·(1 − z)`,
//! `r' = n'·q·r·(1 − r)`; `dx = (r', z', n')`, of the products `(r', z', n'·r)`, and the row before
//! gets `dh·z` and the products' gradient times W.
//!
//! Shapes: as [`crate::ops::gru_batch`], with dh like h → dx, dproducts `[B·T, 3d]`, dstart `[B, d]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::gru_batch::GruBatch;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of these gradients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GruBatchGradient {
    /// The units.
    pub of: GruBatch,
}

impl Recorder {
    /// Records [`GruBatchGradient`]: inputs dh, gates, before, w and perhaps shown; outputs dx,
    /// dproducts, dstart.
    ///
    /// # Errors
    /// If they are not those of one unit.
    pub fn gru_batch_gradient(
        &mut self,
        operands: [TensorId; 4],
        shown: Option<TensorId>,
        of: GruBatch,
    ) -> Result<[TensorId; 3], RecordError> {
        let [dh, gates, before, w] = operands;
        let (shape, d) = (self.shape(dh), self.shape(w).n_cols());
        let fits = shape == self.shape(before)
            && shape.n_cols() == d
            && self.shape(gates).dims() == [shape.n_rows(), 4 * d]
            && shown.is_some() == of.has_shown;
        self.expect(fits, "gru_batch_gradient", &operands, || "dh, gates, before, w".to_owned())?;
        let inputs = operands.into_iter().chain(shown).collect();
        let rows = (Shape::from([shape.n_rows(), 3 * d]), DType::F32);
        let start = (Shape::from([of.n_sequences, d]), DType::F32);
        let op = Op::GruBatchGradient(GruBatchGradient { of });
        let outputs = self.push(op, inputs, &[rows, rows, start]);
        Ok([outputs[0], outputs[1], outputs[2]])
    }
}
