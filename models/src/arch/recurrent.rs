//! The forward pass of recurrent models: LSTMs one above another; a bidirectional GRU that reads,
//! and a GRU that writes, asking what was read by additive attention before each word (Bahdanau et
//! al. 2014, arXiv 1409.0473).
//!
//! In training a batch of targets is known (teacher forcing): the units run in ops over all of time,
//! but the decoder asks within the recurrence, and its steps are recorded one after the other.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::activation::Activation;

use super::{Forward, Mixer};
use crate::error::ModelError;
use crate::hook::Hook;

type Recorded = Result<TensorId, ModelError>;

/// From token ids to what the head reads; of an encoder, to its annotations.
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn body(f: &mut Forward<'_>) -> Recorded {
    let spec = f.spec();
    let ids = f.ids();
    let mut x = f.gather("embed.W_E", ids)?;
    x = f.hook(Hook::Embed, x)?; // [T, d_embed]
    if spec.mixer == Mixer::Gru {
        return f.block(0, |f| if spec.has_cross() { write(f, x) } else { read(f, x) });
    }
    for layer in 0..spec.n_layers {
        x = f.block(layer, |f| {
            let x = f.linear(x, "rnn.IH")?;
            f.lstm(x)
        })?;
    }
    Ok(x)
}

/// Annotations `[S, 2·d_hidden]`: what a source token is, from before and from behind.
fn read(f: &mut Forward<'_>, x: TensorId) -> Recorded {
    let forth = f.linear(x, "rnn.IH")?;
    let forth = f.gru(forth, None, false)?;
    let back = f.linear(x, "rnn_back.IH")?;
    let back = f.gru(back, None, true)?;
    f.set_read_backwards(back);
    Ok(f.recorder().concat(forth, back)?)
}

/// What the decoder asks of a source: keys and annotations, and the state that it starts from,
/// `tanh(W·h + b)` of the last state that was read backwards.
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn cross_keys(f: &mut Forward<'_>, annotations: TensorId) -> Result<(), ModelError> {
    f.block(0, |f| {
        if !f.spec().fixed_context {
            let k = f.linear(annotations, "cross_attn.K")?;
            f.hook(Hook::CrossK, k)?;
        }
        f.hook(Hook::CrossV, annotations)?;
        let last_read = f.last_read_backwards()?; // [1, d_hidden]
        let start = f.linear(last_read, "rnn.start")?;
        let start = f.activation(start, Activation::Tanh)?;
        f.hook(Hook::RnnStart, start).map(|_| ())
    })
}

/// y `[T, d_embed]` to the readouts `[T, d_model]`: one word, or the words of a batch. The state before
/// a word asks the source; word and answer change the state; all three are read out.
fn write(f: &mut Forward<'_>, y: TensorId) -> Recorded {
    let h_and_z = match f.batch() {
        Some(batch) => f.steps_of_batch(batch, y)?,
        None => {
            let before = if f.spec().fixed_context { None } else { Some(f.hidden_before()?) };
            let z = found(f, before)?;
            let start = f.start()?;
            let h = step(f, [y, z, start])?;
            f.recorder().concat(h, z)?
        }
    };
    let all = f.recorder().concat(h_and_z, y)?;
    let readout = f.linear(all, "readout.in")?;
    let readout = f.activation(readout, Activation::Tanh)?;
    f.hook(Hook::Readout, readout)
}

/// What the source gives for a word, from the state before it; the same for all words where there is
/// none to ask with.
pub(super) fn found(f: &mut Forward<'_>, before: Option<TensorId>) -> Recorded {
    let z = match before {
        Some(before) => {
            let q = f.linear(before, "cross_attn.Q")?;
            let q = f.hook(Hook::CrossQ, q)?;
            f.additive_attention(q)?
        }
        None => f.mean_of_source()?,
    };
    f.hook(Hook::CrossZ, z)
}

/// The state after a word, from the word, what was found for it, and the state before.
pub(super) fn step(f: &mut Forward<'_>, [y, z, before]: [TensorId; 3]) -> Recorded {
    let x = f.recorder().concat(y, z)?;
    let x = f.linear(x, "rnn.IH")?;
    f.gru(x, Some(before), false)
}
