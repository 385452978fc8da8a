//! How much fast weights can hold (Schlag et al. 2021, arXiv 2102.11174, section 6.1): pairs of keys and values
//! are written, then every key is asked for its value. First all keys differ and their number grows; then
//! keys come again with other values, and the last one counts.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::head_scale::HeadScale;
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::{Control, DType, Engine, InputData, Read, Recorder, Step, TensorId};

use super::{EPS, Map, Rules, mapped};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::{below, normal};

/// Columns of the keys, as in the paper.
pub const D_KEY: usize = 64;
/// Columns of the values.
const D_VALUE: usize = 32;
/// Above this share of a value's square, it counts as lost.
pub const LOST: f32 = 0.01;
/// Of a key of elu(x) + 1 whose feature is to be next to zero.
const FAR_BELOW: f32 = -20.0;

/// What is stored, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// φ.
    pub map: Map,
    /// Directions of FAVOR+.
    pub n_directions: u32,
    /// Whether keys are placed so that their features are at right angles for as long as there is room,
    /// rather than drawn at random.
    pub placed: bool,
    /// Numbers of pairs, each stored by itself.
    pub counts: Vec<u32>,
    /// Of keys and values.
    pub seed: u32,
}

/// Of each count, the mean over the keys of `‖v̂ − v‖²/‖v‖²`, with `v̂ = W·φ(k)/‖φ(k)‖²`.
///
/// # Errors
/// If there are no counts, or the engine fails.
pub async fn capacity(
    engine: &mut Engine,
    ask: &Capacity,
    control: &Control,
) -> Result<Vec<f32>, ModelError> {
    let most = ask.counts.iter().copied().max().unwrap_or(0) as usize;
    if most == 0 || most > 4096 {
        return Err(ModelError::input("pairs", format!("are {most}, of 1 to 4096")));
    }
    let mut random = Random::from_seed(ask.seed.into());
    let mut keys = keys(ask.map, ask.placed, most, &mut random);
    if ask.map == Map::Favor {
        // Products of these are those of softmax, over √d.
        let shrink = (D_KEY as f32).powf(-0.25);
        keys.iter_mut().for_each(|x| *x *= shrink);
    }
    let values = signs(most, &mut random);
    let rules =
        Rules { map: ask.map, n_directions: ask.n_directions, seed: ask.seed, ..Rules::default() };
    let omega = rules.omega(D_KEY);
    // Rows that write, then rows that read. Those that read have no value to write.
    let n_rows = 2 * most;
    let mut recorder = Recorder::new();
    let x = recorder.input([n_rows, D_KEY], DType::F32);
    let v = recorder.input([n_rows, D_VALUE], DType::F32);
    let directions =
        (!omega.is_empty()).then(|| recorder.input([omega.len() / D_KEY, D_KEY], DType::F32));
    let phi = mapped(&mut recorder, x, directions, ask.map, false)?;
    let op =
        LinearAttention { n_sequences: 1, n_heads: 1, form: Form::Recurrent, ..Default::default() };
    let z = recorder.linear_attention([phi, phi, v], None, op)?.z;
    let squares = recorder.head_dots(phi, phi, 1)?;
    let z = recorder.head_scale(z, squares, HeadScale::Over(EPS))?;
    recorder.keep(z);
    let recording = recorder.finish();
    let x = [keys.as_slice(), &keys].concat();
    let mut errors = Vec::with_capacity(ask.counts.len());
    for &count in &ask.counts {
        let count = count as usize;
        let mut written = vec![0.0; n_rows * D_VALUE];
        written[..count * D_VALUE].copy_from_slice(&values[..count * D_VALUE]);
        let mut inputs = vec![InputData::F32(&x), InputData::F32(&written)];
        inputs.extend((!omega.is_empty()).then_some(InputData::F32(&omega)));
        let mut read = Read::tensor(&recording, z);
        read.ranges = vec![most..most + count, 0..D_VALUE];
        let found = engine.run(&recording, &inputs, Step::default(), &[read], control).await?;
        errors.push(miss(&found[0], &values[..count * D_VALUE]));
    }
    engine.forget(recording.id());
    Ok(errors)
}

/// The first count whose error is above [`LOST`].
pub fn breaking_point(counts: &[u32], errors: &[f32]) -> Option<u32> {
    counts.iter().zip(errors).find(|(_, error)| **error > LOST).map(|(count, _)| *count)
}

