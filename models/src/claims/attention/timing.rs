//! How long one layer's mixing of n rows of d columns takes (Table 1): self-attention, O(n²·d), by three kernels; a
//! recurrent unit through time, O(n·d²); a convolution of width k, O(k·n·d²); self-attention restricted to r keys a
//! row, O(r·n·d). Projections to queries, keys, values and gates, which cost n·d², are left out.

use serde::{Deserialize, Serialize};
use vitrine_kernels::{Control, DType, Engine, InputData, Recorder, Shape, TensorId};

use super::super::flash::timing::{self as flash, Time, shortest};
use super::super::flash::{Qkv, Rules};
use super::layers::{convolution, restricted};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::normal;

/// Gates of an LSTM.
const N_GATES: usize = 4;
/// k, the width of the convolution.
pub const KERNEL_WIDTH: u32 = 3;
/// r, the keys that a row of restricted attention sees.
pub const NEIGHBOURS: u32 = 32;
/// Of the random numbers.
const SEED: u64 = 7;

/// Which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Timed {
    /// One head of self-attention over all rows: QKᵀ, softmax, times V.
    Attention,
    /// An LSTM's steps through time, the input's part given.
    Recurrent,
    /// A convolution over [`KERNEL_WIDTH`] positions, from d columns to d.
    Convolution,
    /// One head of self-attention over [`NEIGHBOURS`] keys a row, in one kernel.
    Restricted,
}

impl Timed {
    /// All, in the order of the paper's table.
    pub const ALL: [Self; 4] =
        [Self::Attention, Self::Recurrent, Self::Convolution, Self::Restricted];

    /// The published exponents of n and d.
    pub fn published(self) -> [u32; 2] {
        match self {
            Self::Attention => [2, 1],
            Self::Recurrent | Self::Convolution => [1, 2],
            Self::Restricted => [1, 1],
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
    let mut recorder = Recorder::new();
    let [n_rows, n_cols] = [n, d].map(|size| size as usize);
    match timed {
        Timed::Attention => {
            let rules = Rules { causal: false, ..Rules::default() };
            let of = flash::Timed::Matrices;
            flash::time(engine, of, [n, d], rules, None, now, control).await
        }
        Timed::Restricted => {
            let qkv = Qkv::random([n, n], d, SEED);
            let inputs = qkv.record(&mut recorder);
            let z = restricted(&mut recorder, inputs, NEIGHBOURS)?;
            shortest(engine, recorder, &qkv.inputs(), &[z], now, control).await
        }
        Timed::Recurrent => {
            let inputs = [[n_rows, N_GATES * n_cols], [N_GATES * n_cols, n_cols]];
            let [x, w] = inputs.map(|shape| recorder.input(shape, DType::F32));
            let b = recorder.fill(Shape::from([N_GATES * n_cols]), 0.0);
            let h = recorder.lstm_batch([x, w, b], 1)?;
            drawn(engine, recorder, &inputs, h, now, control).await
        }
        Timed::Convolution => {
            let inputs = [[n_rows, n_cols], [n_cols, KERNEL_WIDTH as usize * n_cols]];
            let [x, w] = inputs.map(|shape| recorder.input(shape, DType::F32));
            let y = convolution(&mut recorder, x, w)?;
            drawn(engine, recorder, &inputs, y, now, control).await
        }
    }
}

/// The time of a recording on drawn rows of variance 1 and drawn weights of 1/d.
async fn drawn(
    engine: &mut Engine,
    recorder: Recorder,
    inputs: &[[usize; 2]],
    wanted: TensorId,
    now: &dyn Fn() -> f64,
    control: &Control,
) -> Result<Time, ModelError> {
    let mut random = Random::from_seed(SEED);
    let mut draw = |idx: usize, [n, m]: [usize; 2]| -> Vec<f32> {
        let size = if idx == 0 { 1.0 } else { (m as f32).powf(-0.5) };
        (0..n * m).map(|_| size * normal(&mut random)).collect()
    };
    let values: Vec<_> = inputs.iter().enumerate().map(|(idx, &n)| draw(idx, n)).collect();
    let inputs: Vec<_> = values.iter().map(|values| InputData::F32(values)).collect();
    shortest(engine, recorder, &inputs, &[wanted], now, control).await
}
