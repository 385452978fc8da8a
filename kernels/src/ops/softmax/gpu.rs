//! GPU side of [`super::Softmax`].

use super::{Reach, Softmax};
use crate::engine::dispatch::{Dispatch, Operand, REDUCE, STEP, Shader, Site, flag, groups_of, params};
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `softmax.wgsl`.
    SoftmaxParams {
        n_maps: u32,
        n_rows: u32,
        n_cols: u32,
        n_out_rows: u32,
        n_bias_maps: u32,
        causal: u32,
        until_filled: u32,
        into_state: u32,
        has_padding: u32,
        has_bias: u32,
        window: u32,
        alibi: u32,
        n_distances: u32,
    }
}

const SOFTMAX: Shader =
    Shader::new::<SoftmaxParams>("softmax", &[STEP, REDUCE, wgsl!("softmax.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SOFTMAX];

/// What distance costs, where it counts: the slopes of the maps, or the input that says it of each.
pub(crate) fn slopes_operand(
    site: &Site<'_>,
    reach: Reach,
    n_maps: usize,
    distances_idx: Option<usize>,
) -> Operand {
    match (distances_idx, reach.slopes(n_maps)) {
        (Some(idx), _) => site.read(idx),
        (None, slopes) if slopes.is_empty() => Operand::Absent,
        (None, slopes) => Operand::Table(slopes.into_iter().map(f32::to_bits).collect()),
    }
}

pub(crate) fn dispatches(op: &Softmax, site: &Site<'_>) -> Vec<Dispatch> {
    let shape = site.input(0).shape;
    let (n_maps, n_rows, n_cols) = (shape.dims()[0], shape.dims()[1], shape.dims()[2]);
    let bias_idx = 1 + usize::from(op.has_padding);
    let distances_idx = bias_idx + usize::from(op.has_bias);
    let n_bias_maps = if op.has_bias { site.input(bias_idx).shape.dims()[0] } else { 1 };
    let params = SoftmaxParams {
        n_maps: n_maps as u32,
        n_rows: n_rows as u32,
        n_cols: n_cols as u32,
        n_out_rows: site.output(0).shape.dims()[1] as u32,
        n_bias_maps: n_bias_maps as u32,
        causal: flag(op.causal),
        until_filled: flag(op.until_filled),
        into_state: flag(op.into_state),
        has_padding: flag(op.has_padding),
        has_bias: flag(op.has_bias),
        window: op.reach.window as u32,
        alibi: flag(op.reach.alibi),
        n_distances: if op.has_distances { site.input(distances_idx).shape.n_cols() as u32 } else { 0 },
    };
    let operands = vec![
        site.read(0),
        site.read_if(op.has_padding, 1),
        site.read_if(op.has_bias, bias_idx),
        slopes_operand(site, op.reach, n_maps, op.has_distances.then_some(distances_idx)),
        site.write(0),
    ];
    let dispatch = Dispatch::new(SOFTMAX, &params, operands, groups_of(n_maps * n_rows))
        .constant("WORKGROUP_SIZE", site.reduction_width(n_cols))
        .work(4 * shape.len() as u64);
    vec![dispatch]
}
