//! Gradient of [`super::Softmax`], in [`crate::ops::softmax_gradient`]: of the scores and of a bias
//! alike in shape. Biases that several maps or cells share have theirs in [`crate::ops::attention`].

use super::Softmax;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Softmax, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let dx = recorder.softmax_gradient(up.outputs[0], up.gradient)?;
    let bias_idx = if op.has_bias { Some(1 + usize::from(op.has_padding)) } else { None };
    let mut all = vec![None; up.inputs.len()];
    all[0] = Some(dx);
    for (idx, id) in up.inputs.iter().enumerate().skip(1).filter(|&(idx, _)| up.wanted[idx]) {
        let fits = bias_idx == Some(idx) && recorder.shape(*id) == recorder.shape(dx);
        recorder.expect(fits, "softmax", up.inputs, || {
            "a gradient of no bias that is shared; attention has it".to_owned()
        })?;
        all[idx] = Some(dx);
    }
    Ok(all)
}
