//! Other ways to attend, on the same rows ("Efficient Transformers: A Survey", Tay et al. 2020, arXiv
//! 2009.06732): masks that leave cells out, by a rule, by chance or by what the rows are ([`super::lsh`]), keys and
//! values of fewer rows, and no softmax at all; what each costs and how far its result is from that of full
//! attention.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention_flash::AttentionFlash;
use vitrine_kernels::ops::feature_map::{FeatureMap, Features};
use vitrine_kernels::ops::head_scale::HeadScale;
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::ops::matmul::Matmul;
use vitrine_kernels::ops::softmax::{Masks, Reach};
use vitrine_kernels::{
    Control, DType, Engine, InputData, RecordError, Recorder, Shape, Step, TensorId,
};

use super::lsh::{self, Lsh};
use super::timing::{Time, shortest};
use super::{Qkv, bias_of, by_matrices, heads_of, relative, run};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::below;

/// Added to sums that divide.
const EPS: f32 = 1e-9;
/// Tokens of a chunk of linear attention.
const CHUNK: usize = 32;
/// Of what is drawn.
const SEED: u64 = 11;

/// A way to attend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Every pair.
    Full,
    /// Keys nearer than so many (Longformer: Beltagy et al. 2020, arXiv 2004.05150).
    Window(u32),
    /// So many keys to each side, with gaps between them: the width, and the step.
    Dilated(u32, u32),
    /// A window, and so many first tokens that see all and that all see.
    Global(u32, u32),
    /// Blocks of so many rows on the diagonal, and so many others a row of blocks, drawn (as in BigBird:
    /// Zaheer et al. 2020, arXiv 2007.14062).
    Blocks(u32, u32),
    /// The row's own key and so many others, drawn.
    Random(u32),
    /// Rows of one bucket of so many, by so many rounds of hashing; queries are keys (Reformer: Kitaev et al. 2020,
    /// arXiv 2001.04451).
    Lsh(u32, u32),
    /// Keys and values drawn together into so many rows, each the mean of neighbours (Linformer's pooling:
    /// Wang et al. 2020, arXiv 2006.04768).
    LowRank(u32),
    /// elu(x) + 1 in the place of the softmax (Katharopoulos et al. 2020, arXiv 2006.16236).
    Linear,
}

impl Way {
    /// One of each, in the order of the screen.
    pub const ALL: [Self; 9] = [
        Self::Full,
        Self::Window(8),
        Self::Dilated(8, 4),
        Self::Global(6, 2),
        Self::Blocks(8, 1),
        Self::Random(8),
        Self::Lsh(8, 2),
        Self::LowRank(16),
        Self::Linear,
    ];

    /// Whether it can leave out what comes after a row: a projection over all rows cannot.
    pub fn can_be_causal(self) -> bool {
        !matches!(self, Self::LowRank(_))
    }

    /// Rows of what keys and values are drawn together into, of n.
    fn rank(self, n: usize) -> usize {
        if let Self::LowRank(r) = self { (r as usize).clamp(1, n.max(1)) } else { 0 }
    }

    /// The cells `[n, n]` that count, whatever the rows are; `None` for what is no mask, or one by the rows.
    pub fn cells(self, n: usize, causal: bool) -> Option<Vec<bool>> {
        let mut random = Random::from_seed(SEED);
        let drawn: Vec<bool> = match self {
            Self::Random(n_drawn) => {
                let mut drawn = vec![false; n * n];
                for row in 0..n {
                    let n_choices = if causal { row + 1 } else { n };
                    for _ in 0..n_drawn {
                        drawn[row * n + below(&mut random, n_choices)] = true;
                    }
                }
                drawn
            }
            Self::Blocks(size, n_drawn) => {
                let size = size.max(1) as usize;
                let marks = block_marks(n.div_ceil(size), n_drawn, causal, &mut random);
                let at = |cell: usize| cell / n / size * n.div_ceil(size) + cell % n / size;
                (0..n * n).map(|cell| marks[at(cell)] != 0).collect()
            }
            _ => Vec::new(),
        };
        let is_seen = |row: usize, key: usize| match self {
            Self::Full => true,
            Self::Window(w) => row.abs_diff(key) < w.max(1) as usize,
            Self::Dilated(w, step) => {
                let (w, step) = (w.max(1) as usize, step.max(1) as usize);
                row.abs_diff(key).is_multiple_of(step) && row.abs_diff(key) < w * step
            }
            Self::Global(w, n_global) => {
                row.abs_diff(key) < w.max(1) as usize || row.min(key) < n_global as usize
            }
            Self::Blocks(..) => drawn[row * n + key],
            Self::Random(_) => row == key || drawn[row * n + key],
            Self::Lsh(..) | Self::LowRank(_) | Self::Linear => false,
        };
        if matches!(self, Self::Lsh(..) | Self::LowRank(_) | Self::Linear) {
            return None;
        }
        let cell = |at: usize| (!causal || at % n <= at / n) && is_seen(at / n, at % n);
        Some((0..n * n).map(cell).collect())
    }

