//! What papers call one layer and several ops make: normalised features, normalised linear
//! attention, attention by the delta rule.

use super::{LinearAttention, LinearlyAttended};
use crate::error::RecordError;
use crate::ops::delta_rule::DeltaRule;
use crate::ops::head_scale::HeadScale;
use crate::recording::Recorder;
use crate::tensor::{Shape, TensorId};

impl Recorder {
    /// Features over their sum, head by head: `φ/(Σφ + ε)` (Schlag et al. 2021).
    ///
    /// # Errors
    /// If the columns are not whole heads.
    pub fn sum_normalised(
        &mut self,
        x: TensorId,
        n_heads: usize,
        eps: f32,
    ) -> Result<TensorId, RecordError> {
        let ones = self.fill(self.shape(x), 1.0);
        let sums = self.head_dots(x, ones, n_heads)?;
        self.head_scale(x, sums, HeadScale::Over(eps))
    }

    /// Linear attention whose weights sum to one: over `Σ_s D_ts (q_t·k_s) + ε`, which is linear
    /// attention to ones (Katharopoulos et al. 2020).
    ///
    /// # Errors
    /// As [`Recorder::linear_attention`].
    pub fn normalised_linear_attention(
        &mut self,
        [q, k, v]: [TensorId; 3],
        decay: Option<TensorId>,
        op: LinearAttention,
        eps: f32,
    ) -> Result<LinearlyAttended, RecordError> {
        let attended = self.linear_attention([q, k, v], decay, op)?;
        let ones = self.fill(Shape::from([self.shape(v).n_rows(), op.n_heads]), 1.0);
        let sums = self.linear_attention([q, k, ones], decay, op)?.z;
        let z = self.head_scale(attended.z, sums, HeadScale::Over(eps))?;
        Ok(LinearlyAttended { z, ..attended })
    }

    /// Attention by the delta rule: what [`DeltaRule`] writes, read by linear attention (Schlag et
    /// al. 2021).
    ///
    /// # Errors
    /// As [`Recorder::delta_rule`].
    pub fn delta_attention(
        &mut self,
        [q, k, v]: [TensorId; 3],
        beta: TensorId,
        decay: Option<TensorId>,
        op: LinearAttention,
    ) -> Result<LinearlyAttended, RecordError> {
        let written = self.delta_rule([k, v, beta], decay, DeltaRule { of: op })?.written;
        self.linear_attention([q, k, written], decay, op)
    }
}
