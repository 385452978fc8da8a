//! GPU side of [`super::DeltaRule`], by form: the pattern and its solution; tokens in order over fast
//! weights; chunks by themselves, then one after the other.

use super::DeltaRule;
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site};
use crate::ops::attention::gpu::one_each;
use crate::ops::linear_attention::Form;
use crate::ops::linear_attention::gpu::{LINEAR, LinearParams, PATTERN};
use crate::shader_text::wgsl;

/// A shader of this op.
macro_rules! shader {
    ($name:literal, $file:literal) => {
        Shader::new::<LinearParams>($name, &[LINEAR, wgsl!($file)])
    };
}

const SOLVE: Shader = shader!("delta_rule.solve", "solve.wgsl");
const RECURRENT: Shader = shader!("delta_rule.recurrent", "recurrent.wgsl");
const LOWER: Shader = shader!("delta_rule.lower", "lower.wgsl");
const CHUNKS: Shader = shader!("delta_rule.chunks", "chunks.wgsl");
const BETWEEN: Shader = shader!("delta_rule.between", "between.wgsl");

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[SOLVE, RECURRENT, LOWER, CHUNKS, BETWEEN];

pub(crate) fn dispatches(op: &DeltaRule, site: &Site<'_>) -> Vec<Dispatch> {
    let of = &op.of;
    let params = LinearParams::new(of, site, [0, 1]);
    let [k, v, beta] = [0, 1, 2].map(|idx| site.read(idx));
    let decay = site.read_if(of.has_decay, 3);
    let [written, errors] = [0, 1].map(|idx| site.write(idx));
    let output = |idx: usize| Operand::Read(site.node.outputs[idx]);
    let (n_items, n_rows) = (params.n_items(), params.n_rows as usize);
    let (d_key, d_value) = (params.d_key as usize, params.d_value as usize);
    let n_cells = params.n_maps as usize * d_key * d_value;
    match of.form {
        Form::Attention => {
            let of_pattern = vec![k.clone(), k, decay.clone(), site.write(2)];
            let pattern = Dispatch::new(PATTERN, &params, of_pattern, one_each(n_items))
                .work((n_items * n_rows * d_key) as u64);
            let operands = [output(2), v, beta, decay, written, errors];
            let work = params.n_maps as usize * n_rows * d_value;
            std::iter::once(pattern)
                .chain(params.in_order(site, SOLVE, &operands, work))
                .collect()
        }
        Form::Recurrent => {
            let operands = [k, v, beta, decay, written, errors, site.write(2)];
            params.in_order(site, RECURRENT, &operands, 3 * n_cells)
        }
        Form::Chunked(n) => {
            let of_lower = vec![k.clone(), decay.clone(), site.write(3)];
            let of_chunks = vec![
                k.clone(),
                v,
                beta.clone(),
                decay.clone(),
                output(3),
                errors.clone(),
                site.write(4),
            ];
            let of_between = [k, beta, decay, output(4), errors, written, site.write(2)];
            let n_columns = params.n_maps as usize * n_rows.div_ceil(n) * (d_key + d_value);
            let mut all = vec![
                Dispatch::new(LOWER, &params, of_lower, one_each(n_items))
                    .work((n_items * n * d_key) as u64),
                Dispatch::new(CHUNKS, &params, of_chunks, one_each(n_columns))
                    .work((n_items * n * (d_key + d_value)) as u64),
            ];
            all.extend(params.in_order(site, BETWEEN, &of_between, 2 * n_cells));
            all
        }
    }
}
