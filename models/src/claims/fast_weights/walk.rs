//! One head's tokens through fast weights, each step of it kept, in all three forms.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention::{Attention, Given};
use vitrine_kernels::ops::delta_rule::DeltaRule;
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::ops::scale::Scale;
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, RecordError, Recorder, Shape, StateId, Step, TensorId,
};

use super::super::worse;
use super::{EPS, Map, Rules, mapped};
use crate::error::ModelError;

/// Most tokens that are walked: each leaves a whole W.
pub const MAX_TOKENS: usize = 64;

/// Queries, keys and values of one head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokens {
    /// T.
    pub n_tokens: usize,
    /// Columns of queries and keys.
    pub d_key: usize,
    /// Columns of values.
    pub d_value: usize,
    /// `[T, d_key]`.
    pub q: Vec<f32>,
    /// `[T, d_key]`.
    pub k: Vec<f32>,
    /// `[T, d_value]`.
    pub v: Vec<f32>,
}

/// What each step left.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Walk {
    /// T.
    pub n_tokens: u32,
    /// Columns of values: rows of W.
    pub d_value: u32,
    /// Features: columns of W.
    pub n_features: u32,
    /// `[T, n_features]`: φ(q).
    pub phi_q: Vec<f32>,
    /// `[T, n_features]`: φ(k).
    pub phi_k: Vec<f32>,
    /// `[T, d_value]`: what is written beside φ(k): v, or by the delta rule β(v − W·φ(k)).
    pub written: Vec<f32>,
    /// `[T, d_value, n_features]`: W after each token.
    pub weights: Vec<f32>,
    /// `[T, d_value]`: what each query reads.
    pub read: Vec<f32>,
    /// `[T, T]`: how much of each value there is in each read-out.
    pub implied: Vec<f32>,
    /// `[T, T]`: what softmax makes of the same queries and keys.
    pub softmax: Vec<f32>,
    /// Largest difference of z, over the largest z: all pairs against token by token.
    pub pairs_error: f32,
    /// Chunks against token by token.
    pub chunks_error: f32,
    /// What the kept W read against token by token.
    pub weights_error: f32,
    /// How far the rows of `implied` are from a sum of one; none where they need not sum to it.
    pub sum_error: Option<f32>,
}

/// Walks the tokens.
///
/// # Errors
/// If the tokens do not fit each other or are more than [`MAX_TOKENS`], a rule is outside of its range, or the
/// engine fails.
pub async fn walk(
    engine: &mut Engine,
    tokens: &Tokens,
    rules: &Rules,
    control: &Control,
) -> Result<Walk, ModelError> {
    check(tokens, rules)?;
    let (n, d_value) = (tokens.n_tokens, tokens.d_value);
    let n_features = rules.map.width(tokens.d_key, rules.n_directions as usize);
    let memory = engine.add_state("fast weights", Shape::from([n, d_value * n_features]))?;
    let walked = run(engine, tokens, rules, memory, control).await;
    engine.remove_state(memory);
    let Some([phi_q, phi_k, written, read, pairs, chunks, sums, implied, softmax, weights]) =
        <[Vec<f32>; 10]>::try_from(walked?).ok()
    else {
        unreachable!("as many tensors come back as were asked for");
    };
    let mut by_hand = Vec::with_capacity(n * d_value);
    for at in 0..n {
        let query = &phi_q[at * n_features..][..n_features];
        let over = if rules.has_sum() { sums[at] + EPS } else { 1.0 };
        let rows =
            weights[at * d_value * n_features..][..d_value * n_features].chunks_exact(n_features);
        by_hand.extend(rows.map(|row| dot(row, query) / over));
    }
    let sum_error = rules.has_sum().then(|| {
        let rows = implied.chunks_exact(n);
        rows.map(|row| (row.iter().sum::<f32>() - 1.0).abs()).fold(0.0, worse)
    });
    Ok(Walk {
        n_tokens: n as u32,
        d_value: d_value as u32,
        n_features: n_features as u32,
        pairs_error: difference(&pairs, &read),
        chunks_error: difference(&chunks, &read),
        weights_error: difference(&by_hand, &read),
        sum_error,
        phi_q,
        phi_k,
        written,
        weights,
        read,
        implied,
        softmax,
    })
}

fn check(tokens: &Tokens, rules: &Rules) -> Result<(), ModelError> {
    let Tokens { n_tokens: n, d_key, d_value, q, k, v } = tokens;
    if !(1..=MAX_TOKENS).contains(n) {
        return Err(ModelError::input("tokens", format!("are {n}, of 1 to {MAX_TOKENS}")));
    }
    if q.len() != n * d_key
        || k.len() != n * d_key
        || v.len() != n * d_value
        || d_key * d_value == 0
    {
        return Err(ModelError::input("queries, keys and values", "are not of one head"));
    }
    let ranges = [("β", rules.beta, 0.0), ("what is kept", rules.keep, f32::MIN_POSITIVE)];
    for (name, value, least) in ranges {
        if !(least..=1.0).contains(&value) {
            return Err(ModelError::input(name, format!("is {value}, not between 0 and 1")));
        }
    }
    Ok(())
}

