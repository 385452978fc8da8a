//! How long each form takes, by the number of tokens N: one head, causal, nothing but the attention.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention::{Attention, Given};
use vitrine_kernels::ops::linear_attention::{Form, LinearAttention};
use vitrine_kernels::{Control, DType, Engine, InputData, Read, Recorder, Step};

use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::normal;

/// Columns of queries, keys and values.
pub const D_HEAD: usize = 64;
/// Tokens of a chunk.
pub const CHUNK: usize = 32;
/// The fastest run counts, of at least so many after one that compiles and allocates …
const N_RUNS: usize = 3;
/// … and of as many as fit into so many milliseconds: short ones are disturbed most.
const MS: f64 = 150.0;
/// Most runs, where the clock is coarse.
const MAX_RUNS: usize = 50;

/// Which computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timed {
    /// Softmax attention, its pattern kept.
    Softmax,
    /// Linear attention over all pairs.
    Pairs,
    /// Linear attention, a token at a time.
    Recurrent,
    /// Linear attention in chunks of [`CHUNK`].
    Chunks,
}

impl Timed {
    /// All, in the order of the screen.
    pub const ALL: [Self; 4] = [Self::Softmax, Self::Pairs, Self::Recurrent, Self::Chunks];
}

/// The shortest of some runs, in milliseconds, on `n` tokens; `now` is a clock of milliseconds.
///
/// # Errors
/// If the engine fails, or has no room.
pub async fn time(
    engine: &mut Engine,
    timed: Timed,
    n: usize,
    now: &dyn Fn() -> f64,
    control: &Control,
) -> Result<f64, ModelError> {
    let mut random = Random::from_seed(7);
    let x: Vec<f32> = (0..n * D_HEAD).map(|_| normal(&mut random).abs()).collect();
    let mut recorder = Recorder::new();
    let [q, k, v] = [(); 3].map(|()| recorder.input([n, D_HEAD], DType::F32));
    let form = match timed {
        Timed::Softmax => None,
        Timed::Pairs => Some(Form::Attention),
        Timed::Recurrent => Some(Form::Recurrent),
        Timed::Chunks => Some(Form::Chunked(CHUNK)),
    };
    let z = match form {
        Some(form) => {
            let op = LinearAttention { n_sequences: 1, n_heads: 1, form, ..Default::default() };
            recorder.linear_attention([q, k, v], None, op)?.z
        }
        None => {
            let op = Attention {
                n_sequences: 1,
                n_heads: 1,
                n_kv_heads: 1,
                d_head: D_HEAD,
                scale: (D_HEAD as f32).powf(-0.5),
                causal: true,
                ..Attention::default()
            };
            recorder.attention([q, k, v], Given::default(), op)?.z
        }
    };
    recorder.keep(z);
    let recording = recorder.finish();
    let inputs = [InputData::F32(&x); 3];
    let mut read = Read::tensor(&recording, z);
    read.ranges = vec![n - 1..n, 0..D_HEAD];
    let reads = std::slice::from_ref(&read);
    engine.run(&recording, &inputs, Step::default(), reads, control).await?;
    let (begun, mut best) = (now(), f64::INFINITY);
    for run in 0..MAX_RUNS {
        let start = now();
        if run >= N_RUNS && start - begun > MS {
            break;
        }
        engine.run(&recording, &inputs, Step::default(), reads, control).await?;
        best = best.min(now() - start);
    }
    engine.forget(recording.id());
    Ok(best)
}
