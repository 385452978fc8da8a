//! How long one head takes, by the number of rows N, forward and with its backward pass.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::attention::Given;
use vitrine_kernels::ops::softmax::Masks;
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, Recorder, Recording, Step, TensorId,
};

use super::backward::attention;
use super::{Qkv, Rules, by_matrices};
use crate::error::ModelError;
use crate::stamps;

/// The fastest of so many runs counts, after one that compiles and allocates.
const N_RUNS: usize = 3;

/// By the machine's clock, what is measured takes so many milliseconds at least: browsers give the time in steps
/// of 0.1.
const MIN_SPAN_MS: f64 = 5.0;
/// A computation is repeated so often at most for one measurement.
const MAX_REPEATS: f64 = 100.0;

/// Which computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timed {
    /// Three kernels with matrices between them.
    Matrices,
    /// One kernel, a row of queries alone.
    Rows,
    /// One kernel, by blocks.
    Blocks,
    /// Forward and backward, the pattern kept.
    Kept,
    /// Forward and backward, the pattern computed again.
    Again,
}

impl Timed {
    /// All, in the order of the screen.
    pub const ALL: [Self; 5] = [Self::Matrices, Self::Rows, Self::Blocks, Self::Kept, Self::Again];
}

/// By which clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Clock {
    /// The GPU's own, around each kernel.
    Stamps,
    /// The machine's, around the whole run with its way to the engine and back.
    Wall,
}

/// A time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Milliseconds.
    pub ms: f64,
    /// By which clock.
    pub clock: Clock,
}

/// The shortest of some runs on N rows of `d` columns; `now` is a clock of milliseconds. `tiles` count for
/// [`Timed::Blocks`] alone.
///
/// # Errors
/// If blocks or tiles do not fit; what the engine reports.
pub async fn time(
    engine: &mut Engine,
    timed: Timed,
    [n, d]: [u32; 2],
    rules: Rules,
    tiles: Option<&[u32]>,
    now: &dyn Fn() -> f64,
    control: &Control,
) -> Result<Time, ModelError> {
    let qkv = Qkv::random([n, n], d, 7);
    let mut recorder = Recorder::new();
    let inputs = qkv.record(&mut recorder);
    let mut values = qkv.inputs().to_vec();
    let is_both = matches!(timed, Timed::Kept | Timed::Again);
    let dz = is_both.then(|| recorder.input([n as usize, d as usize], DType::F32));
    values.extend(dz.map(|_| InputData::F32(&qkv.v)));
    let tiles = tiles.filter(|_| timed == Timed::Blocks);
    let marks = tiles.map(|tiles| recorder.input([tiles.len()], DType::U32));
    values.extend(tiles.map(InputData::U32));
    let (op, causal) = (rules.op(d as usize), rules.causal);
    let of_batch = attention(d as usize, causal);
    let z = match timed {
        Timed::Matrices => by_matrices(&mut recorder, inputs, op.heads, causal, None)?.z,
        Timed::Rows => {
            let masks = Masks { causal, ..Masks::default() };
            recorder.attention_tiled(inputs, masks, op.heads)?.z
        }
        Timed::Blocks => recorder.attention_flash(inputs, marks, op)?.z,
        Timed::Kept => recorder.attention(inputs, Given::default(), of_batch)?.z,
        Timed::Again => recorder.attention_recomputed(inputs, Given::default(), of_batch)?.z,
    };
    let wanted = match dz {
        Some(dz) => recorder.backward_from(&[(z, dz)], &inputs)?,
        None => vec![z],
    };
    shortest(engine, recorder, &values, &wanted, now, control).await
}

/// The shortest of some runs of a recording whose last row of each of these tensors comes back.
pub(in crate::claims) async fn shortest(
    engine: &mut Engine,
    mut recorder: Recorder,
    inputs: &[InputData<'_>],
    wanted: &[TensorId],
    now: &dyn Fn() -> f64,
    control: &Control,
) -> Result<Time, ModelError> {
    wanted.iter().for_each(|&id| recorder.keep(id));
    let recording = recorder.finish();
    let reads: Vec<Read> = wanted.iter().map(|&id| last_row(&recording, id)).collect();
    let mut best = Time { ms: f64::INFINITY, clock: Clock::Wall };
    let mut outcome = Ok(Vec::new());
    let mut n_repeats = 1;
    for run in 0..=N_RUNS {
        stamps::start(engine);
        let start = now();
        for _ in 0..n_repeats {
            outcome = engine.run(&recording, inputs, Step::default(), &reads, control).await;
            if outcome.is_err() {
                break;
            }
        }
        if outcome.is_err() {
            break;
        }
        let wall = (now() - start) / f64::from(n_repeats);
        let time = match stamps::taken(engine) {
            Some(ms) => Time { ms: ms / f64::from(n_repeats), clock: Clock::Stamps },
            None => Time { ms: wall, clock: Clock::Wall },
        };
        if run == 0 {
            n_repeats = repeats(time);
        } else if time.ms < best.ms {
            best = time;
        }
    }
    stamps::end(engine);
    engine.forget(recording.id());
    Ok(outcome.map(|_| best)?)
}

/// How often a computation is run for one measurement, where one run takes about so long.
fn repeats(one: Time) -> u32 {
    match one.clock {
        Clock::Stamps => 1,
        Clock::Wall => (MIN_SPAN_MS / one.ms).ceil().clamp(1.0, MAX_REPEATS) as u32,
    }
}

fn last_row(recording: &Recording, id: TensorId) -> Read {
    let mut read = Read::tensor(recording, id);
    let n_rows = read.ranges[0].end;
    read.ranges[0] = n_rows.saturating_sub(1)..n_rows;
    read
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_computations_are_repeated_under_a_coarse_clock_alone() {
        let wall = |ms| repeats(Time { ms, clock: Clock::Wall });
        assert_eq!([wall(0.0), wall(0.1), wall(2.0), wall(5.0), wall(80.0)], [100, 50, 3, 1, 1]);
        assert_eq!(repeats(Time { ms: 0.1, clock: Clock::Stamps }), 1);
    }
}