    /// Products of queries, keys and values that it needs at N rows of `d` columns, a causal row's cells
    /// alone where it can; of linear attention in chunks.
    pub fn n_products(self, n: usize, d: usize, causal: bool) -> u64 {
        let (n_rows, width) = (n as u64, d as u64);
        match self {
            Self::Lsh(n_buckets, n_rounds) => Lsh::new(n_buckets, n_rounds).n_products(n, d),
            // Keys and values to r rows, then r cells a row.
            Self::LowRank(_) => 4 * n_rows * self.rank(n) as u64 * width,
            // Pairs within chunks; what each token writes and reads; the sums that divide.
            Self::Linear => n_rows * width * (2 * CHUNK as u64 + 2 * width + 2),
            _ => {
                let cells = self.cells(n, causal).unwrap_or_default();
                2 * width * cells.iter().filter(|is_seen| **is_seen).count() as u64
            }
        }
    }
}

/// Marks of a square of blocks: the diagonal, and so many others a row.
fn block_marks(n: usize, n_drawn: u32, causal: bool, random: &mut Random) -> Vec<u32> {
    let mut marks = vec![0; n * n];
    for row in 0..n {
        marks[row * n + row] = 1;
        for _ in 0..n_drawn {
            marks[row * n + below(random, if causal { row + 1 } else { n })] = 1;
        }
    }
    marks
}

/// What one way gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// What each row takes of each value, `[N, N]`.
    pub pattern: Vec<f32>,
    /// The result, `[N, d]`.
    pub z: Vec<f32>,
    /// The cells `[N, N]` that count, of what is a mask.
    pub cells: Option<Vec<bool>>,
    /// ‖z − full‖ / ‖full‖; full attention of [`Way::Lsh`] has queries for keys too.
    pub error: f64,
    /// Products that it needs, and full attention.
    pub n_products: [u64; 2],
}

/// Attends in one way, and in full beside it; T and S are the same.
///
/// # Errors
/// A way that cannot be causal; what the engine reports.
pub async fn see(
    engine: &mut Engine,
    qkv: &Qkv,
    way: Way,
    causal: bool,
    control: &Control,
) -> Result<Seen, ModelError> {
    check(way, causal)?;
    let (n, d) = (qkv.n_rows as usize, qkv.d());
    if let Way::Lsh(n_buckets, n_rounds) = way {
        let random = &mut Random::from_seed(SEED);
        return lsh::see(engine, qkv, Lsh::new(n_buckets, n_rounds), causal, random, control).await;
    }
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let full = by_matrices(&mut recorder, inputs, heads_of(d), causal, None)?.z;
    let mut values = qkv.inputs().to_vec();
    let cells = way.cells(n, causal);
    let mask = cells.as_deref().map(bias_of);
    let projection = projection(way, n);
    let (pattern, z) = match (way, &mask) {
        (Way::LowRank(_), _) => {
            let of_keys = recorder.input([way.rank(n), n], DType::F32);
            values.push(InputData::F32(&projection));
            let low = low_rank(&mut recorder, inputs, of_keys)?;
            let shares = recorder.reshaped(low.pattern, [n, way.rank(n)])?;
            (recorder.matmul(shares, of_keys, Matmul::default())?, low.z)
        }
        (_, Some(mask)) => {
            let bias = recorder.input([1, n, n], DType::F32);
            values.push(InputData::F32(mask));
            let all = by_matrices(&mut recorder, inputs, heads_of(d), causal, Some(bias))?;
            (all.pattern, all.z)
        }
        (_, None) => linear_with_pattern(&mut recorder, inputs, causal)?,
    };
    let found =
        run(engine, recorder, Step::default(), &values, &[pattern, z, full], control).await?;
    let [pattern, z, full] = <[Vec<f32>; 3]>::try_from(found).unwrap_or_default();
    let error = relative(&z, &full);
    let n_products = [way, Way::Full].map(|way| way.n_products(n, d, causal));
    Ok(Seen { pattern, z, cells, error, n_products })
}

