//! Gated recurrent units through time over a batch of sequences, with what their gradient needs; the
//! unit is that of [`crate::ops::gru`]: `r, z = σ(x + W·h + b)`, `q = W_n·h + b_n`,
//! `n = tanh(x_n + r·q)`, `h' = (1 − z)·n + z·h`.
//!
//! Shapes: x `[B·T, 3d]` (the input's part of r, z, n, its bias in it), w `[3d, d]`, b `[3d]`, start
//! `[B, d]` (zeros where it is not given), shown `[B·T]` u32 → h `[B·T, d]`, gates `[B·T, 4d]` (r, z,
//! n, q), before `[B·T, d]` (what each row went on from). Sequence after sequence; backwards the last
//! row of each comes first. A row that is not shown leaves the state as it is.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::gru::MAX_WIDTH;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of gated recurrent units over a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GruBatch {
    /// B.
    pub n_sequences: usize,
    /// Whether the last row of a sequence comes first.
    pub backwards: bool,
    /// Whether the hidden states before the first rows are given, behind x, w, b.
    pub has_start: bool,
    /// Whether a mask of rows is given, last.
    pub has_shown: bool,
}

/// What gated recurrent units over a batch may be given beside x, w, b.
#[derive(Clone, Copy, Debug, Default)]
pub struct GruGiven {
    /// The hidden states before the first rows, `[B, d]`.
    pub start: Option<TensorId>,
    /// Which rows count, `[B·T]` u32.
    pub shown: Option<TensorId>,
}

impl GruBatch {
    /// Where a given mask stands among the inputs.
    pub(crate) fn shown_idx(&self) -> usize {
        3 + usize::from(self.has_start)
    }

    /// The rows of a sequence of `n_rows`, in the order in which they run.
    pub(crate) fn row(&self, idx: usize, n_rows: usize) -> usize {
        if self.backwards { n_rows - 1 - idx } else { idx }
    }
}

impl Recorder {
    /// Records [`GruBatch`]: inputs x, w, b and perhaps start and shown; the hidden states.
    ///
    /// # Errors
    /// If the rows are not B sequences, the unit is too wide, or the shapes do not fit.
    pub fn gru_batch(
        &mut self,
        [x, w, b]: [TensorId; 3],
        given: GruGiven,
        n_sequences: usize,
        backwards: bool,
    ) -> Result<TensorId, RecordError> {
        let (n_rows, d) = (self.shape(x).n_rows(), self.shape(w).n_cols());
        let fits = d <= MAX_WIDTH
            && self.is_unit([x, w, b], n_sequences, 3)
            && given.start.is_none_or(|start| self.shape(start).dims() == [n_sequences, d])
            && given.shown.is_none_or(|shown| {
                self.dtype(shown) == DType::U32 && self.shape(shown).len() == n_rows
            });
        self.expect(fits, "gru_batch", &[x, w, b], || {
            format!("x [B·T, 3d], w [3d, d], b [3d], start [B, d], shown [B·T] u32, d ≤ {MAX_WIDTH}")
        })?;
        let op = GruBatch {
            n_sequences,
            backwards,
            has_start: given.start.is_some(),
            has_shown: given.shown.is_some(),
        };
        let inputs = [Some(x), Some(w), Some(b), given.start, given.shown];
        let inputs = inputs.into_iter().flatten().collect();
        let outputs = [1, 4, 1].map(|n| (Shape::from([n_rows, n * d]), DType::F32));
        Ok(self.push(Op::GruBatch(op), inputs, &outputs)[0])
    }

    /// Whether x `[B·T, n·d]`, w `[n·d, d]` f32 and b `[n·d]` are those of a recurrent unit over B
    /// sequences.
    pub(crate) fn is_unit(
        &self,
        [x, w, b]: [TensorId; 3],
        n_sequences: usize,
        n_gates: usize,
    ) -> bool {
        let (x, w_shape) = (self.shape(x), self.shape(w));
        let n = n_gates * w_shape.n_cols();
        n_sequences > 0
            && x.dims().len() == 2
            && x.n_rows().is_multiple_of(n_sequences)
            && x.n_cols() == n
            && self.dtype(w) == DType::F32
            && w_shape.dims().len() == 2
            && w_shape.n_rows() == n
            && self.shape(b).len() == n
    }
}
