//! What attention without a softmax is written with: mapped queries and keys over fast weights, which a
//! session keeps after each token and a batch of training never sees. An encoder reads what was written
//! before a token and, the other way, what is written after it.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::feature_map::{FeatureMap, Features};
use vitrine_kernels::ops::head_scale::HeadScale;
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::ops::mix::Mix;

use super::forward::Forward;
use super::spec::FastWeights;
use crate::error::ModelError;
use crate::hook::Hook;

/// Added to sums that divide.
const EPS: f32 = 1e-6;

/// Tokens of a chunk in training.
const CHUNK: usize = 32;

impl Forward<'_> {
    /// How much of what is wrong each token writes, `σ(W·x + b)`: x `[T, d_model]` to `[T, n_heads]`.
    ///
    /// # Errors
    /// If there are no such weights.
    pub fn beta(&mut self, x: TensorId) -> Result<TensorId, ModelError> {
        let logits = self.linear(x, "attn.beta")?;
        // σ(x) = (1 + tanh(x/2))/2.
        let half = self.recorder.times(logits, 0.5)?;
        let tanh = self.recorder.activation(half, Activation::Tanh)?;
        let ones = self.recorder.fill(self.recorder.shape(tanh), 1.0);
        let beta = self.recorder.mix(tanh, ones, Mix { a: 0.5, b: 0.5 })?;
        self.hook(Hook::Beta, beta)
    }

    /// Queries or keys mapped head by head, `[T, n_heads·d_feature]`; over their sum where the delta
    /// rule needs it.
    ///
    /// # Errors
    /// If the columns are not whole heads.
    fn mapped(&mut self, fast: FastWeights, x: TensorId) -> Result<TensorId, ModelError> {
        let (d_head, n_heads) = (self.spec.d_head, self.spec.n_heads);
        let mapped = match fast.features {
            Features::Identity => x,
            features => self.recorder.feature_map(x, None, FeatureMap { features, d_head })?,
        };
        match fast.is_delta {
            true => Ok(self.recorder.sum_normalised(mapped, n_heads, EPS)?),
            false => Ok(mapped),
        }
    }

    /// Attention over fast weights: z `[T, n_heads·d_head]`; β where the delta rule writes.
    ///
    /// # Errors
    /// If the columns are not whole heads, or a session has no states.
    pub fn fast_attention(
        &mut self,
        fast: FastWeights,
        [q, k, v]: [TensorId; 3],
        beta: Option<TensorId>,
    ) -> Result<TensorId, ModelError> {
        let n_heads = self.spec.n_heads;
        let (q, k) = (self.mapped(fast, q)?, self.mapped(fast, k)?);
        let mut read = self.read(fast, [q, k, v], beta, Hook::FastWeights)?;
        if fast.is_normalised {
            let ones = self.recorder.fill([self.frame.n_rows, n_heads], 1.0);
            let sums = self.read(fast, [q, k, ones], None, Hook::FastSums)?;
            read = self.recorder.head_scale(read, sums, HeadScale::Over(EPS))?;
        }
        Ok(read)
    }

    /// What queries read of the values that keys have written: in a session from the state of `hook`
    /// on, in a batch and in an encoder from nothing.
    fn read(
        &mut self,
        fast: FastWeights,
        [q, k, v]: [TensorId; 3],
        beta: Option<TensorId>,
        hook: Hook,
    ) -> Result<TensorId, ModelError> {
        let n_heads = self.spec.n_heads;
        if self.frame.batch.is_none() && self.spec.causal {
            let memory = self.needed_state(hook)?;
            return Ok(self.recorder.fast_weights([q, k, v], [beta, None], memory, n_heads)?);
        }
        let op = LinearAttention {
            n_sequences: self.frame.batch.map_or(1, |batch| batch.n_sequences),
            n_heads,
            form: Form::Chunked(CHUNK),
            ..LinearAttention::default()
        };
        if let (Some(beta), true) = (beta, fast.is_delta) {
            return Ok(self.recorder.delta_attention([q, k, v], beta, None, op)?.z);
        }
        let before = self.recorder.linear_attention([q, k, v], None, op)?.z;
        if self.spec.causal {
            return Ok(before);
        }
        let op = LinearAttention { reversed: true, strict: true, ..op };
        let after = self.recorder.linear_attention([q, k, v], None, op)?.z;
        self.add(before, after)
    }
}