/// The shortest of some runs of the kernel that leaves out what a way leaves out; `None` where only a mask
/// over all cells would do it, which saves nothing. `now` is a clock of milliseconds.
///
/// # Errors
/// A way that cannot be causal; what the engine reports.
pub async fn time(
    engine: &mut Engine,
    way: Way,
    [n, d]: [u32; 2],
    causal: bool,
    now: &dyn Fn() -> f64,
    control: &Control,
) -> Result<Option<Time>, ModelError> {
    check(way, causal)?;
    let qkv = Qkv::random([n, n], d, 7);
    let (n, d) = (n as usize, d as usize);
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let mut values = qkv.inputs().to_vec();
    let projection = projection(way, n);
    let mut marks = Vec::new();
    let z = match way {
        Way::Full => recorder.attention_tiled(inputs, masks(causal, 0), heads_of(d))?.z,
        Way::Window(w) if causal => {
            recorder.attention_tiled(inputs, masks(causal, w as usize), heads_of(d))?.z
        }
        Way::Blocks(size, n_drawn) => {
            let op = blocks(size, d, causal);
            let [n_blocks, _] = op.n_blocks([n, n]);
            marks = block_marks(n_blocks, n_drawn, causal, &mut Random::from_seed(SEED));
            let tiles = recorder.input([marks.len()], DType::U32);
            recorder.attention_flash(inputs, Some(tiles), op)?.z
        }
        Way::LowRank(_) => {
            let of_keys = recorder.input([way.rank(n), n], DType::F32);
            values.push(InputData::F32(&projection));
            low_rank(&mut recorder, inputs, of_keys)?.z
        }
        Way::Linear => linear(&mut recorder, inputs, causal)?,
        Way::Window(_) | Way::Dilated(..) | Way::Global(..) | Way::Random(_) | Way::Lsh(..) => {
            return Ok(None);
        }
    };
    if !marks.is_empty() {
        values.push(InputData::U32(&marks));
    }
    shortest(engine, recorder, &values, &[z], now, control).await.map(Some)
}

/// The same blocks by the kernel that passes over the others: ‖z − masked‖ / ‖masked‖.
///
/// # Errors
/// Blocks that no workgroup has room for; what the engine reports.
pub async fn blocks_error(
    engine: &mut Engine,
    qkv: &Qkv,
    [size, n_drawn]: [u32; 2],
    causal: bool,
    control: &Control,
) -> Result<f64, ModelError> {
    let (n, d) = (qkv.n_rows as usize, qkv.d());
    let op = blocks(size, d, causal);
    let [n_blocks, _] = op.n_blocks([n, n]);
    let marks = block_marks(n_blocks, n_drawn, causal, &mut Random::from_seed(SEED));
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let tiles = recorder.input([marks.len()], DType::U32);
    let z = recorder.attention_flash(inputs, Some(tiles), op)?.z;
    let values = [&qkv.inputs()[..], &[InputData::U32(&marks)]].concat();
    let found = run(engine, recorder, Step::default(), &values, &[z], control).await?;
    let masked = see(engine, qkv, Way::Blocks(size, n_drawn), causal, control).await?.z;
    Ok(relative(&found[0], &masked))
}

