//! What a run can go back to: parameters and moments after some steps, in the worker's memory.

use vitrine_models::train::nano::FileTensor;

/// Most states that are kept.
const MAX_KEPT: usize = 24;
/// Most bytes that they hold.
const MAX_BYTES: usize = 256 << 20;
/// A state whose loss is more than so many times the best is no good: the run was being lost there.
const MAX_WORSE: f64 = 2.0;

/// A run's state after some steps.
pub(super) struct Saved {
    /// Steps that were done.
    pub step: usize,
    /// The last loss of what is held out.
    loss: f64,
    /// Parameters and moments.
    pub tensors: Vec<FileTensor>,
}

/// All that are kept, in order.
#[derive(Default)]
pub(super) struct Kept {
    saved: Vec<Saved>,
}

impl Kept {
    /// Keeps a state, unless it holds what is no number. Where there are too many, every second one
    /// goes: the first and the last stay, the others lie evenly.
    pub fn keep(&mut self, step: usize, loss: f64, tensors: Vec<FileTensor>) {
        let is_finite = |tensor: &FileTensor| tensor.values.iter().all(|value| value.is_finite());
        if !tensors.iter().all(is_finite) {
            return;
        }
        self.saved.retain(|saved| saved.step < step);
        let n_bytes: usize = tensors.iter().map(|tensor| tensor.values.len() * 4).sum();
        self.saved.push(Saved { step, loss, tensors });
        let most = (MAX_BYTES / n_bytes.max(1)).clamp(2, MAX_KEPT);
        if self.saved.len() > most {
            let last = self.saved.len() - 1;
            let mut at = 0;
            self.saved.retain(|_| {
                at += 1;
                (at - 1) % 2 == 0 || at - 1 == last
            });
        }
    }

    /// Forgets what came after a step.
    pub fn rewind(&mut self, step: usize) {
        self.saved.retain(|saved| saved.step <= step);
    }

    /// The state after a step.
    pub fn get(&self, step: usize) -> Option<&Saved> {
        self.saved.iter().find(|saved| saved.step == step)
    }

    /// The latest that is good: weights can be numbers still when the run is lost already.
    pub fn last_good(&self) -> Option<&Saved> {
        let best = self.saved.iter().map(|saved| saved.loss).fold(f64::INFINITY, f64::min);
        let is_good = |saved: &&Saved| saved.loss <= MAX_WORSE * best;
        self.saved.iter().rev().find(is_good).or(self.saved.first())
    }

    /// The steps of all.
    pub fn steps(&self) -> Vec<u32> {
        self.saved.iter().map(|saved| saved.step as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensors(value: f32) -> Vec<FileTensor> {
        vec![FileTensor { name: "a".into(), shape: vec![1], values: vec![value] }]
    }

    #[test]
    fn the_first_and_the_last_stay_when_there_are_many() {
        let mut kept = Kept::default();
        for step in (0..1000).step_by(10) {
            kept.keep(step, 1.0, tensors(step as f32));
            assert!(kept.steps().len() <= MAX_KEPT);
            assert_eq!(kept.last_good().map(|saved| saved.step), Some(step));
        }
        let steps = kept.steps();
        assert_eq!((steps[0], steps.len() > MAX_KEPT / 2), (0, true), "{steps:?}");
        assert!(steps.is_sorted());
        assert_eq!(kept.get(steps[3] as usize).unwrap().tensors[0].values[0], steps[3] as f32);
    }

    #[test]
    fn what_is_no_number_is_not_kept() {
        let mut kept = Kept::default();
        kept.keep(0, 4.0, tensors(1.0));
        kept.keep(5, 4.0, tensors(f32::NAN));
        kept.keep(6, 4.0, tensors(f32::INFINITY));
        assert_eq!(kept.steps(), [0]);
        kept.keep(7, 3.0, tensors(2.0));
        kept.keep(9, 3.0, tensors(2.0));
        kept.rewind(7);
        assert_eq!(kept.steps(), [0, 7]);
    }

    #[test]
    fn a_state_of_a_run_that_is_being_lost_is_no_way_back() {
        let mut kept = Kept::default();
        for (step, loss) in [(0, 4.0), (2, 3.0), (4, 5.0), (6, 1e9), (8, f64::NAN)] {
            kept.keep(step, loss, tensors(1.0));
        }
        assert_eq!(kept.last_good().map(|saved| saved.step), Some(4));
        let mut lost = Kept::default();
        lost.keep(0, f64::NAN, tensors(1.0));
        assert_eq!(lost.last_good().map(|saved| saved.step), Some(0));
    }
}
