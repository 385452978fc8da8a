//! GPU side of [`super::Dropout`].

use super::Dropout;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `dropout.wgsl`.
    DropoutParams { n: u32, stream: u32, threshold: u32, factor: f32, }
}

/// The random words.
pub(crate) const PHILOX: &str = wgsl!("../shared/philox.wgsl");

const DROPOUT: Shader = Shader::new::<DropoutParams>("dropout", &[PHILOX, wgsl!("dropout.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[DROPOUT];

pub(crate) fn dispatches(op: &Dropout, site: &Site<'_>) -> Vec<Dispatch> {
    let n = site.output(0).shape.len();
    let params = DropoutParams {
        n: n as u32,
        stream: op.stream,
        threshold: op.threshold(),
        factor: op.factor(),
    };
    let operands = vec![site.read(0), site.read(1), site.write(0)];
    vec![Dispatch::new(DROPOUT, &params, operands, groups_of(n.div_ceil(4).div_ceil(64)))]
}
