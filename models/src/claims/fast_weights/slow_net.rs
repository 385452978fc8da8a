//! The machine of 1991 (Schmidhuber 1991, "Learning to control fast-weight memories", TR FKI-147-91; in the terms of
//! Schlag et al. 2021, section 2): a slow net sees one symbol after another and puts out two patterns, FROM and TO.
//! Their outer product is added to the weights of a fast net, which is asked with FROM and answers what TO was. Only
//! the slow net is trained: to write so that the answers are right.
//!
//! The task is association. Pairs of a key and a value come one by one, other pairs each time; then the keys come
//! alone, in another order, and the fast net must give their values.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::ops::update::{Constants, Rule};
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, Recorder, Recording, Shape, StateId, Step, TensorId,
};

use crate::error::ModelError;
use crate::sample::{Random, argmax};
use crate::train::random::{below, normal, shuffle};

/// Kinds of keys and kinds of values.
pub const N_SYMBOLS: usize = 8;
/// Columns of what the slow net sees: a key, and a value where one is shown.
pub const D_IN: usize = 2 * N_SYMBOLS;
/// Pairs of a sequence.
pub const N_PAIRS: usize = 4;
/// Tokens of a sequence: pairs, then keys alone.
pub const N_TOKENS: usize = 2 * N_PAIRS;
/// Sequences of a step.
const N_SEQUENCES: usize = 32;
const RATE: f32 = 0.02;
const BETAS: [f32; 2] = [0.9, 0.99];

/// A run of the slow net.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlowNet {
    /// Columns of FROM: what a fast net with so many inputs can tell apart.
    pub d_from: u32,
    /// Steps.
    pub n_steps: u32,
    /// Steps between two looks.
    pub look_every: u32,
    /// Of weights and data.
    pub seed: u32,
}

impl Default for SlowNet {
    fn default() -> Self {
        Self { d_from: 8, n_steps: 300, look_every: 20, seed: 1 }
    }
}

/// The machine after some step, on one sequence that is the same at every look.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SlowLook {
    /// Steps done.
    pub step: u32,
    /// Mean squared error of the last step; 0 before the first.
    pub loss: f32,
    /// The share of answers whose largest number is the right value, over new sequences.
    pub right: f32,
    /// `[d_from, D_IN]`: the slow net's weights that make FROM.
    pub slow_from: Vec<f32>,
    /// `[N_SYMBOLS, D_IN]`: those that make TO.
    pub slow_to: Vec<f32>,
    /// `[N_TOKENS, d_from]`.
    pub from: Vec<f32>,
    /// `[N_TOKENS, N_SYMBOLS]`.
    pub to: Vec<f32>,
    /// `[N_SYMBOLS, d_from]`: the fast net's weights after all tokens.
    pub fast: Vec<f32>,
    /// `[N_TOKENS, N_SYMBOLS]`: what the fast net answers to each FROM, by the weights that were there before.
    pub answers: Vec<f32>,
    /// Keys and values of the tokens; no value where it is asked for.
    pub tokens: Vec<(u32, Option<u32>)>,
}

/// Sequences as the slow net sees them, and what is right.
struct Batch {
    /// `[B·T, D_IN]`.
    seen: Vec<f32>,
    /// `[B·N_PAIRS, N_SYMBOLS]`.
    right: Vec<f32>,
    tokens: Vec<(u32, Option<u32>)>,
    values: Vec<usize>,
}

impl Batch {
    fn draw(random: &mut Random) -> Self {
        let mut batch =
            Self { seen: Vec::new(), right: Vec::new(), tokens: Vec::new(), values: Vec::new() };
        for _ in 0..N_SEQUENCES {
            let mut keys: Vec<usize> = (0..N_SYMBOLS).collect();
            shuffle(random, &mut keys);
            let mut pairs: Vec<(usize, usize)> =
                keys[..N_PAIRS].iter().map(|&key| (key, below(random, N_SYMBOLS))).collect();
            for &(key, value) in &pairs {
                batch.push(key, Some(value));
            }
            shuffle(random, &mut pairs);
            for &(key, value) in &pairs {
                batch.push(key, None);
                batch.right.extend((0..N_SYMBOLS).map(|at| f32::from(u8::from(at == value))));
                batch.values.push(value);
            }
        }
        batch
    }