/// Counts from 20 to `most` in steps of 20, as the paper has them, and a fine step around `n_features`.
pub fn counts(n_features: u32, most: u32) -> Vec<u32> {
    let coarse = (1..=most / 20).map(|step| step * 20);
    let fine = (n_features.saturating_sub(4)..=n_features + 4).step_by(2);
    let mut counts: Vec<u32> =
        coarse.chain(fine).filter(|count| (1..=most).contains(count)).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}

/// Keys that come again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Update {
    /// φ.
    pub map: Map,
    /// Keys that are drawn from.
    pub n_keys: u32,
    /// Numbers of writes, each by itself.
    pub writes: Vec<u32>,
    /// Draws that are averaged.
    pub n_draws: u32,
    /// Whether keys are placed at right angles.
    pub placed: bool,
    /// Of the first draw.
    pub seed: u32,
}

/// Of each number of writes, the mean error of the last value of each key that was written: by the sum rule
/// with its normaliser, and by the delta rule with β = 1/‖φ(k)‖², after which the key reads its value (1 for keys
/// that have one feature).
///
/// # Errors
/// If nothing is written, or the engine fails.
pub async fn update(
    engine: &mut Engine,
    ask: &Update,
    control: &Control,
) -> Result<Vec<[f32; 2]>, ModelError> {
    let (n_keys, n_draws) = (ask.n_keys as usize, ask.n_draws as usize);
    if n_keys == 0 || n_draws == 0 || ask.map == Map::Favor {
        return Err(ModelError::input("keys", "are none, or their map is random"));
    }
    let mut errors = Vec::with_capacity(ask.writes.len());
    for &n_writes in &ask.writes {
        let n_writes = n_writes as usize;
        let n_rows = n_writes + n_keys;
        let mut recorder = Recorder::new();
        let shapes =
            [[n_draws * n_rows, D_KEY], [n_draws * n_rows, D_VALUE], [n_draws * n_rows, 1]];
        let [x, v, beta] = shapes.map(|shape| recorder.input(shape, DType::F32));
        let plain = mapped(&mut recorder, x, None, ask.map, false)?;
        let one = mapped(&mut recorder, x, None, ask.map, true)?;
        let op = LinearAttention {
            n_sequences: n_draws,
            n_heads: 1,
            form: Form::Recurrent,
            ..Default::default()
        };
        let sum = normalised(&mut recorder, [plain, v, beta], op)?;
        // As long a step as makes the key read its new value whole.
        let squares = recorder.head_dots(one, one, 1)?;
        let whole = recorder.head_scale(beta, squares, HeadScale::Over(EPS))?;
        let delta = recorder.delta_attention([one, one, v], whole, None, op)?.z;
        recorder.keep(sum);
        recorder.keep(delta);
        let recording = recorder.finish();
        let draws: Vec<Draws> =
            (0..n_draws).map(|draw| Draws::new(ask, n_writes, draw as u32)).collect();
        let all =
            |part: fn(&Draws) -> &[f32]| draws.iter().flat_map(part).copied().collect::<Vec<_>>();
        let [x, v, beta] = [all(|d| &d.x), all(|d| &d.v), all(|d| &d.beta)];
        let inputs = [&x, &v, &beta].map(|values| InputData::F32(values));
        let reads = [sum, delta].map(|id| Read::tensor(&recording, id));
        let found = engine.run(&recording, &inputs, Step::default(), &reads, control).await?;
        engine.forget(recording.id());
        let mean = |z: &[f32]| {
            let rows = z.chunks_exact(n_rows * D_VALUE);
            let misses = rows.zip(&draws).map(|(z, draw)| draw.miss(&z[n_writes * D_VALUE..]));
            misses.sum::<f32>() / n_draws as f32
        };
        errors.push([mean(&found[0]), mean(&found[1])]);
    }
    Ok(errors)
}

/// The sum rule over the sum of its weights; only rows with `is_write` 1 count into it.
fn normalised(
    recorder: &mut Recorder,
    [phi, v, is_write]: [TensorId; 3],
    op: LinearAttention,
) -> Result<TensorId, ModelError> {
    let attended = recorder.linear_attention([phi, phi, v], None, op)?.z;
    let sums = recorder.linear_attention([phi, phi, is_write], None, op)?.z;
    Ok(recorder.head_scale(attended, sums, HeadScale::Over(EPS))?)
}

