//! FlashAttention (Dao et al. 2022, arXiv 2205.14135), as Room 10 shows it: one head by matrices and by
//! blocks ([`compare`]), a walk over the tiles ([`walk`]) and back ([`walk_back`]), a backward pass that computes the pattern again
//! ([`backward`]), what the kernels move ([`traffic`]) and how long they take ([`timing`]); and other ways
//! to attend on the same rows ([`zoo`]).

mod back_walk;
pub mod backward;
mod lsh;
pub mod timing;
pub mod traffic;
mod walk;
pub mod zoo;

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention_flash::AttentionFlash;
use vitrine_kernels::ops::attention_scores::AttentionScores;
use vitrine_kernels::ops::attention_values::AttentionValues;
use vitrine_kernels::ops::softmax::Masks;
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, RecordError, Recorder, Step, TensorId,
};

use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::normal;
pub use back_walk::{BackWalk, Gradients, gradient_of, walk_back};
pub use walk::{Stage, Walk, walk};

/// Added to a score that shall not count: finite, and far below all others.
const HIDDEN: f32 = f32::MIN / 2.0;

/// One head's queries, keys and values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Qkv {
    /// T.
    pub n_rows: u32,
    /// S.
    pub n_keys: u32,
    /// d.
    pub d_head: u32,
    /// Queries, `[T, d]`.
    pub q: Vec<f32>,
    /// Keys, `[S, d]`.
    pub k: Vec<f32>,
    /// Values, `[S, d]`.
    pub v: Vec<f32>,
}

impl Qkv {
    /// Normal values of a seed.
    pub fn random([n_rows, n_keys]: [u32; 2], d_head: u32, seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let mut draw = |n: u32| (0..n * d_head).map(|_| normal(&mut random)).collect();
        Self { n_rows, n_keys, d_head, q: draw(n_rows), k: draw(n_keys), v: draw(n_keys) }
    }

    /// T and S.
    pub fn extents(&self) -> [usize; 2] {
        [self.n_rows as usize, self.n_keys as usize]
    }

    fn d(&self) -> usize {
        self.d_head as usize
    }

    /// The three as inputs of a recording.
    pub(super) fn record(&self, recorder: &mut Recorder) -> [TensorId; 3] {
        let [n_rows, n_keys] = self.extents();
        [n_rows, n_keys, n_keys].map(|n| recorder.input([n, self.d()], DType::F32))
    }

    /// Their values, in that order.
    pub(super) fn inputs(&self) -> [InputData<'_>; 3] {
        [&self.q, &self.k, &self.v].map(|values| InputData::F32(values))
    }
}

/// One head of `d` columns with the scale 1/√d.
pub(super) fn heads_of(d: usize) -> AttentionScores {
    AttentionScores {
        n_heads: 1,
        n_kv_heads: 1,
        d_head: d,
        scale: (d as f32).powf(-0.5),
        all_keys: true,
        keys_in_state: false,
    }
}

/// What a visitor can set of a walk over tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// B_r, rows of a block of queries.
    pub block_rows: u32,
    /// B_c, rows of a block of keys.
    pub block_keys: u32,
    /// Whether rows see no keys after their own.
    pub causal: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { block_rows: 16, block_keys: 16, causal: true }
    }
}

impl Rules {
    /// The op, for heads of `d` columns.
    pub fn op(self, d: usize) -> AttentionFlash {
        AttentionFlash {
            heads: heads_of(d),
            block_rows: self.block_rows as usize,
            block_keys: self.block_keys as usize,
            causal: self.causal,
            n_passes: 0,
            has_tiles: false,
        }
    }

    /// The tiles that are computed for T rows and S keys, each a block of queries and one of keys, in the
    /// order in which one workgroup after another would take them.
    pub fn tiles(self, extents: [usize; 2]) -> Vec<[usize; 2]> {
        let op = self.op(1);
        let passing = |block| (0..op.n_passing(block, extents)).map(move |pass| [block, pass]);
        (0..op.n_blocks(extents)[0]).flat_map(passing).collect()
    }

    /// Where the first row stands among S keys: the last row sees the last key.
    fn step(self, [n_rows, n_keys]: [usize; 2]) -> Step {
        let past = if self.causal { n_keys.saturating_sub(n_rows) } else { 0 };
        Step { past: past as u32, ..Step::default() }
    }
}

/// The same attention twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compared {
    /// By matrices, `[T, d]`.
    pub matrices: Vec<f32>,
    /// By blocks, `[T, d]`.
    pub blocks: Vec<f32>,
    /// ‖blocks − matrices‖ / ‖matrices‖.
    pub error: f64,
}

