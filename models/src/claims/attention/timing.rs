//! How long one layer's mixing of n rows of d columns takes (Table 1): self-attention, O(n²·d), by three kernels,
//! and a recurrent unit through time, O(n·d²). Projections, which both have and which cost n·d², are left out.

use serde::{Deserialize, Serialize};
use vitrine_kernels::{Control, DType, Engine, InputData, Recorder};

use super::super::flash::Rules;
use super::super::flash::timing::{self as flash, Time, shortest};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::normal;

/// Gates of an LSTM.
const N_GATES: usize = 4;
/// Of the random numbers.
const SEED: u64 = 7;

/// Which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timed {
    /// One head of self-attention over all rows: QKᵀ, softmax, times V.
    Attention,
    /// An LSTM's steps through time, the input's part given.
    Recurrent,
}

impl Timed {
    /// Both, in the order of the paper's table.
    pub const ALL: [Self; 2] = [Self::Attention, Self::Recurrent];

    /// The published exponents of n and d.
    pub fn published(self) -> [u32; 2] {
        match self {
            Self::Attention => [2, 1],
            Self::Recurrent => [1, 2],
        }
    }
}

/// The shortest of some runs on n rows of d columns; `now` is a clock of milliseconds.
///
/// # Errors
/// If the unit is too wide for a kernel; what the engine reports.
pub async fn time(
    engine: &mut Engine,
    timed: Timed,
    [n, d]: [u32; 2],
    now: &dyn Fn() -> f64,
    control: &Control,
) -> Result<Time, ModelError> {
    if timed == Timed::Attention {
        let rules = Rules { causal: false, ..Rules::default() };
        let of = flash::Timed::Matrices;
        return flash::time(engine, of, [n, d], rules, None, now, control).await;
    }
    let (n, d) = (n as usize, d as usize);
    let mut random = Random::from_seed(SEED);
    let mut draw =
        |n: usize, size: f32| -> Vec<f32> { (0..n).map(|_| size * normal(&mut random)).collect() };
    let x = draw(n * N_GATES * d, 1.0);
    let w = draw(N_GATES * d * d, (d as f32).powf(-0.5));
    let b = vec![0.0; N_GATES * d];
    let mut recorder = Recorder::new();
    let operands = [
        recorder.input([n, N_GATES * d], DType::F32),
        recorder.input([N_GATES * d, d], DType::F32),
        recorder.input([N_GATES * d], DType::F32),
    ];
    let h = recorder.lstm_batch(operands, 1)?;
    let inputs = [&x, &w, &b].map(|values| InputData::F32(values));
    shortest(engine, recorder, &inputs, &[h], now, control).await
}