fn check(way: Way, causal: bool) -> Result<(), ModelError> {
    match causal && !way.can_be_causal() {
        true => Err(ModelError::input("a projection over all rows", "cannot be causal")),
        false => Ok(()),
    }
}

fn masks(causal: bool, window: usize) -> Masks {
    Masks { causal, reach: Reach { window, alibi: false }, ..Masks::default() }
}

fn blocks(size: u32, d: usize, causal: bool) -> AttentionFlash {
    super::Rules { block_rows: size, block_keys: size, causal }.op(d)
}

/// A row for each mean of neighbours, `[r, n]`; empty of anything but a low rank.
fn projection(way: Way, n: usize) -> Vec<f32> {
    let r = way.rank(n);
    let mut rows = vec![0.0; r * n];
    for (idx, row) in rows.chunks_exact_mut(n.max(1)).enumerate() {
        let own = &mut row[idx * n / r..(idx + 1) * n / r];
        own.fill(1.0 / own.len() as f32);
    }
    rows
}

/// Attention to keys and values that a matrix `[r, n]` has drawn together; its pattern is `[1, n, r]`.
fn low_rank(
    recorder: &mut Recorder,
    [q, k, v]: [TensorId; 3],
    projection: TensorId,
) -> Result<super::Matrices, RecordError> {
    let d = recorder.shape(q).n_cols();
    let k = recorder.matmul(projection, k, Matmul::default())?;
    let v = recorder.matmul(projection, v, Matmul::default())?;
    by_matrices(recorder, [q, k, v], heads_of(d), false, None)
}

/// Queries and keys mapped.
fn mapped(recorder: &mut Recorder, [q, k, _]: [TensorId; 3]) -> Result<[TensorId; 2], RecordError> {
    let d_head = recorder.shape(q).n_cols();
    let op = FeatureMap { features: Features::EluPlusOne, d_head };
    Ok([recorder.feature_map(q, None, op)?, recorder.feature_map(k, None, op)?])
}

fn form(form: Form) -> LinearAttention {
    LinearAttention { n_sequences: 1, n_heads: 1, form, ..LinearAttention::default() }
}

/// Linear attention: in chunks where it is causal; else over the sum of all keys' outer products.
fn linear(
    recorder: &mut Recorder,
    qkv: [TensorId; 3],
    causal: bool,
) -> Result<TensorId, RecordError> {
    let [q, k] = mapped(recorder, qkv)?;
    let v = qkv[2];
    if causal {
        let op = form(Form::Chunked(CHUNK));
        return Ok(recorder.normalised_linear_attention([q, k, v], None, op, EPS)?.z);
    }
    let turned = Matmul { a_turned: true, ..Matmul::default() };
    let ones = recorder.fill(Shape::from([recorder.shape(k).n_rows(), 1]), 1.0);
    let written = recorder.matmul(k, v, turned)?; // [d, d]
    let z = recorder.matmul(q, written, Matmul::default())?;
    let keys = recorder.matmul(k, ones, turned)?; // [d, 1]
    let sums = recorder.matmul(q, keys, Matmul::default())?;
    recorder.head_scale(z, sums, HeadScale::Over(EPS))
}

/// The same, with the pattern that it never computes.
fn linear_with_pattern(
    recorder: &mut Recorder,
    qkv: [TensorId; 3],
    causal: bool,
) -> Result<(TensorId, TensorId), RecordError> {
    let z = linear(recorder, qkv, causal)?;
    let [q, k] = mapped(recorder, qkv)?;
    let n = recorder.shape(q).n_rows();
    let map = match causal {
        true => {
            let all = recorder.linear_attention([q, k, qkv[2]], None, form(Form::Attention))?;
            recorder.reshaped(all.beside, [n, n])?
        }
        false => recorder.matmul(q, k, Matmul { b_turned: true, ..Matmul::default() })?,
    };
    let ones = recorder.fill(Shape::from([n, n]), 1.0);
    let sums = recorder.head_dots(map, ones, 1)?;
    Ok((recorder.head_scale(map, sums, HeadScale::Over(EPS))?, z))
}
