//! Linear attention over a batch of sequences, the sum rule of fast weights (Schmidhuber 1992;
//! Katharopoulos et al. 2020, arXiv 2006.16236; Schlag et al. 2021, arXiv 2102.11174): `z_t = Σ_{s ≤ t}
//! D_ts (q_t·k_s) v_s`, where D_ts is the product of what the tokens after s up to t keep.
//!
//! One computation in three orders ([`Form`]): attention, `z = (tril(Q·Kᵀ)·D)·V`; recurrent, `W_t =
//! g_t·W_{t−1} + v_t·k_tᵀ`, `z_t = W_t·q_t`; chunked, the one within chunks and the other between them
//! (Hua et al. 2022; Sun et al. 2023). Queries and keys come mapped ([`crate::ops::feature_map`]).
//!
//! Shapes: q, k `[B·T, n_heads·d_key]`, v `[B·T, n_heads·d_value]`, perhaps decay `[B·T, n_heads]`, the
//! logarithm of what a token keeps of the past → z like v, and by form: the pattern `[B·n_heads, T, T]`;
//! W after the last token `[B·n_heads, d_key, d_value]`; W before each chunk `[B·n_heads·n_chunks,
//! d_key, d_value]`. W lies turned, a row a feature. Reversed, the last token of a sequence comes first:
//! sums over s ≥ t. Gradients are linear attention again, so that each form has its own.

mod composed;
pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// The longest chunk.
pub const MAX_CHUNK: usize = 64;

/// In which order linear attention is computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// All pairs of tokens: time and memory grow with T².
    Attention,
    /// A token at a time over fast weights.
    #[default]
    Recurrent,
    /// Pairs within chunks of so many tokens, fast weights between them.
    Chunked(usize),
}

impl Form {
    /// Tokens of a chunk; 0 in the other forms.
    pub(crate) fn chunk(self) -> usize {
        if let Self::Chunked(n) = self { n } else { 0 }
    }

    /// Numbers that each feature of a token meets, of T tokens and values of so many columns.
    pub(crate) fn span(self, n_rows: usize, d_value: usize) -> usize {
        match self {
            Self::Attention => n_rows,
            Self::Recurrent => d_value,
            Self::Chunked(n) => n + d_value,
        }
    }

    /// Whether chunks, where there are such, have a possible length.
    pub(crate) fn is_valid(self) -> bool {
        !matches!(self, Self::Chunked(n) if n == 0 || n > MAX_CHUNK)
    }
}

/// Parameters of linear attention.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinearAttention {
    /// B.
    pub n_sequences: usize,
    /// Heads.
    pub n_heads: usize,
    /// The order of the computation.
    pub form: Form,
    /// Whether tokens see those after them rather than those before.
    pub reversed: bool,
    /// Whether tokens do not see themselves.
    pub strict: bool,
    /// Set by the recorder: a fourth input says what tokens keep.
    pub has_decay: bool,
}

/// What linear attention leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct LinearlyAttended {
    /// `[B·T, n_heads·d_value]`.
    pub z: TensorId,
    /// The pattern or the fast weights, as the form has them.
    pub beside: TensorId,
}

impl LinearAttention {
    /// Maps: heads of all sequences.
    pub(crate) fn n_maps(&self) -> usize {
        self.n_sequences * self.n_heads
    }
}

impl Recorder {
    /// Records [`LinearAttention`]: inputs q, k, v and perhaps decay.
    ///
    /// # Errors
    /// If the rows are no whole sequences of whole heads, decays do not fit, or chunks are empty or
    /// longer than 64.
    pub fn linear_attention(
        &mut self,
        [q, k, v]: [TensorId; 3],
        decay: Option<TensorId>,
        op: LinearAttention,
    ) -> Result<LinearlyAttended, RecordError> {
        let op = LinearAttention { has_decay: decay.is_some(), ..op };
        let inputs: Vec<_> = [Some(q), Some(k), Some(v), decay].into_iter().flatten().collect();
        let fits = self.shape(q) == self.shape(k) && self.are_linear([k, v], decay, &op);
        self.expect(fits, "linear_attention", &inputs, || {
            format!("whole sequences and heads, chunks of 1 to {MAX_CHUNK}, {op:?}")
        })?;
        let [d_key, d_value] = [k, v].map(|id| self.shape(id).n_cols() / op.n_heads);
        let (n_maps, n_rows) = (op.n_maps(), self.shape(q).n_rows() / op.n_sequences);
        let beside = match op.form {
            Form::Attention => [n_maps, n_rows, n_rows],
            Form::Recurrent => [n_maps, d_key, d_value],
            Form::Chunked(n) => [n_maps * n_rows.div_ceil(n), d_key, d_value],
        };
        let outputs = [(self.shape(v), DType::F32), (Shape::from(beside), DType::F32)];
        let outputs = self.push(Op::LinearAttention(op), inputs, &outputs);
        Ok(LinearlyAttended { z: outputs[0], beside: outputs[1] })
    }

    /// Whether keys, values and decays are rows of whole sequences and heads.
    pub(crate) fn are_linear(
        &self,
        [k, v]: [TensorId; 2],
        decay: Option<TensorId>,
        op: &LinearAttention,
    ) -> bool {
        let (of_k, of_v) = (self.shape(k), self.shape(v));
        op.n_maps() > 0
            && op.form.is_valid()
            && of_k.dims().len() == 2
            && of_v.dims().len() == 2
            && of_k.n_rows() == of_v.n_rows()
            && of_k.n_rows().is_multiple_of(op.n_sequences)
            && of_k.n_cols().is_multiple_of(op.n_heads)
            && of_v.n_cols().is_multiple_of(op.n_heads)
            && decay.is_none_or(|decay| self.shape(decay).dims() == [of_k.n_rows(), op.n_heads])
    }
}