/// One draw: rows that write keys with replacement, then a row for each key that reads.
struct Draws {
    x: Vec<f32>,
    v: Vec<f32>,
    /// 1 where a row writes.
    beta: Vec<f32>,
    /// The last value of each key; none if it was never drawn.
    last: Vec<Option<usize>>,
}

impl Draws {
    fn new(ask: &Update, n_writes: usize, draw: u32) -> Self {
        let mut random = Random::from_seed(u64::from(ask.seed) << 32 | u64::from(draw));
        let n_keys = ask.n_keys as usize;
        let keys = keys(ask.map, ask.placed, n_keys, &mut random);
        let mut last = vec![None; n_keys];
        let mut x = Vec::with_capacity((n_writes + n_keys) * D_KEY);
        for (row, at) in (0..n_writes).map(|row| (row, below(&mut random, n_keys))) {
            last[at] = Some(row);
            x.extend_from_slice(&keys[at * D_KEY..][..D_KEY]);
        }
        x.extend_from_slice(&keys);
        let mut v = signs(n_writes, &mut random);
        v.resize((n_writes + n_keys) * D_VALUE, 0.0);
        let beta = [vec![1.0; n_writes], vec![0.0; n_keys]].concat();
        Self { x, v, beta, last }
    }

    /// The mean error of what the reading rows read.
    fn miss(&self, read: &[f32]) -> f32 {
        let known = self.last.iter().enumerate().filter_map(|(key, last)| Some((key, (*last)?)));
        let misses: Vec<f32> = known
            .map(|(key, row)| {
                let [found, value] = [&read[key * D_VALUE..], &self.v[row * D_VALUE..]];
                miss(&found[..D_VALUE], &value[..D_VALUE])
            })
            .collect();
        misses.iter().sum::<f32>() / misses.len() as f32
    }
}

/// The mean over rows of `‖found − value‖²/‖value‖²`; values are of length one.
fn miss(found: &[f32], values: &[f32]) -> f32 {
    let squares = found.iter().zip(values).map(|(a, b)| f64::from(a - b).powi(2));
    (squares.sum::<f64>() / (values.len() / D_VALUE) as f64) as f32
}

/// Values of length one whose columns are ± alike, `[n, D_VALUE]`.
fn signs(n: usize, random: &mut Random) -> Vec<f32> {
    let size = (D_VALUE as f32).powf(-0.5);
    (0..n * D_VALUE).map(|_| if random.next_u32() >> 31 == 0 { size } else { -size }).collect()
}

/// `n` keys, `[n, D_KEY]`: placed so that each has one feature for itself, for as long as there are features;
/// normal vectors after that, or from the start.
fn keys(map: Map, placed: bool, n: usize, random: &mut Random) -> Vec<f32> {
    let room = if placed { room(map) } else { 0 };
    let mut keys = Vec::with_capacity(n * D_KEY);
    for at in 0..n {
        if at < room {
            keys.extend(placed_key(map, at));
        } else {
            keys.extend((0..D_KEY).map(|_| normal(random)));
        }
    }
    keys
}

/// How many keys can have a feature each.
fn room(map: Map) -> usize {
    match map {
        Map::Dpfp(shifts) => 2 * D_KEY * usize::from(shifts),
        // Random features are never at right angles; these are keys as far apart as others have them.
        Map::Elu | Map::Relu | Map::Favor | Map::Identity => D_KEY,
    }
}

fn placed_key(map: Map, at: usize) -> [f32; D_KEY] {
    match map {
        Map::Dpfp(_) => {
            // Two parts of [x, −x] that lie `shift` apart around the circle: their product is the one feature.
            let (place, shift) = (at % (2 * D_KEY), 1 + at / (2 * D_KEY));
            let mut key = [0.0; D_KEY];
            for part in [place, (place + shift) % (2 * D_KEY)] {
                key[part % D_KEY] = if part < D_KEY { 1.0 } else { -1.0 };
            }
            key
        }
        Map::Elu => {
            let mut key = [FAR_BELOW; D_KEY];
            key[at] = 0.0;
            key
        }
        Map::Relu | Map::Identity | Map::Favor => {
            let mut key = [0.0; D_KEY];
            // As long as a normal vector: to the exponential of FAVOR+ lengths matter.
            key[at] = if map == Map::Favor { (D_KEY as f32).sqrt() } else { 1.0 };
            key
        }
    }
}