    fn push(&mut self, key: usize, value: Option<usize>) {
        let one = |at: usize, symbol: Option<usize>| f32::from(u8::from(symbol == Some(at)));
        self.seen.extend((0..N_SYMBOLS).map(|at| one(at, Some(key))));
        self.seen.extend((0..N_SYMBOLS).map(|at| one(at, value)));
        self.tokens.push((key as u32, value.map(|value| value as u32)));
    }

    /// Rows of the tokens that ask.
    fn asking() -> Vec<u32> {
        let of_sequence = |at: usize| (N_PAIRS..N_TOKENS).map(move |token| at * N_TOKENS + token);
        (0..N_SEQUENCES).flat_map(of_sequence).map(|row| row as u32).collect()
    }
}

/// A parameter with its moments.
struct Weights {
    shape: Shape,
    states: [StateId; 3],
}

struct Pass {
    from: TensorId,
    to: TensorId,
    answers: TensorId,
    fast: TensorId,
    asked: TensorId,
}

/// Records what both nets do with a batch.
fn record(recorder: &mut Recorder, weights: &[Weights; 2]) -> Result<Pass, ModelError> {
    let n_rows = N_SEQUENCES * N_TOKENS;
    let seen = recorder.input([n_rows, D_IN], DType::F32);
    let asking = recorder.input([N_SEQUENCES * N_PAIRS], DType::U32);
    let [w_from, w_to] =
        [0, 1].map(|at: usize| recorder.state(weights[at].states[0], weights[at].shape));
    let from = recorder.linear(seen, w_from, None)?;
    let from = recorder.activation(from, Activation::Tanh)?;
    let to = recorder.linear(seen, w_to, None)?;
    // Token by token: W grows by TO·FROMᵀ; a token is answered by the W before it.
    let op = LinearAttention {
        n_sequences: N_SEQUENCES,
        n_heads: 1,
        form: Form::Recurrent,
        strict: true,
        ..LinearAttention::default()
    };
    let read = recorder.linear_attention([from, from, to], None, op)?;
    let asked = recorder.gather(read.z, asking)?;
    Ok(Pass { from, to, answers: read.z, fast: read.beside, asked })
}

/// Trains the slow net; `told` gets a look before the first step, and after every so many.
///
/// # Errors
/// Sizes that cannot be; what the engine reports; cancellation.
pub async fn slow_net(
    engine: &mut Engine,
    of: &SlowNet,
    told: &mut dyn FnMut(SlowLook),
    control: &Control,
) -> Result<(), ModelError> {
    let d_from = of.d_from as usize;
    if !(1..=64).contains(&d_from) || of.look_every == 0 {
        return Err(ModelError::input("FROM", format!("has {d_from} columns, of 1 to 64")));
    }
    let mut random = Random::from_seed(of.seed.into());
    let mut weights = Vec::new();
    for (name, n_rows) in [("slow.from", d_from), ("slow.to", N_SYMBOLS)] {
        let shape = Shape::from([n_rows, D_IN]);
        let mut states = Vec::new();
        for part in ["", ".mean", ".square"] {
            states.push(engine.add_state(&format!("{name}{part}"), shape)?);
        }
        let first: Vec<f32> = (0..shape.len()).map(|_| 0.3 * normal(&mut random)).collect();
        engine.write_state(states[0], &first)?;
        weights.push(Weights { shape, states: [states[0], states[1], states[2]] });
    }
    match <[Weights; 2]>::try_from(weights) {
        Ok(weights) => {
            let outcome = train(engine, of, &weights, &mut random, told, control).await;
            weights.iter().flat_map(|one| one.states).for_each(|state| engine.remove_state(state));
            outcome
        }
        Err(_) => Ok(()),
    }
}

