//! How the learning rate changes over a run: pure functions of the step.

use serde::{Deserialize, Serialize};

/// Which curve follows the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// The peak, to the end.
    Constant,
    /// Falls in a line.
    Linear,
    /// Falls as half a cosine (Loshchilov and Hutter 2016, arXiv 1608.03983).
    #[default]
    Cosine,
    /// Falls with the root of the step (Vaswani et al. 2017, arXiv 1706.03762).
    InverseSqrt,
    /// Rises and falls as half cosines, from a 25th of the peak to a 10,000th of that (Smith and Topin
    /// 2017, arXiv 1708.07120). Its rise is the warm-up, 3/10 of the run where none is given.
    OneCycle,
    /// Rises in a short line and falls in a long one, from and to a 32nd of the peak (Howard and Ruder
    /// 2018, arXiv 1801.06146). Its rise is the warm-up, a tenth of the run where none is given.
    SlantedTriangular,
    /// Stays at the peak, then falls in a line over the last part of the run (warm-up, stable, decay: Hu et
    /// al. 2024, arXiv 2404.06395).
    Wsd,
}

/// A learning rate's course.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// The curve.
    pub curve: Curve,
    /// Steps in which the rate rises in a line from 0.
    pub warmup: usize,
    /// Where linear, cosine and WSD end, as a share of the peak.
    pub floor: f32,
    /// The share of the run in which WSD falls.
    pub decay_share: f32,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { curve: Curve::Cosine, warmup: 0, floor: 0.0, decay_share: 0.2 }
    }
}

impl Schedule {
    /// The share of the peak at `step` (from 0) of `n_steps`.
    pub fn share(&self, step: usize, n_steps: usize) -> f32 {
        let (step, n_steps) = (step as f64, n_steps.max(1) as f64);
        let floor = f64::from(self.floor);
        let half_cosine = |from: f64, to: f64, part: f64| {
            to + (from - to) * 0.5 * (1.0 + (std::f64::consts::PI * part.clamp(0.0, 1.0)).cos())
        };
        let line = |from: f64, to: f64, part: f64| from + (to - from) * part.clamp(0.0, 1.0);
        let rise = |share: f64| match self.warmup {
            0 => (share * n_steps).max(1.0),
            warmup => warmup as f64,
        };
        let share = match self.curve {
            Curve::OneCycle => {
                let rise = rise(0.3);
                match step < rise {
                    true => half_cosine(1.0 / 25.0, 1.0, step / rise),
                    false => half_cosine(1.0, 1.0 / 250_000.0, (step - rise) / (n_steps - rise)),
                }
            }
            Curve::SlantedTriangular => {
                let (rise, least) = (rise(0.1), 1.0 / 32.0);
                match step < rise {
                    true => line(least, 1.0, step / rise),
                    false => line(1.0, least, (step - rise) / (n_steps - rise)),
                }
            }
            curve => {
                let warmup = self.warmup as f64;
                if step < warmup {
                    // The first step moves, as in the paper that counts from 1.
                    return ((step + 1.0) / warmup) as f32;
                }
                let part = (step - warmup) / (n_steps - warmup).max(1.0);
                match curve {
                    Curve::Linear => line(1.0, floor, part),
                    Curve::Cosine => half_cosine(1.0, floor, part),
                    Curve::InverseSqrt => (warmup.max(1.0) / (step + 1.0)).sqrt().min(1.0),
                    Curve::Wsd => {
                        let fall = (f64::from(self.decay_share) * n_steps).max(1.0);
                        line(1.0, floor, (step - (n_steps - fall)) / fall)
                    }
                    _ => 1.0,
                }
            }
        };
        share as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(curve: Curve, warmup: usize) -> Vec<f32> {
        let schedule = Schedule { curve, warmup, floor: 0.1, decay_share: 0.2 };
        (0..=100).map(|step| schedule.share(step, 100)).collect()
    }

    fn is_close(a: f32, b: f32) -> bool {
        (a - b).abs() < 1e-5
    }

    #[test]
    fn warm_up_is_a_line_to_the_peak() {
        for curve in [Curve::Constant, Curve::Linear, Curve::Cosine, Curve::InverseSqrt, Curve::Wsd]
        {
            let shares = shares(curve, 10);
            assert!(is_close(shares[0], 0.1) && is_close(shares[4], 0.5), "{curve:?}");
            assert!(is_close(shares[9], 1.0), "{curve:?}");
        }
    }

    #[test]
    fn what_follows() {
        assert!(shares(Curve::Constant, 10)[10..].iter().all(|share| is_close(*share, 1.0)));
        assert!(is_close(shares(Curve::Linear, 0)[50], 0.55));
        assert!(is_close(shares(Curve::Cosine, 0)[50], 0.55));
        assert!(is_close(shares(Curve::Cosine, 0)[25], 0.1 + 0.9 * 0.853_553_4));
        assert!(is_close(shares(Curve::InverseSqrt, 10)[39], 0.5));
        let wsd = shares(Curve::Wsd, 10);
        assert!(is_close(wsd[80], 1.0) && is_close(wsd[90], 0.55) && is_close(wsd[100], 0.1));
        let cycle = shares(Curve::OneCycle, 0);
        assert!(is_close(cycle[0], 0.04) && is_close(cycle[30], 1.0));
        assert!(is_close(cycle[100], 4e-6));
        let slanted = shares(Curve::SlantedTriangular, 0);
        assert!(is_close(slanted[0], 1.0 / 32.0) && is_close(slanted[10], 1.0));
        assert!(is_close(slanted[55], 0.5 * (1.0 + 1.0 / 32.0)));
        for curve in [Curve::Linear, Curve::Cosine] {
            assert!(is_close(shares(curve, 10)[100], 0.1), "{curve:?}");
        }
    }
}
