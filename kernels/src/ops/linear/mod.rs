//! Matrix product with a weight: `y = x·Wᵀ + b`.
//!
//! Shapes: x `[T, k]`, W `[n, k]` (rows are outputs, as in `torch.nn.Linear` and GGUF; f32, f16,
//! bf16 or quantised in blocks along k, kept so in memory), b `[n]` → `[T, n]`.

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

/// Parameters of a matrix product.
#[derive(Clone, Copy, Debug)]
pub struct Linear {
    /// Whether a third input, the bias, is added.
    pub has_bias: bool,
}

impl Recorder {
    /// Records [`Linear`]: inputs x, w and perhaps bias.
    ///
    /// # Errors
    /// If the inner dimensions differ or the bias is not one value a row of w.
    pub fn linear(
        &mut self,
        x: TensorId,
        w: TensorId,
        bias: Option<TensorId>,
    ) -> Result<TensorId, RecordError> {
        let (x_shape, w_shape) = (self.shape(x), self.shape(w));
        let mut inputs = vec![x, w];
        inputs.extend(bias);
        let fits = x_shape.dims().len() == 2
            && w_shape.dims().len() == 2
            && x_shape.n_cols() == w_shape.n_cols()
            && bias.is_none_or(|bias| self.shape(bias).len() == w_shape.n_rows());
        self.expect(fits, "linear", &inputs, || "x [T, k], w [n, k], bias [n]".to_owned())?;
        let out = Shape::from([x_shape.n_rows(), w_shape.n_rows()]);
        let op = Op::Linear(Linear { has_bias: bias.is_some() });
        Ok(self.push(op, inputs, &[(out, DType::F32)])[0])
    }
}
