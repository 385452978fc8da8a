//! GPU side of [`super::Thumbnail`].

use super::Thumbnail;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `thumbnail.wgsl`.
    ThumbnailParams {
        n_maps: u32,
        n_map_rows: u32,
        n_map_cols: u32,
        side: u32,
        first_map: u32,
        n_rows: u32,
    }
}

const THUMBNAIL: Shader =
    Shader::new::<ThumbnailParams>("thumbnail", &[STEP, wgsl!("thumbnail.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[THUMBNAIL];

pub(crate) fn dispatches(op: &Thumbnail, site: &Site<'_>) -> Vec<Dispatch> {
    let maps = site.input(0).shape;
    let side = site.output(0).shape.n_cols();
    let params = ThumbnailParams {
        n_maps: maps.dims()[0] as u32,
        n_map_rows: maps.dims()[1] as u32,
        n_map_cols: maps.dims()[2] as u32,
        side: side as u32,
        first_map: op.first_map as u32,
        n_rows: op.n_rows as u32,
    };
    let operands = vec![site.read(0), site.write(0)];
    let groups = [(side * side).div_ceil(64) as u32, maps.dims()[0] as u32, 1];
    let work = maps.dims()[0] * side * side;
    vec![Dispatch::new(THUMBNAIL, &params, operands, groups).work(work as u64)]
}
