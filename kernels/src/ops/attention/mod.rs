//! Attention over a batch of sequences that lie row after row, for training: softmax of scaled
//! products of queries with keys, weighted sums of values (Vaswani et al. 2017, arXiv 1706.03762).
//!
//! Shapes: q `[B·T, n_heads·d_head]`, k and v `[B·S, n_kv_heads·d_head]`, then where given: shown
//! `[B·S]` u32 (0 hides a key), bias `[n_heads or 1, T, S]`, distances `[n_heads, 2R + 1]` (added by
//! column − row, from −R and below to R and above), seed `[2]` u32 → z `[B·T, n_heads·d_head]`,
//! stats `[B·n_heads, T, 2]` of (maximum, Σ exp), pattern `[B·n_heads, T, S]`. A causal row t sees
//! columns up to t + S − T. Dropout falls on the pattern ([`crate::ops::dropout`]) as the values
//! meet it; the one that is kept is whole.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::dropout::Dropout;
use super::softmax::{Masks, Reach};
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of attention over a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Attention {
    /// B.
    pub n_sequences: usize,
    /// Heads of the queries.
    pub n_heads: usize,
    /// Heads of keys and values; each serves as many heads of queries.
    pub n_kv_heads: usize,
    /// Columns of a head.
    pub d_head: usize,
    /// Multiplies the products.
    pub scale: f32,
    /// Rows see no columns after their own.
    pub causal: bool,
    /// How far back rows see (causal ones), and what distance costs.
    pub reach: Reach,
    /// Probability that a cell of the pattern is dropped.
    pub dropout: f32,
    /// Tells the sites of one recording apart.
    pub stream: u32,
    /// Set by the recorder.
    pub given: Flags,
}

/// Which operands beside q, k, v there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Keys are hidden.
    pub shown: bool,
    /// A bias is added.
    pub bias: bool,
    /// Biases by distance are added.
    pub distances: bool,
    /// Dropout has a seed.
    pub seed: bool,
}

/// Operands beside q, k, v.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given {
    /// `[B·S]` u32: 0 hides a key.
    pub shown: Option<TensorId>,
    /// `[n_heads or 1, T, S]`: added to the scores.
    pub bias: Option<TensorId>,
    /// `[n_heads, 2R + 1]`: added by distance.
    pub distances: Option<TensorId>,
    /// `[2]` u32: for dropout.
    pub seed: Option<TensorId>,
}

impl Given {
    fn flags(self) -> Flags {
        Flags {
            shown: self.shown.is_some(),
            bias: self.bias.is_some(),
            distances: self.distances.is_some(),
            seed: self.seed.is_some(),
        }
    }

    pub(crate) fn operands(self) -> impl Iterator<Item = TensorId> {
        [self.shown, self.bias, self.distances, self.seed].into_iter().flatten()
    }
}

impl Flags {
    /// Splits operands that follow q, k, v (and what else `operands` starts after).
    pub(crate) fn split<T: Copy>(self, operands: &[T]) -> [Option<T>; 4] {
        let mut rest = operands.iter().copied();
        [self.shown, self.bias, self.distances, self.seed]
            .map(|given| if given { rest.next() } else { None })
    }
}

/// What attention leaves behind.
#[derive(Clone, Copy, Debug)]
pub struct Attended {
    /// `[B·T, n_heads·d_head]`.
    pub z: TensorId,
    /// (maximum, Σ exp) of each row's scores, `[B·n_heads, T, 2]`.
    pub stats: TensorId,
    /// The pattern before dropout, `[B·n_heads, T, S]`.
    pub pattern: TensorId,
}

impl Attention {
    /// Where row t of T stands among S columns.
    pub(crate) fn position(&self, t: usize, [n_rows, n_cols]: [usize; 2]) -> usize {
        if self.causal { t + n_cols - n_rows } else { t }
    }

    /// One past the last column that row t sees.
    pub(crate) fn end(&self, t: usize, [n_rows, n_cols]: [usize; 2]) -> usize {
        if self.causal { t + 1 + n_cols - n_rows } else { n_cols }
    }

    /// The dropout of its pattern.
    pub(crate) fn dropping(&self) -> Dropout {
        Dropout { rate: self.dropout, stream: self.stream }
    }
}

impl Recorder {
    /// Records [`Attention`]: inputs q, k, v and what is given.
    ///
    /// # Errors
    /// If the rows are no whole sequences of whole heads, or a mask, bias or seed does not fit.
    pub fn attention(
        &mut self,
        [q, k, v]: [TensorId; 3],
        given: Given,
        op: Attention,
    ) -> Result<Attended, RecordError> {
        let (op, inputs, n_rows) = self.attention_op([q, k, v], given, op)?;
        let n_cols = self.shape(k).n_rows() / op.n_sequences;
        let n_maps = op.n_sequences * op.n_heads;
        let outputs = [
            (self.shape(q), DType::F32),
            (Shape::from([n_maps, n_rows, 2]), DType::F32),
            (Shape::from([n_maps, n_rows, n_cols]), DType::F32),
        ];
        let outputs = self.push(Op::Attention(op), inputs, &outputs);
        Ok(Attended { z: outputs[0], stats: outputs[1], pattern: outputs[2] })
    }

    /// The parameters with what is given, the operands, and the rows of a sequence.
    pub(crate) fn attention_op(
        &self,
        [q, k, v]: [TensorId; 3],
        given: Given,
        op: Attention,
    ) -> Result<(Attention, Vec<TensorId>, usize), RecordError> {
        let mut op = Attention { given: given.flags(), ..op };
        let (q_shape, k_shape) = (self.shape(q), self.shape(k));
        let n_sequences = op.n_sequences.max(1);
        let (n_rows, n_cols) = (q_shape.n_rows() / n_sequences, k_shape.n_rows() / n_sequences);
        let inputs: Vec<_> = [q, k, v].into_iter().chain(given.operands()).collect();
        let u32_of = |id: Option<TensorId>, len: usize| {
            id.is_none_or(|id| self.dtype(id) == DType::U32 && self.shape(id).len() == len)
        };
        let bias_fits = given.bias.is_none_or(|bias| {
            let dims = self.shape(bias);
            let dims = dims.dims();
            dims.len() == 3 && [1, op.n_heads].contains(&dims[0]) && dims[1..] == [n_rows, n_cols]
        });
        let masks = Masks { distances: given.distances, reach: op.reach, ..Masks::default() };
        let fits = q_shape.dims().len() == 2
            && k_shape.dims().len() == 2
            && k_shape == self.shape(v)
            && op.n_kv_heads > 0
            && op.n_heads.is_multiple_of(op.n_kv_heads)
            && q_shape.n_cols() == op.n_heads * op.d_head
            && k_shape.n_cols() == op.n_kv_heads * op.d_head
            && op.n_sequences > 0
            && q_shape.n_rows() == n_rows * op.n_sequences
            && k_shape.n_rows() == n_cols * op.n_sequences
            && (!op.causal || n_cols >= n_rows)
            && (op.causal || op.reach.window == 0)
            && u32_of(given.shown, k_shape.n_rows())
            && bias_fits
            && self.distances_fit(masks, op.n_heads)
            && u32_of(given.seed, 2)
            && op.dropping().is_valid()
            && (op.dropout == 0.0 || given.seed.is_some());
        self.expect(fits, "attention", &inputs, || format!("whole sequences and heads, {op:?}"))?;
        // A seed that nothing needs would only be carried along.
        let mut inputs = inputs;
        if op.dropout == 0.0 && given.seed.is_some() {
            inputs.pop();
            op.given.seed = false;
        }
        Ok((op, inputs, n_rows))
    }
}
