//! A walk over the tiles of the backward pass (Dao et al. 2022, algorithm 4): a block of keys and values stays, blocks
//! of queries pass, and each tile of the pattern is computed again from the rows' maxima and sums. Beside it the same
//! gradients by matrices.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention_flash_gradient::AttentionFlashGradient;
use vitrine_kernels::ops::matmul::Matmul;
use vitrine_kernels::{Control, DType, Engine, InputData, RecordError, Recorder, TensorId};

use super::{Qkv, Rules, by_matrices, relative, run};
use crate::error::ModelError;

/// Gradients of all rows when the walk is somewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Gradients {
    /// dQ, `[T, d]`.
    pub q: Vec<f32>,
    /// dK, `[S, d]`.
    pub k: Vec<f32>,
    /// dV, `[S, d]`.
    pub v: Vec<f32>,
}

/// All that the steps of a walk hold, and the same by matrices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BackWalk {
    /// dS by matrices, `[T, S]`; a tile of it is what a step computes. The kernel never has more of it.
    pub slopes: Vec<f32>,
    /// The gradients by matrices.
    pub matrices: Gradients,
    /// dQ once the first 1, 2, … blocks of keys have had their turn: `[T, d]` each.
    pub by_keys: Vec<Vec<f32>>,
    /// dK and dV where the first 1, 2, … blocks of queries have passed: `[S, d]` each.
    pub by_rows: Vec<[Vec<f32>; 2]>,
    /// ‖walked − by matrices‖ / ‖by matrices‖ at the end: of dQ, dK, dV.
    pub errors: [f64; 3],
    /// Bytes that its kernels load and store, by their own count.
    pub n_bytes: [u64; 2],
}

impl BackWalk {
    /// What is in memory and in registers after step `at`: blocks of keys that had their turn are done, and so are the
    /// queries that have passed the one whose turn it is.
    pub fn at(&self, at: usize, rules: Rules, [n_rows, n_keys]: [usize; 2]) -> Option<Gradients> {
        let d = self.matrices.q.len().checked_div(n_rows)?;
        let op = gradient_of(rules, d);
        let &[block, key_block] = op.tiles([n_rows, n_keys]).get(at)?;
        let [rows, keys] = [rules.block_rows, rules.block_keys].map(|size| size as usize);
        let row = |all: &[f32], row: usize| all.get(row * d..(row + 1) * d).map(<[f32]>::to_vec);
        let none = || Some(vec![0.0; d]);
        let of_query = |t: usize| {
            let n_done = key_block + usize::from(t / rows <= block);
            n_done.checked_sub(1).map_or_else(none, |done| row(self.by_keys.get(done)?, t))
        };
        let of_key = |s: usize, which: usize| match (s / keys).cmp(&key_block) {
            std::cmp::Ordering::Less => row(&self.by_rows.last()?[which], s),
            std::cmp::Ordering::Equal => row(&self.by_rows.get(block)?[which], s),
            std::cmp::Ordering::Greater => none(),
        };
        let all = |n: usize, of: &dyn Fn(usize) -> Option<Vec<f32>>| -> Option<Vec<f32>> {
            Some((0..n).map(of).collect::<Option<Vec<_>>>()?.concat())
        };
        Some(Gradients {
            q: all(n_rows, &of_query)?,
            k: all(n_keys, &|s| of_key(s, 0))?,
            v: all(n_keys, &|s| of_key(s, 1))?,
        })
    }
}

/// The op of the way back, for heads of `d` columns.
pub fn gradient_of(rules: Rules, d: usize) -> AttentionFlashGradient {
    AttentionFlashGradient { of: rules.op(d), n_counted: [0, 0] }
}

/// The gradients of one head by matrices, as the chain rule has them.
struct Plain {
    slopes: TensorId,
    all: [TensorId; 3],
}

fn plain(
    recorder: &mut Recorder,
    [q, k, v]: [TensorId; 3],
    dz: TensorId,
    rules: Rules,
    d: usize,
) -> Result<Plain, RecordError> {
    let heads = rules.op(d).heads;
    let [n_rows, n_keys] = [q, k].map(|id| recorder.shape(id).n_rows());
    let (turned, by_turned) = (
        Matmul { a_turned: true, ..Matmul::default() },
        Matmul { b_turned: true, ..Matmul::default() },
    );
    let pattern = by_matrices(recorder, [q, k, v], heads, rules.causal, None)?.pattern;
    let pattern = recorder.reshaped(pattern, [n_rows, n_keys])?;
    let d_pattern = recorder.matmul(dz, v, by_turned)?; // [T, S]
    let slopes = recorder.softmax_gradient(pattern, d_pattern)?;
    let slopes = recorder.times(slopes, heads.scale)?;
    let dq = recorder.matmul(slopes, k, Matmul::default())?;
    let dk = recorder.matmul(slopes, q, turned)?;
    let dv = recorder.matmul(pattern, dz, turned)?;
    Ok(Plain { slopes, all: [dq, dk, dv] })
}

/// Walks back from the gradient of the result, `[T, d]`; none where no workgroup has room for such blocks.
///
/// # Errors
/// If the gradient is not like the queries; what the engine reports.
pub async fn walk_back(
    engine: &mut Engine,
    qkv: &Qkv,
    gradient: &[f32],
    rules: Rules,
    control: &Control,
) -> Result<Option<BackWalk>, ModelError> {
    let (d, extents) = (qkv.d(), qkv.extents());
    let op = gradient_of(rules, d);
    if !op.fits() {
        return Ok(None);
    }
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let dz = recorder.input([extents[0], d], DType::F32);
    let plain = plain(&mut recorder, inputs, dz, rules, d)?;
    let done = recorder.attention_flash(inputs, None, op.of)?;
    let [n_blocks, n_across] = op.of.n_blocks(extents);
    let mut ids = vec![plain.slopes];
    ids.extend(plain.all);
    let mut back = |n_counted| {
        let op = AttentionFlashGradient { n_counted, ..op };
        recorder.attention_flash_gradient([dz, done.z, done.stats], inputs, op)
    };
    for n in 1..=n_across {
        ids.push(back([0, n])?.dq);
    }
    for n in 1..=n_blocks {
        let found = back([n, 0])?;
        ids.extend([found.dk, found.dv]);
    }
    let step = rules.step(extents);
    let values = [&qkv.inputs()[..], &[InputData::F32(gradient)]].concat();
    let mut found = run(engine, recorder, step, &values, &ids, control).await?.into_iter();
    let mut next = || found.next().unwrap_or_default();
    let slopes = next();
    let matrices = Gradients { q: next(), k: next(), v: next() };
    let by_keys: Vec<_> = (0..n_across).map(|_| next()).collect();
    let by_rows: Vec<_> = (0..n_blocks).map(|_| [next(), next()]).collect();
    let ends =
        [by_keys.last(), by_rows.last().map(|last| &last[0]), by_rows.last().map(|last| &last[1])];
    let plain = [&matrices.q, &matrices.k, &matrices.v];
    let errors =
        [0, 1, 2].map(|which| ends[which].map_or(f64::INFINITY, |end| relative(end, plain[which])));
    let traffic = op.traffic(extents);
    let n_bytes = [4 * traffic.loads, 4 * traffic.stores];
    Ok(Some(BackWalk { slopes, matrices, by_keys, by_rows, errors, n_bytes }))
}
