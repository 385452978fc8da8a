//! Recurrent units over a batch of training.
//!
//! Units that only read run in one op over all of time. A decoder that asks its source within the
//! recurrence is recorded step by step over `[B, …]`: targets are a few dozen tokens, a step is seven
//! ops, and each of them is one that other models use or that is tested alone.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::gru_batch::GruGiven;
use vitrine_kernels::ops::window::Window;

use super::batch::Batch;
use super::forward::RunInput;
use super::{Forward, recurrent};
use crate::error::ModelError;
use crate::hook::Hook;

type Recorded = Result<TensorId, ModelError>;

impl Forward<'_> {
    /// A gated recurrent unit over the sequences of a batch, `[B·T, 3·d_hidden]` to `[B·T, d_hidden]`: from
    /// zeros over the sources, whose padding leaves the state as it is, from `start` one step.
    pub(super) fn batch_gru(
        &mut self,
        xwb: [TensorId; 3],
        start: Option<TensorId>,
        batch: Batch,
        backwards: bool,
    ) -> Recorded {
        let is_padded = start.is_none() && batch.is_padded;
        let shown = is_padded.then(|| self.input(RunInput::SourcePadding));
        let given = GruGiven { start, shown };
        Ok(self.recorder().gru_batch(xwb, given, batch.n_sequences, backwards)?)
    }

    /// The first row of each sequence: `[B·T, d]` to `[B, d]`.
    pub(super) fn first_rows(&mut self, x: TensorId, batch: Batch) -> Recorded {
        let n_cols = self.recorder().shape(x).n_cols();
        let n_rows = batch.n_sequences;
        Ok(self.recorder().window(x, Window { n_rows, shift: 0, n_cols }, [n_rows, n_cols])?)
    }

    /// What a row of each sequence finds in its source: q `[B, d_head]` to `[B, d_value]`.
    pub(super) fn batch_additive_attention(
        &mut self,
        q: TensorId,
        v: TensorId,
        batch: Batch,
    ) -> Recorded {
        let (k, values) = (self.of_source(Hook::CrossK)?, self.of_source(Hook::CrossV)?);
        self.batch_attended([q, k, v, values], batch)
    }

    fn batch_attended(&mut self, operands: [TensorId; 4], batch: Batch) -> Recorded {
        let shown = batch.is_padded.then(|| self.input(RunInput::SourcePadding));
        Ok(self.recorder().additive_attention(operands, shown, batch.n_sequences)?)
    }

    /// The mean of each source, `[B, d_value]`: attention whose scores are all alike.
    pub(super) fn batch_mean_of_source(&mut self, batch: Batch) -> Recorded {
        let values = self.of_source(Hook::CrossV)?;
        let n_keys = batch.n_sequences * batch.n_source;
        let shapes = [[batch.n_sequences, 1], [n_keys, 1]];
        let [q, k] = shapes.map(|shape| self.recorder().fill(shape, 0.0));
        let v = self.recorder().fill([1], 0.0);
        self.batch_attended([q, k, v, values], batch)
    }

    /// The decoder's states, and beside each what was found for it: y `[B·T, d_embed]` to `[B·T, d_hidden +
    /// d_value]`. The words are those of the target, whatever the model would have written.
    pub(super) fn steps_of_batch(&mut self, batch: Batch, y: TensorId) -> Recorded {
        let (n_rows, d_embed) = (batch.n_sequences, self.recorder().shape(y).n_cols());
        let mean = match self.spec().fixed_context {
            true => Some(recurrent::found(self, None)?),
            false => None,
        };
        let mut h = self.of_source(Hook::RnnStart)?;
        let mut steps = Vec::with_capacity(batch.n_tokens);
        for at in 0..batch.n_tokens {
            // Sequence after sequence lie in the rows, so that a row of all is every T-th of them.
            let word = Window { n_rows, shift: (at * d_embed) as isize, n_cols: d_embed };
            let word = self.recorder().window(y, word, [n_rows, d_embed])?;
            let z = match mean {
                Some(mean) => mean,
                None => recurrent::found(self, Some(h))?,
            };
            h = recurrent::step(self, [word, z, h])?;
            steps.push(self.recorder().concat(h, z)?);
        }
        // Side by side they are `[B, T·(d_hidden + d_value)]`, as the rows of a batch lie. Pairs of
        // pairs, so that each value moves few times.
        while steps.len() > 1 {
            let pairs = std::mem::take(&mut steps);
            for pair in pairs.chunks(2) {
                steps.push(match *pair {
                    [a, b] => self.recorder().concat(a, b)?,
                    _ => pair[0],
                });
            }
        }
        let d = self.spec().d_hidden + self.spec().d_value();
        Ok(self.recorder().reshaped(steps[0], [n_rows * batch.n_tokens, d])?)
    }
}
