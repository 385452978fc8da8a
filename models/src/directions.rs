//! Random directions for FAVOR+ features (Choromanski et al. 2020, arXiv 2009.14794): normal vectors,
//! drawn one by one, or in blocks whose rows are orthogonal and keep the lengths of normal vectors, so
//! that each is distributed as before and all of them spread better.

use crate::sample::Random;
use crate::train::random::normal;

/// How directions are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Draw {
    /// Each by itself.
    Independent,
    /// Orthogonal within blocks of d.
    #[default]
    Orthogonal,
}

/// `m` directions of `d` columns, `[m, d]`.
pub fn directions(draw: Draw, m: usize, d: usize, random: &mut Random) -> Vec<f32> {
    let mut all: Vec<f32> = (0..m * d).map(|_| normal(random)).collect();
    if draw == Draw::Orthogonal {
        for block in all.chunks_mut(d * d) {
            orthogonalise(block, d);
            for row in block.chunks_exact_mut(d) {
                let length = (0..d).map(|_| f64::from(normal(random)).powi(2)).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x = (f64::from(*x) * length) as f32);
            }
        }
    }
    all
}

/// Gives rows length 1 and turns each away from those before it (Gram and Schmidt, twice, so that what
/// rounding left goes too).
fn orthogonalise(rows: &mut [f32], d: usize) {
    for idx in 0..rows.len() / d {
        let (before, row) = rows.split_at_mut(idx * d);
        let row = &mut row[..d];
        for _ in 0..2 {
            for other in before.chunks_exact(d) {
                let along = dot(row, other);
                for (x, other) in row.iter_mut().zip(other) {
                    *x = (f64::from(*x) - along * f64::from(*other)) as f32;
                }
            }
            let length = dot(row, row).sqrt().max(f64::MIN_POSITIVE);
            row.iter_mut().for_each(|x| *x = (f64::from(*x) / length) as f32);
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_orthogonal_and_lengths_those_of_normal_vectors() {
        let mut random = Random::from_seed(3);
        let (m, d) = (2000, 8);
        for draw in [Draw::Independent, Draw::Orthogonal] {
            let all = directions(draw, m, d, &mut random);
            let squares = all.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / (m * d) as f64;
            assert!((squares - 1.0).abs() < 0.05, "{draw:?}: {squares}");
            let rows: Vec<_> = all.chunks_exact(d).collect();
            let cosines = rows.chunks_exact(d).flat_map(|block| {
                (1..d).map(|at| {
                    let lengths = dot(block[0], block[0]) * dot(block[at], block[at]);
                    dot(block[0], block[at]).abs() / lengths.sqrt()
                })
            });
            let largest = cosines.fold(0.0, f64::max);
            assert_eq!(largest < 1e-6, draw == Draw::Orthogonal, "{draw:?}: {largest}");
        }
    }

    /// The mean square error of an estimate of exp(xᵀy) by m features, over many draws.
    fn error(draw: Draw, m: usize, is_positive: bool, [x, y]: [&[f32]; 2]) -> f64 {
        let mut random = Random::from_seed(9);
        let n = 4000;
        let exact = dot(x, y).exp();
        let squares = [dot(x, x), dot(y, y)].map(|square| square / 2.0);
        let estimate = |omega: &[f32]| {
            let along = [dot(omega, x), dot(omega, y)];
            match is_positive {
                true => (along[0] - squares[0] + along[1] - squares[1]).exp(),
                false => (squares[0] + squares[1]).exp() * (along[0] - along[1]).cos(),
            }
        };
        let miss = |_| {
            let all = directions(draw, m, x.len(), &mut random);
            let mean = all.chunks_exact(x.len()).map(estimate).sum::<f64>() / m as f64;
            (mean - exact).powi(2)
        };
        (0..n).map(miss).sum::<f64>() / f64::from(n)
    }

    #[test]
    fn errors_are_those_of_the_paper() {
        let x = [0.3, -0.2, 0.4, 0.1];
        let y = [0.1, 0.3, 0.2, -0.4];
        let both = |sign: f32| -> f64 {
            x.iter().zip(&y).map(|(x, y)| f64::from(x + sign * y).powi(2)).sum()
        };
        let (plus, minus, exact) = (both(1.0), both(-1.0), dot(&x, &y).exp());
        let m = 16;
        // Lemma 2, of directions drawn one by one.
        let positive = plus.exp() * exact.powi(2) * (1.0 - (-plus).exp()) / m as f64;
        let trigonometric =
            plus.exp() / exact.powi(2) * (1.0 - (-minus).exp()).powi(2) / (2 * m) as f64;
        let close = |found: f64, expected: f64| {
            assert!((found / expected - 1.0).abs() < 0.15, "{found}, not {expected}");
        };
        close(error(Draw::Independent, m, true, [&x, &y]), positive);
        close(error(Draw::Independent, m, false, [&x, &y]), trigonometric);
        close(error(Draw::Independent, 4 * m, true, [&x, &y]), positive / 4.0);
        // As many directions as columns: all of them are at right angles, and gain most.
        let m = x.len();
        let positive = positive * 16.0 / m as f64;
        let orthogonal = error(Draw::Orthogonal, m, true, [&x, &y]);
        assert!(orthogonal < positive, "{orthogonal}, not below {positive}");
    }
}
