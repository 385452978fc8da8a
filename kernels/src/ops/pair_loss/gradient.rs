//! Gradients of [`super::PairLoss`], in [`crate::ops::pair_loss_gradient`].

use super::PairLoss;
use crate::backward::{Gradients, Upstream};
use crate::recording::Recorder;

pub(crate) fn gradients(op: &PairLoss, up: &Upstream<'_>, recorder: &mut Recorder) -> Gradients {
    let fits = *op != PairLoss::Divergence || !up.wanted[1];
    recorder.expect(fits, "pair_loss", up.inputs, || "a reference without gradient".to_owned())?;
    let operands = [up.inputs[0], up.inputs[1], up.outputs[1], up.gradient];
    let of_x = recorder.pair_loss_gradient(operands, *op)?;
    // The others see the difference only.
    let of_y = up.wanted_by(1, recorder, |recorder| recorder.times(of_x, -1.0))?;
    Ok(vec![Some(of_x), of_y])
}
