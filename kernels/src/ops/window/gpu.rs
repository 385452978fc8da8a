//! GPU side of [`super::Window`]: one value an invocation.

use super::Window;
use crate::engine::dispatch::{Dispatch, Shader, Site, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `window.wgsl`.
    WindowParams { n_values: u32, n_from: u32, n_cols: u32, shift: i32, }
}

const WINDOW: Shader = Shader::new::<WindowParams>("window", &[wgsl!("window.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[WINDOW];

pub(crate) fn dispatches(op: &Window, site: &Site<'_>) -> Vec<Dispatch> {
    let n_values = site.output(0).shape.len();
    let params = WindowParams {
        n_values: n_values as u32,
        n_from: (site.input(0).shape.len() / op.n_rows) as u32,
        n_cols: op.n_cols as u32,
        shift: op.shift as i32,
    };
    let operands = vec![site.read(0), site.write(0)];
    vec![Dispatch::new(WINDOW, &params, operands, groups_of(n_values.div_ceil(64)))]
}
