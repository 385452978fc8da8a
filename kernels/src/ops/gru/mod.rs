//! Gated recurrent unit through time (Cho et al. 2014, arXiv 1406.1078, in the form of PyTorch's
//! `nn.GRU`): `r, z = σ(x + W·h + b)`, `n = tanh(x_n + r · (W_n·h + b_n))`, `h' = (1 − z)·n + z·h`.
//!
//! Shapes: x `[T, 3d]` (the input's part of r, z, n, its bias in it), w `[3d, d]`, b `[3d]`, start
//! `[1, d]` (zeros where it is not given), state `[C, d]` → h `[T, d]`, gates `[T, 3d]` (r, z, n).
//! Rows `past..past + T` of the state become h; row `past − 1` is what the first one goes on from,
//! start where `past` is 0. Backwards the last row comes first, and every run is a whole text.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// The widest unit: its weights stay within what every adapter binds.
pub const MAX_WIDTH: usize = 2048;

/// Parameters of a gated recurrent unit.
#[derive(Clone, Copy, Debug)]
pub struct Gru {
    /// Whether the last row comes first.
    pub backwards: bool,
    /// Whether a fourth input, the hidden state before the first row, is given.
    pub has_start: bool,
}

impl Recorder {
    /// Records [`Gru`]: inputs x, w, b and perhaps start; outputs h, gates and the state `hidden`.
    ///
    /// # Errors
    /// If `hidden` is no state, the unit is too wide, or the shapes do not fit.
    pub fn gru(
        &mut self,
        [x, w, b]: [TensorId; 3],
        start: Option<TensorId>,
        hidden: TensorId,
        backwards: bool,
    ) -> Result<[TensorId; 2], RecordError> {
        let mut inputs = vec![x, w, b];
        inputs.extend(start);
        let d = self.shape(hidden).n_cols();
        let fits = d <= MAX_WIDTH
            && self.is_recurrence([x, w, b], hidden, 3)
            && start.is_none_or(|start| self.shape(start).dims() == [1, d]);
        self.expect(fits, "gru", &[x, w, b, hidden], || {
            format!("x [T, 3d], w [3d, d], b [3d], start [1, d], a state [C, d], d ≤ {MAX_WIDTH}")
        })?;
        let op = Op::Gru(Gru { backwards, has_start: start.is_some() });
        let rows = |n| (Shape::from([self.shape(x).n_rows(), n * d]), DType::F32);
        let computed = [rows(1), rows(3)];
        let [h, gates] = self.push_with_states(op, inputs, computed, &[hidden]);
        Ok([h, gates])
    }

    /// Whether x `[T, n·d]`, w `[n·d, d]` f32 and b `[n·d]` are those of a recurrent unit whose
    /// hidden rows go into the state `[C, d]`.
    pub(crate) fn is_recurrence(
        &self,
        [x, w, b]: [TensorId; 3],
        hidden: TensorId,
        n_gates: usize,
    ) -> bool {
        let (x, to, d) = (self.shape(x), self.shape(hidden), self.shape(hidden).n_cols());
        self.is_state(hidden)
            && to.dims().len() == 2
            && x.dims().len() == 2
            && x.n_cols() == n_gates * d
            && x.n_rows() <= to.n_rows()
            && self.dtype(w) == DType::F32
            && self.shape(w).dims() == [n_gates * d, d]
            && self.shape(b).len() == n_gates * d
    }
}
