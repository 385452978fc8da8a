//! RMSNorm (Zhang, Sennrich 2019, arXiv 1910.07467): `y = x/rms · g`, `rms = √(mean(x²) + ε)`.
//!
//! Shapes: x `[T, d]`, g `[d]` → y `[T, d]`, stats `[T, 2]` holding (mean, rms) of each row. A
//! shorter g, whose length divides d, norms each of a row's groups of so many columns alike (heads
//! of queries and keys: Henry et al. 2020, arXiv 2010.04245); stats are then `[T·groups, 2]`.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use super::layer_norm::Normed;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::TensorId;

/// Parameters of an RMSNorm.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm {
    /// ε, added to the mean square.
    pub eps: f32,
    /// Whether g is given.
    pub has_gain: bool,
}

impl Recorder {
    /// Records [`RmsNorm`]: inputs x and perhaps gain.
    ///
    /// # Errors
    /// If x is no matrix or its columns are no whole groups of the gain's length.
    pub fn rms_norm(
        &mut self,
        x: TensorId,
        gain: Option<TensorId>,
        eps: f32,
    ) -> Result<Normed, RecordError> {
        let op = RmsNorm { eps, has_gain: gain.is_some() };
        self.norm(Op::RmsNorm(op), "rms_norm", [Some(x), gain].into_iter().flatten().collect())
    }
}
