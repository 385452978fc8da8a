//! GPU side of [`super::FastWeights`]: a row of a head's fast weights an invocation, tokens in order.

use super::FastWeights;
use crate::engine::dispatch::{Dispatch, STEP, Shader, Site, flag, params};
use crate::ops::attention::gpu::one_each;
use crate::ops::gru::gpu::chunks;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `fast_weights.wgsl`.
    FastWeightsParams {
        n_heads: u32,
        d_key: u32,
        d_value: u32,
        has_beta: u32,
        has_decay: u32,
        first: u32,
        end: u32,
    }
}

const FAST_WEIGHTS: Shader =
    Shader::new::<FastWeightsParams>("fast_weights", &[STEP, wgsl!("fast_weights.wgsl")]);

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[FAST_WEIGHTS];

pub(crate) fn dispatches(op: &FastWeights, site: &Site<'_>) -> Vec<Dispatch> {
    let [d_key, d_value] = [1, 2].map(|idx| site.input(idx).shape.n_cols() / op.n_heads);
    let operands = [
        site.read(0),
        site.read(1),
        site.read(2),
        site.read_if(op.has_beta, 3),
        site.read_if(op.has_decay, 3 + usize::from(op.has_beta)),
        site.write(0),
        site.write(1),
    ];
    let work = 3 * op.n_heads * d_key * d_value;
    let launch = |rows: std::ops::Range<usize>| {
        let params = FastWeightsParams {
            n_heads: op.n_heads as u32,
            d_key: d_key as u32,
            d_value: d_value as u32,
            has_beta: flag(op.has_beta),
            has_decay: flag(op.has_decay),
            first: rows.start as u32,
            end: rows.end as u32,
        };
        let groups = one_each(op.n_heads * d_value);
        let n = (rows.len() * work) as u64;
        Dispatch::new(FAST_WEIGHTS, &params, operands.to_vec(), groups).work(n)
    };
    chunks(site, site.input(0).shape.n_rows(), work).map(launch).collect()
}
