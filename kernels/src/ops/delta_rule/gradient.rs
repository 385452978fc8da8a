//! Gradients of [`super::DeltaRule`]. With U = B·(I + L·B)⁻¹·V the gradient passes through the transposed
//! system, which is the delta rule the other way through time: it writes w and finds the errors y of dU.
//! Then dV = w, dβ = Σ y·e, and dL = −w·uᵀ below the diagonal, whose two factors of keys are linear
//! attention each.

use super::DeltaRule;
use crate::backward::{Gradients, Upstream};
use crate::ops::linear_attention::LinearAttention;
use crate::ops::mix::Mix;
use crate::recording::Recorder;

pub(crate) fn gradients(op: &DeltaRule, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let (k, beta, du) = (up.inputs[0], up.inputs[2], up.gradient);
    let decay = up.inputs.get(3).copied();
    let (u, errors) = (up.outputs[0], up.outputs[1]);
    let of = op.of;
    let back = LinearAttention { reversed: !of.reversed, ..of };
    let written = recorder.delta_rule([k, du, beta], decay, DeltaRule { of: back })?;
    let w = written.written;
    let of_decay = decay.is_some() && up.wanted[3];
    let (mut dk, mut of_decays) = (None, None);
    if up.wanted[0] || of_decay {
        // What keys read, and what they write; both are less than nothing.
        let read = recorder.linear_attention([w, u, k], decay, of)?.z;
        let wrote = recorder.linear_attention([u, w, k], decay, back)?.z;
        dk = Some(recorder.mix(read, wrote, Mix { a: -1.0, b: -1.0 })?);
        if of_decay {
            let gradient = recorder.decay_gradient([k, read], [k, wrote], &of)?;
            of_decays = Some(recorder.times(gradient, -1.0)?);
        }
    }
    let dbeta = up.wanted_by(2, recorder, |recorder| {
        recorder.head_dots(written.errors, errors, of.n_heads)
    })?;
    let mut gradients = vec![dk, Some(w), dbeta];
    gradients.extend(decay.map(|_| of_decays));
    Ok(gradients)
}
