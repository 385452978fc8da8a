//! A backward pass with the pattern kept, and one that computes it again from the rows' maxima and sums
//! (Dao et al. 2022, section 3.1).

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention::{Attention, Given};
use vitrine_kernels::{Control, DType, Engine, InputData, Recorder, Step};

use super::{Qkv, relative, run};
use crate::error::ModelError;

/// The same gradients twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backward {
    /// ‖computed again − kept‖ / ‖kept‖ of the gradients of queries, keys and values.
    pub errors: [f64; 3],
    /// Values that lie in memory between the two passes: with the pattern, and without.
    pub n_kept: [u64; 2],
}

/// Gradients of one head, given that of its result, `[T, d]`.
///
/// # Errors
/// If the gradient is not like the queries; what the engine reports.
pub async fn backward(
    engine: &mut Engine,
    qkv: &Qkv,
    gradient: &[f32],
    causal: bool,
    control: &Control,
) -> Result<Backward, ModelError> {
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let [n_rows, _] = qkv.extents();
    let dz = recorder.input([n_rows, qkv.d()], DType::F32);
    let op = attention(qkv.d(), causal);
    let with = recorder.attention(inputs, Given::default(), op)?;
    let without = recorder.attention_recomputed(inputs, Given::default(), op)?;
    let n = |id| recorder.shape(id).len() as u64;
    // z is the result of either; q, k, v are there anyway.
    let n_kept = [n(with.pattern), n(without.stats)];
    let mut ids = recorder.backward_from(&[(with.z, dz)], &inputs)?;
    ids.extend(recorder.backward_from(&[(without.z, dz)], &inputs)?);
    let values = [&qkv.inputs()[..], &[InputData::F32(gradient)]].concat();
    let found = run(engine, recorder, Step::default(), &values, &ids, control).await?;
    let errors = [0, 1, 2].map(|idx| relative(&found[3 + idx], &found[idx]));
    Ok(Backward { errors, n_kept })
}

/// One head of one sequence.
pub(super) fn attention(d: usize, causal: bool) -> Attention {
    Attention {
        n_sequences: 1,
        n_heads: 1,
        n_kv_heads: 1,
        d_head: d,
        scale: (d as f32).powf(-0.5),
        causal,
        ..Attention::default()
    }
}