/// φ(q), φ(k), written, z by tokens, by pairs, by chunks, sums of weights, implied, softmax, W.
async fn run(
    engine: &mut Engine,
    tokens: &Tokens,
    rules: &Rules,
    memory: StateId,
    control: &Control,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let (n, d_key) = (tokens.n_tokens, tokens.d_key);
    let n_features = rules.map.width(d_key, rules.n_directions as usize);
    // Products of these are those of queries and keys over √d.
    let shrink = (d_key as f32).powf(-0.25);
    let scaled = [&tokens.q, &tokens.k].map(|x| x.iter().map(|x| x * shrink).collect::<Vec<_>>());
    let [to_map_q, to_map_k] = match rules.map {
        Map::Favor => scaled.clone(),
        Map::Identity if rules.delta => [&tokens.q, &tokens.k].map(|x| unit_rows(x, d_key)),
        _ => [tokens.q.clone(), tokens.k.clone()],
    };
    let omega = rules.omega(d_key);
    let beta = vec![rules.beta; n];
    let decay = vec![rules.keep.ln(); n];
    let one_each: Vec<f32> = (0..n * n).map(|at| f32::from(u8::from(at % (n + 1) == 0))).collect();
    let mut recorder = Recorder::new();
    let mut inputs: Vec<&[f32]> = Vec::new();
    let mut input = |shape: [usize; 2], values| {
        inputs.push(values);
        recorder.input(shape, DType::F32)
    };
    let operands = Operands {
        scaled: [0, 1].map(|side| input([n, d_key], &scaled[side])),
        q: input([n, d_key], &to_map_q),
        k: input([n, d_key], &to_map_k),
        v: input([n, tokens.d_value], &tokens.v),
        one_each: input([n, n], &one_each),
        beta: rules.delta.then(|| input([n, 1], &beta)),
        decay: (rules.keep < 1.0).then(|| input([n, 1], &decay)),
        omega: (!omega.is_empty()).then(|| input([omega.len() / d_key, d_key], &omega)),
    };
    let held = recorder.state(memory, [n, tokens.d_value * n_features]);
    let kept = operands.record(&mut recorder, rules, held)?;
    let recording = recorder.finish();
    let inputs: Vec<_> = inputs.into_iter().map(InputData::F32).collect();
    let mut reads: Vec<_> = kept.iter().map(|&id| Read::tensor(&recording, id)).collect();
    reads.push(Read::state(memory, vec![0..n, 0..tokens.d_value * n_features]));
    let values = engine.run(&recording, &inputs, Step::default(), &reads, control).await;
    engine.forget(recording.id());
    Ok(values?)
}

/// The tensors that the forms share.
struct Operands {
    scaled: [TensorId; 2],
    q: TensorId,
    k: TensorId,
    v: TensorId,
    one_each: TensorId,
    beta: Option<TensorId>,
    decay: Option<TensorId>,
    omega: Option<TensorId>,
}

impl Operands {
    fn record(
        &self,
        recorder: &mut Recorder,
        rules: &Rules,
        held: TensorId,
    ) -> Result<Vec<TensorId>, RecordError> {
        let sums_to_one = rules.delta && rules.map != Map::Identity;
        let phi_q = mapped(recorder, self.q, self.omega, rules.map, sums_to_one)?;
        let phi_k = mapped(recorder, self.k, self.omega, rules.map, sums_to_one)?;
        let of = |form| LinearAttention { n_sequences: 1, n_heads: 1, form, ..Default::default() };
        let by = |recorder: &mut Recorder, v, form| {
            let qkv = [phi_q, phi_k, v];
            Ok(match self.beta {
                Some(beta) => recorder.delta_attention(qkv, beta, self.decay, of(form))?,
                None if rules.has_sum() => {
                    recorder.normalised_linear_attention(qkv, self.decay, of(form), EPS)?
                }
                None => recorder.linear_attention(qkv, self.decay, of(form))?,
            }
            .z)
        };
        let chunks = Form::Chunked(rules.chunk as usize);
        let [read, pairs, chunks] =
            [Form::Recurrent, Form::Attention, chunks].map(|form| by(recorder, self.v, form));
        let [read, pairs, chunks] = [read?, pairs?, chunks?];
        let implied = by(recorder, self.one_each, Form::Attention)?;
        let written = match self.beta {
            Some(beta) => {
                let op = DeltaRule { of: of(Form::Recurrent) };
                recorder.delta_rule([phi_k, self.v, beta], self.decay, op)?.written
            }
            None => {
                // What is read back must be computed: v as it is.
                let as_it_is = Scale { rows: 0..0, cols: 0..0, factor: 1.0 };
                recorder.scale(self.v, as_it_is)?
            }
        };
        let ones = recorder.fill(Shape::from([recorder.shape(self.v).n_rows(), 1]), 1.0);
        let sums =
            recorder.linear_attention([phi_q, phi_k, ones], self.decay, of(Form::Recurrent))?.z;
        recorder.fast_weights([phi_q, phi_k, self.v], [self.beta, self.decay], held, 1)?;
        let [q, k] = self.scaled;
        let d_head = recorder.shape(q).n_cols();
        let op = Attention {
            n_sequences: 1,
            n_heads: 1,
            n_kv_heads: 1,
            d_head,
            scale: 1.0,
            causal: true,
            ..Attention::default()
        };
        // The values do not matter to the pattern; queries have as many columns as it needs.
        let softmax = recorder.attention([q, k, q], Given::default(), op)?.pattern;
        let kept = vec![phi_q, phi_k, written, read, pairs, chunks, sums, implied, softmax];
        kept.iter().for_each(|&id| recorder.keep(id));
        Ok(kept)
    }
}

/// Each row at length one; a row of zeros stays.
fn unit_rows(x: &[f32], n_cols: usize) -> Vec<f32> {
    let unit = |row: &[f32]| {
        let length = dot(row, row).sqrt().max(f32::MIN_POSITIVE);
        row.iter().map(|x| x / length).collect::<Vec<_>>()
    };
    x.chunks_exact(n_cols).flat_map(unit).collect()
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The largest difference over the largest value of `b`.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    let size = b.iter().map(|b| b.abs()).fold(f32::MIN_POSITIVE, worse);
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, worse) / size
}
