//! GPU side of [`super::LinearAttention`], by form: the pattern and its values; tokens in order over
//! fast weights; those before each chunk, then all tokens at once.

use super::{Form, LinearAttention};
use crate::engine::dispatch::{Dispatch, Operand, Shader, Site, flag, groups_of, params};
use crate::ops::attention::gpu::one_each;
use crate::ops::gru::gpu::chunks;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of the shaders of linear attention and of the delta rule.
    LinearParams {
        n_maps: u32,
        n_rows: u32,
        n_heads: u32,
        d_key: u32,
        d_value: u32,
        reversed: u32,
        strict: u32,
        has_decay: u32,
        chunk: u32,
        first: u32,
        end: u32,
    }
}

/// What the shaders share.
pub(crate) const LINEAR: &str = wgsl!("../shared/linear.wgsl");

/// A shader over [`LinearParams`].
macro_rules! shader {
    ($name:literal, $file:literal) => {
        Shader::new::<LinearParams>($name, &[LINEAR, wgsl!($file)])
    };
}

/// Weighed products of all pairs; the delta rule has them too.
pub(crate) const PATTERN: Shader = shader!("linear_attention.pattern", "pattern.wgsl");
const VALUES: Shader = shader!("linear_attention.values", "values.wgsl");
const RECURRENT: Shader = shader!("linear_attention.recurrent", "recurrent.wgsl");
const MEMORIES: Shader = shader!("linear_attention.memories", "memories.wgsl");
const CHUNKED: Shader = shader!("linear_attention.chunked", "chunked.wgsl");

/// All shaders of this op.
pub(crate) const SHADERS: &[Shader] = &[PATTERN, VALUES, RECURRENT, MEMORIES, CHUNKED];

impl LinearParams {
    /// The op's numbers, with keys and values of the site's inputs `k` and `v`.
    pub(crate) fn new(op: &LinearAttention, site: &Site<'_>, [k, v]: [usize; 2]) -> Self {
        let [d_key, d_value] = [k, v].map(|idx| site.input(idx).shape.n_cols() / op.n_heads);
        let n_rows = site.input(k).shape.n_rows() / op.n_sequences;
        Self {
            n_maps: op.n_maps() as u32,
            n_rows: n_rows as u32,
            n_heads: op.n_heads as u32,
            d_key: d_key as u32,
            d_value: d_value as u32,
            reversed: flag(op.reversed),
            strict: flag(op.strict),
            has_decay: flag(op.has_decay),
            chunk: op.form.chunk() as u32,
            first: 0,
            end: n_rows as u32,
        }
    }

    /// Rows of all maps.
    pub(crate) fn n_items(&self) -> usize {
        self.n_maps as usize * self.n_rows as usize
    }

    /// One launch of a shader that goes through the tokens in order, or several short ones; `work` is
    /// that of a token.
    pub(crate) fn in_order(
        self,
        site: &Site<'_>,
        shader: Shader,
        operands: &[Operand],
        work: usize,
    ) -> Vec<Dispatch> {
        let groups = one_each((self.n_maps * self.d_value) as usize);
        // Short launches; of chunks, whole ones.
        let step = (self.chunk as usize).max(1);
        let n_steps = (self.n_rows as usize).div_ceil(step);
        let launch = |steps: std::ops::Range<usize>| {
            let end = (steps.end * step).min(self.n_rows as usize);
            let params = Self { first: (steps.start * step) as u32, end: end as u32, ..self };
            let n = (steps.len() * step * work) as u64;
            Dispatch::new(shader, &params, operands.to_vec(), groups).work(n)
        };
        chunks(site, n_steps, step * work).map(launch).collect()
    }
}

pub(crate) fn dispatches(op: &LinearAttention, site: &Site<'_>) -> Vec<Dispatch> {
    let params = LinearParams::new(op, site, [1, 2]);
    let [q, k, v] = [0, 1, 2].map(|idx| site.read(idx));
    let decay = site.read_if(op.has_decay, 3);
    let (n_items, n_rows) = (params.n_items(), params.n_rows as usize);
    let (d_key, d_value) = (params.d_key as usize, params.d_value as usize);
    let n_cells = params.n_maps as usize * d_key * d_value;
    let beside = Operand::Read(site.node.outputs[1]);
    match op.form {
        Form::Attention => {
            let of_pattern = vec![q, k, decay.clone(), site.write(1)];
            let of_values = vec![beside, v, decay, site.write(0)];
            vec![
                Dispatch::new(PATTERN, &params, of_pattern, one_each(n_items))
                    .work((n_items * n_rows * d_key) as u64),
                Dispatch::new(VALUES, &params, of_values, one_each(n_items * d_value))
                    .work((n_items * n_rows * d_value) as u64),
            ]
        }
        Form::Recurrent => {
            let operands = [q, k, v, decay, site.write(0), site.write(1)];
            params.in_order(site, RECURRENT, &operands, 2 * n_cells)
        }
        Form::Chunked(n) => {
            let of_memories = vec![k.clone(), v.clone(), decay.clone(), site.write(1)];
            let of_rows = vec![q, k, v, decay, beside, site.write(0)];
            vec![
                Dispatch::new(MEMORIES, &params, of_memories, one_each(n_cells))
                    .work((n_cells * n_rows) as u64),
                Dispatch::new(CHUNKED, &params, of_rows, groups_of(n_items))
                    .work((n_items * (d_key + n) * (d_value + n)) as u64),
            ]
        }
    }
}