async fn train(
    engine: &mut Engine,
    of: &SlowNet,
    weights: &[Weights; 2],
    random: &mut Random,
    told: &mut dyn FnMut(SlowLook),
    control: &Control,
) -> Result<(), ModelError> {
    let mut recorder = Recorder::new();
    let pass = record(&mut recorder, weights)?;
    let n_asked = N_SEQUENCES * N_PAIRS;
    let right = recorder.input([n_asked, N_SYMBOLS], DType::F32);
    let loss = recorder.mse(pass.asked, right)?;
    let parameters =
        [0, 1].map(|at: usize| recorder.state(weights[at].states[0], weights[at].shape));
    let gradients = recorder.backward(loss, &parameters)?;
    recorder.keep(loss);
    let constants = recorder.input([8], DType::F32);
    let rule =
        Rule::Adam { beta1: BETAS[0], beta2: BETAS[1], eps: 1e-8, decay: 0.0, decoupled: true };
    for (at, gradient) in gradients.into_iter().enumerate() {
        let moments =
            [1, 2].map(|part: usize| recorder.state(weights[at].states[part], weights[at].shape));
        recorder.update(rule, parameters[at], &moments, gradient, constants, None)?;
    }
    let step = recorder.finish();
    let mut recorder = Recorder::new();
    let seen = record(&mut recorder, weights)?;
    for tensor in [seen.from, seen.to, seen.answers, seen.fast, seen.asked] {
        recorder.keep(tensor);
    }
    let look = recorder.finish();
    let asking = Batch::asking();
    // Another stream than the training's: the sequences of the looks are new to the net.
    let probe = Batch::draw(&mut Random::from_seed(u64::from(of.seed) + 1_000_003));
    let mut last = 0.0;
    for at in 0..=of.n_steps {
        if at.is_multiple_of(of.look_every) || at == of.n_steps {
            let mut found = looked(engine, &look, &seen, &probe, weights, control).await?;
            (found.step, found.loss) = (at, last);
            told(found);
        }
        if at == of.n_steps {
            break;
        }
        let batch = Batch::draw(random);
        let constants = Constants::at(at + 1, RATE, BETAS[0], BETAS[1]).values();
        let inputs = [
            InputData::F32(&batch.seen),
            InputData::U32(&asking),
            InputData::F32(&batch.right),
            InputData::F32(&constants),
        ];
        let reads = [Read::tensor(&step, loss)];
        let values = engine.run(&step, &inputs, Step::default(), &reads, control).await?;
        last = values[0][0];
    }
    engine.forget(step.id());
    engine.forget(look.id());
    Ok(())
}

async fn looked(
    engine: &mut Engine,
    recording: &Recording,
    pass: &Pass,
    probe: &Batch,
    weights: &[Weights; 2],
    control: &Control,
) -> Result<SlowLook, ModelError> {
    let asking = Batch::asking();
    let inputs = [InputData::F32(&probe.seen), InputData::U32(&asking)];
    let first = |tensor: TensorId| {
        let mut read = Read::tensor(recording, tensor);
        // Of the first sequence.
        read.ranges[0] = 0..N_TOKENS;
        read
    };
    let mut fast = Read::tensor(recording, pass.fast);
    fast.ranges[0] = 0..1;
    let state =
        |of: &Weights| Read::state(of.states[0], of.shape.dims().iter().map(|&n| 0..n).collect());
    let reads = [
        first(pass.from),
        first(pass.to),
        first(pass.answers),
        fast,
        Read::tensor(recording, pass.asked),
        state(&weights[0]),
        state(&weights[1]),
    ];
    let values = engine.run(recording, &inputs, Step::default(), &reads, control).await?;
    let mut values = values.into_iter();
    let mut next = || values.next().unwrap_or_default();
    let (from, to, answers, turned, asked) = (next(), next(), next(), next(), next());
    let (slow_from, slow_to) = (next(), next());
    // W lies turned, a row a column of FROM.
    let d_from = turned.len() / N_SYMBOLS;
    let fast = (0..N_SYMBOLS).flat_map(|to| (0..d_from).map(move |from| (to, from)));
    let fast = fast.map(|(to, from)| turned[from * N_SYMBOLS + to]).collect();
    let told = asked.chunks_exact(N_SYMBOLS).map(argmax);
    let n_right = told.zip(&probe.values).filter(|(told, value)| told == *value).count();
    Ok(SlowLook {
        right: n_right as f32 / probe.values.len() as f32,
        slow_from,
        slow_to,
        from,
        to,
        fast,
        answers,
        tokens: probe.tokens[..N_TOKENS].to_vec(),
        ..SlowLook::default()
    })
}
