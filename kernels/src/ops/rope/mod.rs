//! Rotary position embedding (Su et al. 2021, arXiv 2104.09864): pairs of columns of each head
//! turn by `position · base^(−2i/n_rotary)`.
//!
//! Shapes: x `[T, n_heads·d_head]`, positions `[T]` u32, frequency factors `[n_rotary/2]`
//! (optional; the angle's frequency is divided by them, as GGUF's `rope_freqs`) → like x.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Which columns form a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RopePairs {
    /// Column i with column i + n_rotary/2 (GPT-NeoX, Llama in transformers).
    Halves,
    /// Column 2i with column 2i + 1 (GPT-J, Llama in GGUF and the original code).
    Interleaved,
}

/// Parameters of a rotary embedding.
#[derive(Clone, Copy, Debug)]
pub struct Rope {
    /// Columns of one head.
    pub d_head: usize,
    /// How many leading columns of each head turn (even, ≤ d_head).
    pub n_rotary: usize,
    /// Base of the frequencies, 10000 in the paper.
    pub base: f32,
    /// Which columns form a pair.
    pub pairs: RopePairs,
    /// Whether a third input divides the frequencies.
    pub has_factors: bool,
    /// Turns back.
    pub inverse: bool,
}

impl Recorder {
    /// Records [`Rope`]: inputs x, positions and perhaps frequency factors
    /// (`params.has_factors` is set to match).
    ///
    /// # Errors
    /// If the columns are not whole heads, n_rotary is odd or above d_head, or the positions or
    /// factors have another length.
    pub fn rope(
        &mut self,
        x: TensorId,
        positions: TensorId,
        factors: Option<TensorId>,
        params: Rope,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let params = Rope { has_factors: factors.is_some(), ..params };
        let inputs: Vec<_> = [Some(x), Some(positions), factors].into_iter().flatten().collect();
        let fits = shape.dims().len() == 2
            && params.d_head > 0
            && shape.n_cols().is_multiple_of(params.d_head)
            && params.n_rotary.is_multiple_of(2)
            && params.n_rotary <= params.d_head
            && self.dtype(positions) == DType::U32
            && self.shape(positions).len() == shape.n_rows()
            && factors.is_none_or(|factors| self.shape(factors).len() == params.n_rotary / 2);
        self.expect(fits, "rope", &inputs, || format!("whole heads for {params:?}"))?;
        Ok(self.push(Op::Rope(params), inputs, &[(shape, DType::F32)])[0])
    }
}
