//! GPU side of [`super::FeatureMap`].

use super::{FeatureMap, Features};
use crate::engine::dispatch::{Dispatch, Shader, Site, params};
use crate::ops::attention::gpu::one_each;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the shaders of feature maps and of their gradients.
    FeatureMapParams { n_heads: u32, d: u32, d_features: u32, kind: u32, m: u32, }
}

/// What the map and its gradient share.
pub(crate) const FEATURES: &str = wgsl!("../shared/features.wgsl");

const FEATURE_MAP: Shader =
    Shader::new::<FeatureMapParams>("feature_map", &[FEATURES, wgsl!("feature_map.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[FEATURE_MAP];

impl FeatureMapParams {
    /// Of `n` values before the map and `m` random directions.
    pub(crate) fn new(op: &FeatureMap, n: usize, m: usize) -> Self {
        let kind = match op.features {
            Features::Identity => 0,
            Features::EluPlusOne => 1,
            Features::Relu => 2,
            Features::Dpfp(_) => 3,
            Features::FavorPositive => 4,
            Features::FavorTrigonometric => 5,
        };
        Self {
            n_heads: (n / op.d_head) as u32,
            d: op.d_head as u32,
            d_features: op.features.width(op.d_head, m) as u32,
            kind,
            m: m as u32,
        }
    }
}

pub(crate) fn dispatches(op: &FeatureMap, site: &Site<'_>) -> Vec<Dispatch> {
    let is_random = op.features.is_random();
    let m = if is_random { site.input(1).shape.n_rows() } else { 0 };
    let params = FeatureMapParams::new(op, site.input(0).shape.len(), m);
    let operands = vec![site.read(0), site.read_if(is_random, 1), site.write(0)];
    let n = site.output(0).shape.len();
    let work = if is_random { n * op.d_head } else { n };
    vec![Dispatch::new(FEATURE_MAP, &params, operands, one_each(n)).work(work as u64)]
}
