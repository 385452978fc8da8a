//! How far FAVOR+ features are from the kernel that they stand for, by their number m (Choromanski et al. 2020,
//! arXiv 2009.14794, Lemma 2), with directions drawn one by one.

use serde::{Deserialize, Serialize};
use vitrine_kernels::ops::feature_map::{FeatureMap, Features};
use vitrine_kernels::{Control, DType, Engine, InputData, Read, Recorder, Step};

use crate::directions::{Draw, directions};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::normal;

/// Columns of x and y.
const D: usize = 16;
/// Pairs of x and y.
const N_PAIRS: usize = 32;

/// What is measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Favor {
    /// Numbers of directions.
    pub ms: Vec<u32>,
    /// Draws of directions that are averaged.
    pub n_draws: u32,
    /// Length of x and y.
    pub length: f32,
    /// Of pairs and directions.
    pub seed: u32,
}

/// Root mean square errors of exp(xᵀy) at one m.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FavorError {
    /// m.
    pub m: u32,
    /// Of positive features, measured.
    pub positive: f32,
    /// Of trigonometric ones, measured.
    pub trigonometric: f32,
    /// Of positive features, by the lemma.
    pub positive_exact: f32,
    /// Of trigonometric ones, by the lemma.
    pub trigonometric_exact: f32,
}

/// Measures.
///
/// # Errors
/// If there is nothing to measure, or the engine fails.
pub async fn favor(
    engine: &mut Engine,
    ask: &Favor,
    control: &Control,
) -> Result<Vec<FavorError>, ModelError> {
    if ask.n_draws == 0 || ask.ms.iter().any(|&m| m == 0 || m > 1 << 14) {
        return Err(ModelError::input("directions", "are none or too many"));
    }
    let mut random = Random::from_seed(ask.seed.into());
    let [x, y] = [(); 2].map(|()| points(ask.length, &mut random));
    let exact: Vec<f64> = rows(&x).zip(rows(&y)).map(|(x, y)| dot(x, y).exp()).collect();
    let mut errors = Vec::with_capacity(ask.ms.len());
    for &m in &ask.ms {
        let mut recorder = Recorder::new();
        let ids = [[N_PAIRS, D], [N_PAIRS, D], [m as usize, D]]
            .map(|shape| recorder.input(shape, DType::F32));
        let mut kernels = Vec::with_capacity(2);
        for features in [Features::FavorPositive, Features::FavorTrigonometric] {
            let op = FeatureMap { features, d_head: D };
            let of_x = recorder.feature_map(ids[0], Some(ids[2]), op)?;
            let of_y = recorder.feature_map(ids[1], Some(ids[2]), op)?;
            let kernel = recorder.head_dots(of_x, of_y, 1)?;
            recorder.keep(kernel);
            kernels.push(kernel);
        }
        let recording = recorder.finish();
        let reads: Vec<_> = kernels.iter().map(|&id| Read::tensor(&recording, id)).collect();
        let mut squares = [0.0; 2];
        for _ in 0..ask.n_draws {
            let omega = directions(Draw::Independent, m as usize, D, &mut random);
            let inputs = [&x, &y, &omega].map(|values| InputData::F32(values));
            let found = engine.run(&recording, &inputs, Step::default(), &reads, control).await?;
            for (sum, found) in squares.iter_mut().zip(&found) {
                *sum +=
                    found.iter().zip(&exact).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum::<f64>();
            }
        }
        engine.forget(recording.id());
        let n = f64::from(ask.n_draws) * N_PAIRS as f64;
        let [positive, trigonometric] = squares.map(|sum| (sum / n).sqrt() as f32);
        let [positive_exact, trigonometric_exact] = lemma(&x, &y, m);
        errors.push(FavorError { m, positive, trigonometric, positive_exact, trigonometric_exact });
    }
    Ok(errors)
}

/// Lemma 2 for these pairs: positive and trigonometric.
fn lemma(x: &[f32], y: &[f32], m: u32) -> [f32; 2] {
    let mut squares = [0.0; 2];
    for (x, y) in rows(x).zip(rows(y)) {
        let both = |sign: f64| -> f64 {
            x.iter().zip(y).map(|(x, y)| (f64::from(*x) + sign * f64::from(*y)).powi(2)).sum()
        };
        let (plus, minus, exact) = (both(1.0), both(-1.0), dot(x, y).exp());
        squares[0] += plus.exp() * exact.powi(2) * (1.0 - (-plus).exp()) / f64::from(m);
        squares[1] +=
            plus.exp() / exact.powi(2) * (1.0 - (-minus).exp()).powi(2) / (2.0 * f64::from(m));
    }
    squares.map(|sum| (sum / N_PAIRS as f64).sqrt() as f32)
}

/// `[N_PAIRS, D]`, each row of one length.
fn points(length: f32, random: &mut Random) -> Vec<f32> {
    let mut all: Vec<f32> = (0..N_PAIRS * D).map(|_| normal(random)).collect();
    for row in all.chunks_exact_mut(D) {
        let size = length / dot(row, row).sqrt() as f32;
        row.iter_mut().for_each(|x| *x *= size);
    }
    all
}

fn rows(x: &[f32]) -> impl Iterator<Item = &[f32]> {
    x.chunks_exact(D)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
