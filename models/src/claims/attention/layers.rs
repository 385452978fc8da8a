//! The mixing of rows of four kinds of layer, as Table 1 of the paper compares them: self-attention over all rows,
//! a recurrent unit, a convolution over positions, and self-attention that sees a neighbourhood alone. Recorded with
//! the ops that models run.

use vitrine_kernels::ops::softmax::{Masks, Reach};
use vitrine_kernels::ops::window::Window;
use vitrine_kernels::{RecordError, Recorder, TensorId};

use super::super::flash::heads_of;

/// A convolution over positions (as `torch.nn.Conv1d` with zeros around the text and no bias):
/// `y[t] = Σ_j W_j·x[t + j − ⌊k/2⌋]`, rows beyond the text zero. Inputs x `[n, d]`, w `[d_out, k·d]`, the matrices W_j
/// side by side; y `[n, d_out]`. One linear map of k shifted copies of the rows, side by side.
///
/// # Errors
/// If w has not whole matrices.
pub fn convolution(
    recorder: &mut Recorder,
    x: TensorId,
    w: TensorId,
) -> Result<TensorId, RecordError> {
    let shape = recorder.shape(x);
    let (n, d) = (shape.n_rows(), shape.n_cols());
    let k = recorder.shape(w).n_cols() / d.max(1);
    // All rows as one: d columns further is one position later.
    let shifted = |recorder: &mut Recorder, j: usize| {
        let shift = (j as isize - (k / 2) as isize) * d as isize;
        recorder.window(x, Window { n_rows: 1, shift, n_cols: n * d }, [n, d])
    };
    let mut rows = shifted(recorder, 0)?; // [n, d], then [n, k·d]
    for j in 1..k {
        let next = shifted(recorder, j)?;
        rows = recorder.concat(rows, next)?;
    }
    recorder.linear(rows, w, None)
}

/// Self-attention restricted to a neighbourhood of r: a row sees its own key and the r − 1 before it. Inputs q, k, v
/// `[n, d]`, one head; z `[n, d]`.
///
/// # Errors
/// If shapes do not fit.
pub fn restricted(
    recorder: &mut Recorder,
    qkv: [TensorId; 3],
    r: u32,
) -> Result<TensorId, RecordError> {
    let reach = Reach { window: r.max(1) as usize, alibi: false };
    let masks = Masks { causal: true, reach, ..Masks::default() };
    let d = recorder.shape(qkv[0]).n_cols();
    Ok(recorder.attention_tiled(qkv, masks, heads_of(d))?.z)
}