/// One head by three kernels that leave scores and pattern in memory, and by blocks. `tiles`, where given,
/// says of each pair of blocks whether it counts; each row must see something.
///
/// # Errors
/// If blocks or tiles do not fit; what the engine reports.
pub async fn compare(
    engine: &mut Engine,
    qkv: &Qkv,
    rules: Rules,
    tiles: Option<&[u32]>,
    control: &Control,
) -> Result<Compared, ModelError> {
    let op = rules.op(qkv.d());
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let [n_rows, n_keys] = qkv.extents();
    let marks = tiles.map(|tiles| recorder.input([tiles.len()], DType::U32));
    let bias = tiles.map(|_| recorder.input([1, n_rows, n_keys], DType::F32));
    let blocks = recorder.attention_flash(inputs, marks, op)?.z;
    let matrices = by_matrices(&mut recorder, inputs, op.heads, rules.causal, bias)?.z;
    let mask = tiles.map(|tiles| bias_of(&cells_of(tiles, op, [n_rows, n_keys])));
    let mut values = qkv.inputs().to_vec();
    if let (Some(tiles), Some(mask)) = (tiles, &mask) {
        values.extend([InputData::U32(tiles), InputData::F32(mask)]);
    }
    let step = rules.step([n_rows, n_keys]);
    let found = run(engine, recorder, step, &values, &[matrices, blocks], control).await?;
    let [matrices, blocks] = <[Vec<f32>; 2]>::try_from(found).unwrap_or_default();
    let error = relative(&blocks, &matrices);
    Ok(Compared { matrices, blocks, error })
}

/// What three kernels leave behind.
struct Matrices {
    /// `[1, T, S]`.
    scores: TensorId,
    /// `[1, T, S]`.
    pattern: TensorId,
    /// `[T, d]`.
    z: TensorId,
}

/// Attention as three kernels: scores, softmax, values.
fn by_matrices(
    recorder: &mut Recorder,
    [q, k, v]: [TensorId; 3],
    heads: AttentionScores,
    causal: bool,
    bias: Option<TensorId>,
) -> Result<Matrices, RecordError> {
    let n_rows = recorder.shape(q).n_rows();
    let scores = recorder.attention_scores(q, k, heads)?;
    let pattern = recorder.softmax(scores, Masks { causal, bias, ..Masks::default() })?;
    let z = recorder.attention_values(pattern, v, n_rows, values_of(heads.d_head))?;
    Ok(Matrices { scores, pattern, z })
}

/// One head of values.
fn values_of(d_head: usize) -> AttentionValues {
    AttentionValues {
        n_heads: 1,
        n_kv_heads: 1,
        d_head,
        pattern_in_state: false,
        all_values: true,
        values_in_state: false,
    }
}

/// Of each cell `[T, S]` whether its tile counts.
fn cells_of(tiles: &[u32], op: AttentionFlash, [n_rows, n_keys]: [usize; 2]) -> Vec<bool> {
    let [_, n_across] = op.n_blocks([n_rows, n_keys]);
    let is_seen = |at: usize| {
        let (row, key) = (at / n_keys, at % n_keys);
        let tile = row / op.block_rows * n_across + key / op.block_keys;
        tiles.get(tile).is_some_and(|&mark| mark != 0)
    };
    (0..n_rows * n_keys).map(is_seen).collect()
}

/// What is added to scores so that only these cells count.
fn bias_of(cells: &[bool]) -> Vec<f32> {
    cells.iter().map(|&is_seen| if is_seen { 0.0 } else { HIDDEN }).collect()
}

/// Runs a recording once; the values of the tensors asked for.
pub(super) async fn run(
    engine: &mut Engine,
    mut recorder: Recorder,
    step: Step,
    inputs: &[InputData<'_>],
    ids: &[TensorId],
    control: &Control,
) -> Result<Vec<Vec<f32>>, ModelError> {
    ids.iter().for_each(|&id| recorder.keep(id));
    let recording = recorder.finish();
    let reads: Vec<_> = ids.iter().map(|&id| Read::tensor(&recording, id)).collect();
    let values = engine.run(&recording, inputs, step, &reads, control).await;
    engine.forget(recording.id());
    Ok(values?)
}

/// ‖a − b‖ / ‖b‖; NaN where either has one, infinite where the lengths differ.
pub fn relative(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    let square = |x: f64| x * x;
    let off: f64 = a.iter().zip(b).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let size: f64 = b.iter().map(|&b| square(b.into())).sum();
    if off == 0.0 { 0.0 } else { (off / size).sqrt() }
}
