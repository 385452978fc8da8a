//! GPU side of [`super::PairLossGradient`].

use super::PairLossGradient;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of};
use crate::ops::pair_loss::gpu::PairLossParams;
use crate::shader_text::wgsl;

const PAIR_LOSS_GRADIENT: Shader =
    Shader::new::<PairLossParams>("pair_loss_gradient", &[wgsl!("pair_loss_gradient.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[PAIR_LOSS_GRADIENT];

pub(crate) fn dispatches(op: &PairLossGradient, site: &Site<'_>) -> Vec<Dispatch> {
    let [n_rows, n_cols] = op.of.extents(site.input(0).shape);
    let params =
        PairLossParams { n_rows: n_rows as u32, n_cols: n_cols as u32, kind: op.of.number() };
    let operands = vec![site.read(0), site.read(1), site.read(2), site.read(3), site.write(0)];
    let groups = groups_of((n_rows * n_cols).div_ceil(64));
    vec![Dispatch::new(PAIR_LOSS_GRADIENT, &params, operands, groups)]
}
