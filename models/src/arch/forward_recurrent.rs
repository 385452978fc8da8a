//! What the passes of recurrent models are written with: units through time over their states,
//! additive attention.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::softmax::Masks;

use super::forward::{Forward, RunInput};
use crate::error::ModelError;
use crate::hook::Hook;

impl Forward<'_> {
    /// Hidden states of a gated recurrent unit through time, from the input's part of its gates
    /// `[T, 3·d_hidden]` to `[T, d_hidden]`.
    ///
    /// # Errors
    /// If there are no weights or no state.
    pub fn gru(
        &mut self,
        x: TensorId,
        start: Option<TensorId>,
        backwards: bool,
    ) -> Result<TensorId, ModelError> {
        let (part, gates_hook, hidden_hook) = match backwards {
            false => ("rnn", Hook::RnnGates, Hook::RnnHidden),
            true => ("rnn_back", Hook::RnnBackGates, Hook::RnnBackHidden),
        };
        let w = self.weight(&format!("{part}.W_HH"))?;
        let b = self.weight(&format!("{part}.b_HH"))?;
        if let Some(batch) = self.batch() {
            return self.batch_gru([x, w, b], start, batch, backwards);
        }
        let hidden = self.needed_state(hidden_hook)?;
        let [h, gates] = self.recorder().gru([x, w, b], start, hidden, backwards)?;
        self.hook(gates_hook, gates)?;
        Ok(h)
    }

    /// Hidden states of an LSTM through time, from the input's part of its gates
    /// `[T, 4·d_hidden]` to `[T, d_hidden]`.
    ///
    /// # Errors
    /// If there are no weights or no states.
    pub fn lstm(&mut self, x: TensorId) -> Result<TensorId, ModelError> {
        let (w, b) = (self.weight("rnn.W_HH")?, self.weight("rnn.b_HH")?);
        if let Some(batch) = self.batch() {
            return Ok(self.recorder().lstm_batch([x, w, b], batch.n_sequences)?);
        }
        let states = [self.needed_state(Hook::RnnHidden)?, self.needed_state(Hook::RnnCell)?];
        let [h, gates] = self.recorder().lstm([x, w, b], states)?;
        self.hook(Hook::RnnGates, gates)?;
        Ok(h)
    }

    /// The state that a decoder starts from, `[1, d_hidden]`.
    ///
    /// # Errors
    /// If there is none.
    pub fn start(&mut self) -> Result<TensorId, ModelError> {
        self.needed_state(Hook::RnnStart)
    }

    /// The hidden state before the one row of this run, `[1, d_hidden]`: the one that the source
    /// gave before the first.
    ///
    /// # Errors
    /// If there are no states.
    pub fn hidden_before(&mut self) -> Result<TensorId, ModelError> {
        let (hidden, start) = (self.needed_state(Hook::RnnHidden)?, self.start()?);
        let (row, start_row) = (self.input(RunInput::RowBefore), self.input(RunInput::StartRow));
        // One of the two is past its table: a row of zeros.
        let before = self.recorder().gather(hidden, row)?;
        let start = self.recorder().gather(start, start_row)?;
        self.add(before, start)
    }

    /// The last state of an encoder's unit that reads backwards, that of the first token: `[1,
    /// d_hidden]`, of a batch `[B, d_hidden]`.
    ///
    /// # Errors
    /// If none was recorded before.
    pub fn last_read_backwards(&mut self) -> Result<TensorId, ModelError> {
        let back = self.read_backwards()?;
        if let Some(batch) = self.batch() {
            return self.first_rows(back, batch);
        }
        let first = self.input(RunInput::FirstRow);
        Ok(self.recorder().gather(back, first)?)
    }

    /// What rows `[T, d_head]` find in the source by additive attention: `[T, d_value]`.
    ///
    /// # Errors
    /// If there are no states of keys and values.
    pub fn additive_attention(&mut self, q: TensorId) -> Result<TensorId, ModelError> {
        let v = self.weight("cross_attn.v_energy")?; // [d_head]
        if let Some(batch) = self.batch() {
            return self.batch_additive_attention(q, v, batch);
        }
        let keys = self.needed_state(Hook::CrossK)?;
        let scores = self.recorder().additive_scores(q, keys, v)?;
        self.weighted_by(scores)
    }

    /// The mean of the source's rows, for each row of this run: `[T, d_value]`, of a batch `[B,
    /// d_value]`.
    ///
    /// # Errors
    /// If there is no state of values.
    pub fn mean_of_source(&mut self) -> Result<TensorId, ModelError> {
        if let Some(batch) = self.batch() {
            return self.batch_mean_of_source(batch);
        }
        let n_source = self.frame.sites.map_or(0, |sites| sites.n_source);
        let shape = [1, self.frame.n_rows, n_source];
        let scores = self.recorder().fill(shape, 0.0);
        self.weighted_by(scores)
    }

    /// Sums of the source's values by the softmax of scores.
    fn weighted_by(&mut self, scores: TensorId) -> Result<TensorId, ModelError> {
        let values = self.needed_state(Hook::CrossV)?;
        // The padding hides what lies beyond the source.
        let padding = Some(self.input(RunInput::SourcePadding));
        let masks = Masks { padding, ..Masks::default() };
        let pattern = match self.cross_map() {
            Some(pattern) => {
                self.recorder().softmax_into(scores, masks, pattern)?;
                pattern
            }
            None => self.recorder().softmax(scores, masks)?,
        };
        self.weighted(pattern, values, true)
    }
}
