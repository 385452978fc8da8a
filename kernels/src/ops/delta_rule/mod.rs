//! What the delta rule writes into fast weights (Schlag et al. 2021, arXiv 2102.11174): `e_t = v_t −
//! (g_t·W_{t−1})·k_t`, the error of what is there, and `u_t = β_t·e_t`, with `W_t = g_t·W_{t−1} +
//! u_t·k_tᵀ`. Linear attention to u reads it ([`Recorder::delta_attention`]).
//!
//! One computation in the forms of [`crate::ops::linear_attention`]: a token at a time; all at once, `(I +
//! L·B)·E = V` with L the strict pattern of keys with keys, by forward substitution; in chunks, where that
//! solution is found for v and for the keys together and the fast weights before a chunk enter
//! afterwards (the WY representation of Yang et al. 2024, arXiv 2406.06484; with decay arXiv 2412.06464).
//!
//! Shapes: k `[B·T, n_heads·d_key]`, v `[B·T, n_heads·d_value]`, β `[B·T, n_heads]`, perhaps decay
//! `[B·T, n_heads]` → u and e like v, and by form: L `[B·n_heads, T, T]`; W after the last token `[B·n_heads,
//! d_key, d_value]`; the same, L within chunks `[B·n_heads, T, chunk]`, and the solution of the keys
//! `[B·n_heads, T, d_key]`, each in the order of the tokens.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::linear_attention::{Form, LinearAttention};
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, Shape, TensorId};

/// Parameters of the delta rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeltaRule {
    /// Sequences, heads, form and direction; `strict` says nothing here.
    pub of: LinearAttention,
}

/// What the delta rule writes.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// u, `[B·T, n_heads·d_value]`.
    pub written: TensorId,
    /// e, like it.
    pub errors: TensorId,
}

impl Recorder {
    /// Records [`DeltaRule`]: inputs k, v, β and perhaps decay.
    ///
    /// # Errors
    /// As [`Recorder::linear_attention`].
    pub fn delta_rule(
        &mut self,
        [k, v, beta]: [TensorId; 3],
        decay: Option<TensorId>,
        op: DeltaRule,
    ) -> Result<Written, RecordError> {
        let of = LinearAttention { has_decay: decay.is_some(), strict: true, ..op.of };
        let inputs: Vec<_> = [Some(k), Some(v), Some(beta), decay].into_iter().flatten().collect();
        let fits = self.are_linear([k, v], decay, &of) && self.are_linear([k, v], Some(beta), &of);
        self.expect(fits, "delta_rule", &inputs, || format!("whole sequences and heads, {of:?}"))?;
        let [d_key, d_value] = [k, v].map(|id| self.shape(id).n_cols() / of.n_heads);
        let (n_maps, n_rows) = (of.n_maps(), self.shape(k).n_rows() / of.n_sequences);
        let memory = [n_maps, d_key, d_value];
        let beside = match of.form {
            Form::Attention => vec![[n_maps, n_rows, n_rows]],
            Form::Recurrent => vec![memory],
            Form::Chunked(n) => vec![memory, [n_maps, n_rows, n], [n_maps, n_rows, d_key]],
        };
        let mut outputs = vec![(self.shape(v), DType::F32); 2];
        outputs.extend(beside.into_iter().map(|shape| (Shape::from(shape), DType::F32)));
        let outputs = self.push(Op::DeltaRule(DeltaRule { of }), inputs, &outputs);
        Ok(Written { written: outputs[0], errors: outputs[1] })
    }
}
