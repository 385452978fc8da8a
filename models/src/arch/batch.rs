//! Batches of training in the same forward pass: their rows, attention within each sequence, and
//! dropout.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::attention::{Attention, Given};
use vitrine_kernels::ops::dropout::Dropout;
use vitrine_kernels::ops::softmax::Reach;

use super::forward::{Frame, RunInput};
use super::{Forward, Model};
use crate::error::ModelError;
use crate::hook::{Hook, Stack};

/// What a training step runs at once: B sequences of T tokens, one after the other in the rows, each
/// of which attends to itself; in encoder–decoders beside B sources of S tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Batch {
    /// B.
    pub n_sequences: usize,
    /// T.
    pub n_tokens: usize,
    /// S; 0 without an encoder beside a decoder.
    pub n_source: usize,
    /// Whether a padding mask comes with each run, for all attention that is not causal.
    pub is_padded: bool,
    /// Share of values dropped after the embeddings, in patterns and before each sum; 0: none.
    pub dropout: f32,
}

impl Batch {
    /// Rows of a stack.
    pub fn n_rows(&self, stack: Stack) -> usize {
        let n_tokens = if stack == Stack::Encoder { self.n_source } else { self.n_tokens };
        self.n_sequences * n_tokens
    }
}

impl<'a> Forward<'a> {
    /// A pass over a batch, which begins in the encoder where there are two stacks.
    pub(crate) fn of_batch(model: &'a Model, batch: Batch) -> Self {
        let spec = model.spec().encoder.as_deref().unwrap_or(model.spec());
        let frame = Frame { batch: Some(batch), ..Frame::rows(batch.n_rows(spec.stack)) };
        Self::new(model, spec, frame)
    }

    /// Goes on in the decoder of a batch.
    pub(crate) fn turn_to_target(&mut self) {
        self.spec = self.model.spec();
        self.frame.n_rows = self.frame.batch.map_or(0, |batch| batch.n_rows(self.spec.stack));
    }

    /// In training, some values become 0 and the others larger (Srivastava et al. 2014).
    ///
    /// # Errors
    /// If the recording refuses.
    pub fn dropout(&mut self, x: TensorId) -> Result<TensorId, ModelError> {
        let rate = self.frame.batch.map_or(0.0, |batch| batch.dropout);
        if rate == 0.0 {
            return Ok(x);
        }
        let (seed, stream) = self.next_drops();
        Ok(self.recorder.dropout(x, seed, Dropout { rate, stream })?)
    }

    /// The seed, and a stream for one place that drops.
    fn next_drops(&mut self) -> (TensorId, u32) {
        self.n_drops += 1;
        (self.input(RunInput::Seed), self.n_drops - 1)
    }

    /// Attention of each sequence of a batch to its source.
    ///
    /// # Errors
    /// If the source has left no keys; those of the recording.
    pub(super) fn batch_cross_attention(
        &mut self,
        q: TensorId,
        batch: Batch,
    ) -> Result<TensorId, ModelError> {
        let (k, v) = (self.of_source(Hook::CrossK)?, self.of_source(Hook::CrossV)?);
        self.batch_attention([q, k, v], batch, true)
    }

    /// What the encoder's pass has left of a hook for this block.
    ///
    /// # Errors
    /// If it has left nothing.
    pub(super) fn of_source(&self, wanted: Hook) -> Result<TensorId, ModelError> {
        let find = |(hook, layer, x): &(Hook, Option<usize>, TensorId)| {
            (*hook == wanted && *layer == self.layer).then_some(*x)
        };
        let found = self.source_keys.iter().find_map(find);
        found.ok_or_else(|| ModelError::input("source", "is missing"))
    }

    /// The batch that runs, if it is one.
    pub(super) fn batch(&self) -> Option<Batch> {
        self.frame.batch
    }

    /// Attention within each sequence of a batch, or to its source.
    ///
    /// # Errors
    /// Those of the recording.
    pub(super) fn batch_attention(
        &mut self,
        qkv: [TensorId; 3],
        batch: Batch,
        is_cross: bool,
    ) -> Result<TensorId, ModelError> {
        let spec = self.spec();
        let causal = spec.causal && !is_cross;
        let padding = if is_cross { RunInput::SourcePadding } else { RunInput::Padding };
        let shown = (batch.is_padded && !causal).then(|| self.input(padding));
        let drops = (batch.dropout > 0.0).then(|| self.next_drops());
        let params = Attention {
            n_sequences: batch.n_sequences,
            n_heads: spec.n_heads,
            n_kv_heads: spec.n_kv_heads,
            d_head: spec.d_head,
            scale: spec.attn_scale,
            causal,
            reach: match is_cross {
                true => Reach::default(),
                false => spec.reach(self.layer.unwrap_or(0)),
            },
            dropout: batch.dropout,
            stream: drops.map_or(0, |(_, stream)| stream),
            ..Attention::default()
        };
        let given = Given { shown, seed: drops.map(|(seed, _)| seed), ..Given::default() };
        Ok(self.recorder.attention(qkv, given, params)?.z)
    }
}
