//! Dropout (Srivastava et al. 2014): values are zeroed with a probability, the others scaled so
//! that the mean stays.
//!
//! Which ones follows from a counter (Philox4x32-10, Salmon et al. 2011, "Parallel Random Numbers:
//! As Easy as 1, 2, 3"): key = the seed, counter = (value's index / 4, stream). So every engine
//! drops the same values, and the gradient drops them again without a mask in memory.
//!
//! Shapes: x any, seed `[2]` u32 → like x.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
pub(crate) mod philox;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of dropout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Probability of zero, from 0 up to but not including 1.
    pub rate: f32,
    /// Tells the sites of one recording apart.
    pub stream: u32,
}

impl Dropout {
    /// Random words below this are dropped.
    pub(crate) fn threshold(self) -> u32 {
        (f64::from(self.rate) * 4_294_967_296.0) as u32
    }

    /// What is kept is multiplied by this.
    pub(crate) fn factor(self) -> f32 {
        1.0 / (1.0 - self.rate)
    }

    pub(crate) fn is_valid(self) -> bool {
        (0.0..1.0).contains(&self.rate)
    }
}

impl Recorder {
    /// Records [`Dropout`]: inputs x, seed. A rate of 0 records nothing and gives x.
    ///
    /// # Errors
    /// If the seed is not two u32 or the rate not a probability below 1.
    pub fn dropout(
        &mut self,
        x: TensorId,
        seed: TensorId,
        op: Dropout,
    ) -> Result<TensorId, RecordError> {
        let fits = self.dtype(seed) == DType::U32 && self.shape(seed).len() == 2 && op.is_valid();
        self.expect(fits, "dropout", &[x, seed], || format!("x, seed [2] u32; {op:?}"))?;
        if op.rate == 0.0 {
            return Ok(x);
        }
        let shape = self.shape(x);
        Ok(self.push(Op::Dropout(op), vec![x, seed], &[(shape, DType::F32)])[0])
    }
}
