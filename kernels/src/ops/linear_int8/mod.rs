//! Matrix product of bytes: `y = (Σ q(x)·Q) · d/α + b`, as Marian's intgemm computes it.
//!
//! Shapes: x `[T, k]`, W `[n, k]` of [`DType::I8`] (bytes Q, one scale d), α `[1]`, b `[n]` →
//! `[T, n]`.
//!
//! q(x) is x·α rounded to the nearest integer (ties to even) and held within ±127. The sum is exact,
//! in 32 bits, as on machines with VNNI or NEON; intgemm's older AVX2 and SSSE3 kernels, which add
//! pairs in 16 bits, saturate where a pair is too large. Follows intgemm's `Int8::PrepareA` and
//! `Int8::Multiply`; what `Int8Shift` adds to the activations and takes from the bias cancels here.
//! A row of x that holds a value which is not finite gives that value.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of a product of bytes.
#[derive(Clone, Copy, Debug)]
pub struct LinearInt8 {
    /// Whether a fourth input, the bias, is added.
    pub has_bias: bool,
}

impl Recorder {
    /// Records [`LinearInt8`]: inputs x, w, alpha and perhaps bias.
    ///
    /// # Errors
    /// If w is no matrix of bytes, the inner dimensions differ, alpha is not one value or the bias
    /// not one value a row of w.
    pub fn linear_int8(
        &mut self,
        x: TensorId,
        w: TensorId,
        alpha: TensorId,
        bias: Option<TensorId>,
    ) -> Result<TensorId, RecordError> {
        let (x_shape, w_shape) = (self.shape(x), self.shape(w));
        let mut inputs = vec![x, w, alpha];
        inputs.extend(bias);
        let fits = x_shape.dims().len() == 2
            && w_shape.dims().len() == 2
            && self.dtype(w) == DType::I8
            && x_shape.n_cols() == w_shape.n_cols()
            && self.shape(alpha).len() == 1
            && bias.is_none_or(|bias| self.shape(bias).len() == w_shape.n_rows());
        self.expect(fits, "linear_int8", &inputs, || {
            "x [T, k], w [n, k] of bytes, alpha [1], bias [n]".to_owned()
        })?;
        let out = Shape::from([x_shape.n_rows(), w_shape.n_rows()]);
        let op = Op::LinearInt8(LinearInt8 { has_bias: bias.is_some() });
        Ok(self.push(op, inputs, &[(out, DType::F32)])[0])
    }
}
