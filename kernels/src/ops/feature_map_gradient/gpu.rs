//! GPU side of [`super::FeatureMapGradient`].

use super::FeatureMapGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site};
use crate::ops::attention::gpu::one_each;
use crate::ops::feature_map::gpu::{FEATURES, FeatureMapParams};
use crate::shader_text::wgsl;

const FEATURE_MAP_GRADIENT: Shader = Shader::new::<FeatureMapParams>(
    "feature_map_gradient",
    &[FEATURES, wgsl!("feature_map_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[FEATURE_MAP_GRADIENT];

pub(crate) fn dispatches(op: &FeatureMapGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let is_random = op.of.features.is_random();
    let m = if is_random { site.input(3).shape.n_rows() } else { 0 };
    let n = site.input(0).shape.len();
    let params = FeatureMapParams::new(&op.of, n, m);
    let operands =
        vec![site.read(0), site.read_if(is_random, 3), site.read(1), site.read(2), site.write(0)];
    let work = n * (params.d_features as usize).max(1);
    vec![Dispatch::new(FEATURE_MAP_GRADIENT, &params, operands, one_each(n)).work(work as u64)]
}
