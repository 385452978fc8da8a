//! A walk over the tiles: what the kernel holds after each block of keys.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention_flash::AttentionFlash;
use vitrine_kernels::{Control, Engine, Recorder};

use super::super::worse;
use super::{Qkv, Rules, by_matrices, relative, run};
use crate::error::ModelError;

/// What all rows hold once so many blocks of keys have passed each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// O/ℓ, `[T, d]`: the result if no more keys came.
    pub z: Vec<f32>,
    /// (m, ℓ) of each row, `[T, 2]`; −∞ and 0 where it has seen nothing.
    pub stats: Vec<f32>,
}

/// All stages, and the same by matrices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// Blocks of queries, blocks of keys.
    pub n_blocks: [u32; 2],
    /// Scaled scores, `[T, S]`; a tile of them is what a step looks at.
    pub scores: Vec<f32>,
    /// The pattern by matrices, `[T, S]`, which the kernel never has.
    pub pattern: Vec<f32>,
    /// The result by matrices, `[T, d]`.
    pub matrices: Vec<f32>,
    /// After 1, 2, … blocks of keys.
    pub stages: Vec<Stage>,
    /// ‖z − matrices‖ / ‖matrices‖ of the last stage.
    pub error: f64,
    /// The largest of the pattern less `e^(S − m)/ℓ` of the last stage.
    pub pattern_error: f64,
}

/// Runs the kernel once for each number of blocks of keys, and the matrices beside.
///
/// # Errors
/// If the blocks do not fit; what the engine reports.
pub async fn walk(
    engine: &mut Engine,
    qkv: &Qkv,
    rules: Rules,
    control: &Control,
) -> Result<Walk, ModelError> {
    let op = rules.op(qkv.d());
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let [n_blocks, n_across] = op.n_blocks(qkv.extents());
    let plain = by_matrices(&mut recorder, inputs, op.heads, rules.causal, None)?;
    let mut ids = vec![plain.scores, plain.pattern, plain.z];
    for n_passes in 1..=n_across {
        let stage = recorder.attention_flash(inputs, None, AttentionFlash { n_passes, ..op })?;
        ids.extend([stage.z, stage.stats]);
    }
    let step = rules.step(qkv.extents());
    let found = run(engine, recorder, step, &qkv.inputs(), &ids, control).await?;
    let mut found = found.into_iter();
    let mut next = || found.next().unwrap_or_default();
    let (scores, pattern, matrices) = (next(), next(), next());
    let stages: Vec<_> = (0..n_across).map(|_| Stage { z: next(), stats: next() }).collect();
    let last = stages.last();
    let error = last.map_or(f64::INFINITY, |last| relative(&last.z, &matrices));
    let n_keys = qkv.n_keys as usize;
    let of_cell = |(at, &share): (usize, &f32)| {
        let stats = last.map_or(&[][..], |last| &last.stats[at / n_keys * 2..]);
        let (Some(&m), Some(&sum)) = (stats.first(), stats.get(1)) else { return f64::INFINITY };
        // What is masked has no share, whatever its score.
        let of_tiles = if share == 0.0 { 0.0 } else { (scores[at] - m).exp() / sum };
        (f64::from(share) - f64::from(of_tiles)).abs()
    };
    let pattern_error = pattern.iter().enumerate().map(of_cell).fold(0.0, worse);
    let n_blocks = [n_blocks as u32, n_across as u32];
    Ok(Walk { n_blocks, scores, pattern, matrices, stages, error, pattern_error })
}
