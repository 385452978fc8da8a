//! Bytes a second over the last seconds, and how often to tell.

use std::collections::VecDeque;

/// How far back the rate looks.
const WINDOW_MS: f64 = 3000.0;
/// Between two reports.
const REPORT_MS: f64 = 100.0;

/// Measures a transfer.
#[derive(Default)]
pub(super) struct Rate {
    /// Time and bytes so far.
    samples: VecDeque<(f64, u64)>,
    reported: Option<f64>,
}

impl Rate {
    /// Notes `received` bytes in all at time `now`; whether a report is due.
    pub fn note(&mut self, now: f64, received: u64) -> bool {
        self.samples.push_back((now, received));
        while self.samples.len() > 2 && now - self.samples[0].0 > WINDOW_MS {
            self.samples.pop_front();
        }
        let is_due = self.reported.is_none_or(|then| now - then >= REPORT_MS);
        if is_due {
            self.reported = Some(now);
        }
        is_due
    }

    /// Bytes a second.
    pub fn per_second(&self) -> f64 {
        match (self.samples.front(), self.samples.back()) {
            (Some(first), Some(last)) if last.0 > first.0 => {
                last.1.saturating_sub(first.1) as f64 * 1000.0 / (last.0 - first.0)
            }
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_forgets_what_is_long_ago() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), 0.0);
        for step in 0..=10u64 {
            rate.note(step as f64 * 100.0, step * 1000);
        }
        assert!((rate.per_second() - 10_000.0).abs() < 1e-6);
        for step in 0..=40u64 {
            rate.note(1000.0 + step as f64 * 100.0, 10_000);
        }
        assert_eq!(rate.per_second(), 0.0);
    }

    #[test]
    fn reports_come_ten_times_a_second() {
        let mut rate = Rate::default();
        let n_due = (0..1000).filter(|&ms| rate.note(f64::from(ms), 0)).count();
        assert_eq!(n_due, 10);
    }
}
