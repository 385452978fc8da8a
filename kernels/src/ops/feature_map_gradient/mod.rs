//! Gradient of a feature map, from what it gave.
//!
//! Of elu + 1 and ReLU dy times the slope; of DPFP-ν the product rule over r = ReLU([x, −x]); of
//! positive features `Σ dy·y·(ω − x)`; of trigonometric ones, with a sine s and cosine c of each
//! direction, `Σ (ds·c − dc·s)·ω + (Σ dy·y)·x`.
//!
//! Shapes: x `[T, n_heads·d_head]`, y and dy as the map gave, ω `[m, d_head]` → like x.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use super::Op;
use super::feature_map::FeatureMap;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};

/// Parameters of the gradient of a feature map.
#[derive(Clone, Copy, Debug)]
pub struct FeatureMapGradient {
    /// The map.
    pub of: FeatureMap,
}

impl Recorder {
    /// Records [`FeatureMapGradient`]: inputs x, y, dy and perhaps ω.
    ///
    /// # Errors
    /// If they are not those of one map.
    pub fn feature_map_gradient(
        &mut self,
        x: TensorId,
        [y, dy]: [TensorId; 2],
        omega: Option<TensorId>,
        of: FeatureMap,
    ) -> Result<TensorId, RecordError> {
        let shape = self.shape(x);
        let fits = self.shape(y) == self.shape(dy) && self.shape(y).n_rows() == shape.n_rows();
        self.expect(fits, "feature_map_gradient", &[x, y, dy], || "x, y and dy like y".to_owned())?;
        let inputs = [Some(x), Some(y), Some(dy), omega].into_iter().flatten().collect();
        let op = Op::FeatureMapGradient(FeatureMapGradient { of });
        Ok(self.push(op, inputs, &[(shape, DType::F32)])[0])
    }
}
