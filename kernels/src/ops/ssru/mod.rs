//! Simpler simple recurrent unit (Kim et al. 2019, "From Research to Production and Back"; Marian's
//! `SSRU` cell): `c_t = f_t · c_{t−1} + (1 − f_t) · x_t` with `f_t = σ(gate_t)`.
//!
//! Shapes: gate, x `[T, d]`, state `[C, d]` → c `[T, d]`. Rows `past..past + T` of the state become
//! c; row `past − 1` is what the first one goes on from, zeros where `past` is 0. So every row's
//! cell stays, and a text can go on from any of its tokens.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct Ssru;

impl Recorder {
    /// Records [`Ssru`]: inputs gate (before its sigmoid), x; outputs c and `cells`.
    ///
    /// # Errors
    /// If `cells` is no state, or the shapes do not fit.
    pub fn ssru(
        &mut self,
        gate: TensorId,
        x: TensorId,
        cells: TensorId,
    ) -> Result<TensorId, RecordError> {
        let (shape, to) = (self.shape(x), self.shape(cells));
        let fits = self.is_state(cells)
            && shape == self.shape(gate)
            && shape.dims().len() == 2
            && to.dims().len() == 2
            && shape.n_cols() == to.n_cols()
            && shape.n_rows() <= to.n_rows();
        self.expect(fits, "ssru", &[gate, x, cells], || {
            "gate and x [T, d] and a state [C, d]".to_owned()
        })?;
        Ok(self.push_beside(Op::Ssru(Ssru), vec![gate, x], (shape, DType::F32), cells))
    }
}
