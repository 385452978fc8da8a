//! Feature maps φ of linear attention, head by head.
//!
//! - elu(x) + 1 (Katharopoulos et al. 2020, arXiv 2006.16236), ReLU;
//! - DPFP-ν (Schlag et al. 2021, arXiv 2102.11174): with r = ReLU([x, −x]), `r_i·r_{i+s}` for s = 1…ν,
//!   indices around the circle;
//! - FAVOR+ (Choromanski et al. 2020, arXiv 2009.14794) with the rows of ω as random directions:
//!   positive `exp(ω·x − ‖x‖²/2)/√m`, trigonometric `exp(‖x‖²/2)/√m·[sin ω·x, cos ω·x]`. The
//!   hyperbolic features are the positive ones of [ω, −ω]. Their kernel is exp(xᵀy): for the softmax
//!   of products over √d the caller scales x by d^−¼.
//!
//! Shapes: x `[T, n_heads·d_head]`, ω `[m, d_head]` (FAVOR+ only; all heads share it) → `[T,
//! n_heads·d_features]`: DPFP-ν shift by shift, 2·d_head each; sines before cosines.

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

/// Which map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Features {
    /// x itself.
    Identity,
    /// x + 1 above 0, exp(x) below.
    #[default]
    EluPlusOne,
    /// The positive part.
    Relu,
    /// Deterministic parameter-free projection with ν shifts.
    Dpfp(usize),
    /// Positive random features.
    FavorPositive,
    /// Trigonometric random features.
    FavorTrigonometric,
}

impl Features {
    /// Whether it needs random directions.
    pub fn is_random(self) -> bool {
        matches!(self, Self::FavorPositive | Self::FavorTrigonometric)
    }

    /// d_features for heads of `d_head` columns and `m` random directions.
    pub fn width(self, d_head: usize, m: usize) -> usize {
        match self {
            Self::Identity | Self::EluPlusOne | Self::Relu => d_head,
            Self::Dpfp(nu) => 2 * d_head * nu,
            Self::FavorPositive => m,
            Self::FavorTrigonometric => 2 * m,
        }
    }
}

/// Parameters of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeatureMap {
    /// Which.
    pub features: Features,
    /// Columns of a head.
    pub d_head: usize,
}

impl Recorder {
    /// Records [`FeatureMap`]: inputs x and perhaps ω.
    ///
    /// # Errors
    /// If the columns are not whole heads, there are no shifts, or ω is missing or does not fit.
    pub fn feature_map(
        &mut self,
        x: TensorId,
        omega: Option<TensorId>,
        op: FeatureMap,
    ) -> Result<TensorId, RecordError> {
        let (shape, d) = (self.shape(x), op.d_head);
        let m = omega.map_or(0, |omega| self.shape(omega).n_rows());
        let fits = shape.dims().len() == 2
            && d > 0
            && shape.n_cols().is_multiple_of(d)
            && op.features.is_random() == omega.is_some()
            && omega.is_none_or(|omega| self.shape(omega).dims() == [m, d])
            && op.features.width(d, m) > 0;
        let inputs: Vec<_> = [Some(x), omega].into_iter().flatten().collect();
        self.expect(fits, "feature_map", &inputs, || {
            format!("x [T, n_heads·{d}], ω [m, {d}] where {:?} needs it", op.features)
        })?;
        let d_features = op.features.width(d, m);
        let mapped = Shape::from([shape.n_rows(), shape.n_cols() / d * d_features]);
        Ok(self.push(Op::FeatureMap(op), inputs, &[(mapped, DType::F32)])[0])
    }
}
