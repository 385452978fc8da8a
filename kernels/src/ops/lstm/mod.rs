//! Long short-term memory through time (Hochreiter & Schmidhuber 1997; in the form of PyTorch's
//! `nn.LSTM`): `i, f, o = σ(x + W·h + b)`, `g = tanh(x_g + W_g·h + b_g)`, `c' = f·c + i·g`,
//! `h' = o · tanh(c')`.
//!
//! Shapes: x `[T, 4d]` (the input's part of i, f, g, o, its bias in it), w `[4d, d]`, b `[4d]`,
//! states hidden and cells `[C, d]` → h `[T, d]`, gates `[T, 4d]` (i, f, g, o). Rows
//! `past..past + T` of the states become h and c; row `past − 1` is what the first one goes on
//! from, zeros where `past` is 0.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::gru::MAX_WIDTH;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// No parameters beyond the shapes.
#[derive(Clone, Copy, Debug)]
pub struct Lstm;

impl Recorder {
    /// Records [`Lstm`]: inputs x, w, b; outputs h, gates and the states `hidden`, `cells`.
    ///
    /// # Errors
    /// If `hidden` or `cells` is no state, the unit is too wide, or the shapes do not fit.
    pub fn lstm(
        &mut self,
        [x, w, b]: [TensorId; 3],
        [hidden, cells]: [TensorId; 2],
    ) -> Result<[TensorId; 2], RecordError> {
        let d = self.shape(hidden).n_cols();
        let fits = d <= MAX_WIDTH
            && self.is_recurrence([x, w, b], hidden, 4)
            && self.is_state(cells)
            && hidden != cells
            && self.shape(cells) == self.shape(hidden);
        self.expect(fits, "lstm", &[x, w, b, hidden, cells], || {
            format!("x [T, 4d], w [4d, d], b [4d], two states [C, d], d ≤ {MAX_WIDTH}")
        })?;
        let rows = |n| (Shape::from([self.shape(x).n_rows(), n * d]), DType::F32);
        let computed = [rows(1), rows(4)];
        Ok(self.push_with_states(Op::Lstm(Lstm), vec![x, w, b], computed, &[hidden, cells]))
    }
}
