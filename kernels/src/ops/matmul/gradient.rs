//! Gradients of [`super::Matmul`]: dA = dC·Bᵀ, dB = Aᵀ·dC, turned as their factors are.

use super::Matmul;
use crate::backward::{Gradients, Upstream};
use crate::error::RecordError;
use crate::recording::Recorder;

pub(crate) fn gradients(op: &Matmul, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let (a, b, dc) = (up.inputs[0], up.inputs[1], up.gradient);
    let Matmul { a_turned, b_turned } = *op;
    let product = |recorder: &mut Recorder, a, b, a_turned, b_turned| {
        recorder.matmul(a, b, Matmul { a_turned, b_turned })
    };
    let of_a = |recorder: &mut Recorder| -> Result<_, RecordError> {
        if a_turned {
            product(recorder, b, dc, b_turned, true)
        } else {
            product(recorder, dc, b, false, !b_turned)
        }
    };
    let of_b = |recorder: &mut Recorder| -> Result<_, RecordError> {
        if b_turned {
            product(recorder, dc, a, true, a_turned)
        } else {
            product(recorder, a, dc, !a_turned, false)
        }
    };
    Ok(vec![up.wanted_by(0, recorder, of_a)?, up.wanted_by(1, recorder, of_b)?])
}
