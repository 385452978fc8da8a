//! What a run can go back to: parameters and moments after some steps, in the worker's memory.

use vitrine_models::train::nano::FileTensor;

/// Most states that are kept.
const MAX_KEPT: usize = 24;
/// Most bytes that they hold.
const MAX_BYTES: usize = 256 << 20;

/// A run's state after some steps.
pub(super) struct Saved {
    /// Steps that were done.
    pub step: usize,
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
    pub fn keep(&mut self, step: usize, tensors: Vec<FileTensor>) {
        let is_finite = |tensor: &FileTensor| tensor.values.iter().all(|value| value.is_finite());
        if !tensors.iter().all(is_finite) {
            return;
        }
        self.saved.retain(|saved| saved.step < step);
        let n_bytes: usize = tensors.iter().map(|tensor| tensor.values.len() * 4).sum();
        self.saved.push(Saved { step, tensors });
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

    /// The latest.
    pub fn last(&self) -> Option<&Saved> {
        self.saved.last()
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
            kept.keep(step, tensors(step as f32));
            assert!(kept.steps().len() <= MAX_KEPT);
            assert_eq!(kept.last().map(|saved| saved.step), Some(step));
        }
        let steps = kept.steps();
        assert_eq!((steps[0], steps.len() > MAX_KEPT / 2), (0, true), "{steps:?}");
        assert!(steps.is_sorted());
        assert_eq!(kept.get(steps[3] as usize).unwrap().tensors[0].values[0], steps[3] as f32);
    }

    #[test]
    fn what_is_no_number_is_not_kept() {
        let mut kept = Kept::default();
        kept.keep(0, tensors(1.0));
        kept.keep(5, tensors(f32::NAN));
        kept.keep(6, tensors(f32::INFINITY));
        assert_eq!(kept.steps(), [0]);
        kept.keep(7, tensors(2.0));
        kept.keep(9, tensors(2.0));
        kept.rewind(7);
        assert_eq!(kept.steps(), [0, 7]);
    }
}
