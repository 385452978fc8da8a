//! GPU side of [`super::PolicyLossGradient`].

use super::PolicyLossGradient;
use crate::engine::dispatch::{Dispatch, REDUCE, Shader, Site, groups_of};
use crate::ops::cross_entropy_gradient::gpu::COUNTED;
use crate::ops::policy_loss::gpu::PolicyLossParams;
use crate::shader_text::wgsl;

const POLICY_LOSS_GRADIENT: Shader = Shader::new::<PolicyLossParams>(
    "policy_loss_gradient",
    &[REDUCE, COUNTED, wgsl!("policy_loss_gradient.wgsl")],
);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[POLICY_LOSS_GRADIENT];

pub(crate) fn dispatches(_: &PolicyLossGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let (n_rows, n_cols) = (shape.n_rows(), shape.n_cols());
    let params = PolicyLossParams { n_rows: n_rows as u32, n_cols: n_cols as u32, clip: 0.0 };
    let operands = vec![site.read(0), site.read(1), site.read(2), site.read(3), site.write(0)];
    // Each workgroup counts the actions for itself, and so serves several rows.
    let groups = groups_of(n_rows.div_ceil(8));
    let dispatch = Dispatch::new(POLICY_LOSS_GRADIENT, &params, operands, groups)
        .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
        .work((shape.len() + n_rows * n_rows.div_ceil(8)) as u64);
    vec![dispatch]
}
