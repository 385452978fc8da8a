//! What is to be seen of a model after some step: the alignment of an example, and everything that a
//! character of the output is computed from.

use serde::{Deserialize, Serialize};
use vitrine_kernels::{Control, Engine};

use super::Twin;
use crate::error::ModelError;
use crate::hook::{Hook, HookPoint, Stack};
use crate::trace::Trace;
use crate::train::tasks::Example;
use crate::train::{Dataset, Frozen, Snapshot, TrainConfig, Trainer, Vocabulary};

/// Characters that may be written beyond those that are wanted.
const N_TOO_MANY: usize = 3;
/// Characters of a date: what may be written for an input whose output nobody knows, or as many as it has.
const N_UNKNOWN: usize = 10;

/// A model after a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Shot {
    /// Steps that were done.
    pub step: u32,
    /// One for each example.
    pub seen: Vec<Seen>,
}

/// A model on one example. The decoder is told the right character before each one that it writes, and of an input
/// whose output nobody knows the one that it wrote itself; row i is what it does to write character i of the
/// output, and the last row writes the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// The input.
    pub input: String,
    /// The right output; where nobody knows it, what was written.
    pub output: String,
    /// What the model writes by itself, the likeliest character at each place.
    pub written: String,
    /// Numbers of a state of the decoder: d.
    pub d_hidden: u32,
    /// e, `[T, S]`: what the alignment is the softmax of. Empty with a fixed vector.
    pub scores: Vec<f32>,
    /// α, `[T, S]`: how much of each annotation goes into a context.
    pub alignment: Vec<f32>,
    /// h, `[S, 2·d]`: each character of the input, read from both sides.
    pub annotations: Vec<f32>,
    /// c, `[T, 2·d]`.
    pub contexts: Vec<f32>,
    /// `[d]`: the decoder's state before the first character.
    pub start: Vec<f32>,
    /// s, `[T, d]`.
    pub states: Vec<f32>,
    /// `[T, 3·d]`: of each row reset, update and candidate, in PyTorch's order. Its update gate is 1 less the
    /// paper's: `s = (1 − z)·candidate + z·s_before`.
    pub gates: Vec<f32>,
}

/// How far what must hold is from holding.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// Rows of α sum to 1.
    pub rows: f64,
    /// α is the softmax of e; none with a fixed vector.
    pub softmax: Option<f64>,
    /// c is the sum of α·h.
    pub contexts: f64,
    /// s is mixed by the update gate of the candidate and the state before.
    pub states: f64,
}

impl Seen {
    /// Characters of the input and the end: S.
    pub fn n_source(&self) -> usize {
        self.input.chars().count() + 1
    }

    /// Characters of the output and the end: T.
    pub fn n_target(&self) -> usize {
        self.output.chars().count() + 1
    }

    fn width(&self) -> usize {
        self.d_hidden as usize
    }

    /// α of a row, `[S]`.
    pub fn alignment_of(&self, row: usize) -> Option<&[f32]> {
        row_of(&self.alignment, row, self.n_source())
    }

    /// e of a row, `[S]`.
    pub fn scores_of(&self, row: usize) -> Option<&[f32]> {
        row_of(&self.scores, row, self.n_source())
    }

    /// c of a row, `[2·d]`.
    pub fn context_of(&self, row: usize) -> Option<&[f32]> {
        row_of(&self.contexts, row, 2 * self.width())
    }

    /// The state before a row, `[d]`.
    pub fn state_before(&self, row: usize) -> Option<&[f32]> {
        match row.checked_sub(1) {
            None => Some(&self.start),
            Some(before) => self.state_of(before),
        }
    }

    /// The state after a row, `[d]`.
    pub fn state_of(&self, row: usize) -> Option<&[f32]> {
        row_of(&self.states, row, self.width())
    }

    /// Reset gate, update gate and candidate of a row, `[d]` each.
    pub fn gates_of(&self, row: usize) -> Option<[&[f32]; 3]> {
        let all = row_of(&self.gates, row, 3 * self.width())?;
        let gate = |at: usize| row_of(all, at, self.width());
        Some([gate(0)?, gate(1)?, gate(2)?])
    }

    /// All that must hold, computed again from the parts in f64.
    pub fn errors(&self) -> Errors {
        let mut errors = Errors::default();
        let farther = |error: &mut f64, off: f64| {
            // Once it is NaN nothing is above it.
            if off > *error || off.is_nan() {
                *error = off;
            }
        };
        let width = 2 * self.width();
        for row in 0..self.n_target() {
            let Some(alignment) = self.alignment_of(row) else { continue };
            let sum: f64 = alignment.iter().map(|&share| f64::from(share)).sum();
            farther(&mut errors.rows, (sum - 1.0).abs());
            if let Some(scores) = self.scores_of(row) {
                let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let powers: Vec<f64> =
                    scores.iter().map(|&e| f64::from(e - highest).exp()).collect();
                let total: f64 = powers.iter().sum();
                let error = errors.softmax.get_or_insert(0.0);
                for (power, &share) in powers.iter().zip(alignment) {
                    farther(error, (power / total - f64::from(share)).abs());
                }
            }
            for (col, &found) in self.context_of(row).unwrap_or(&[]).iter().enumerate() {
                let annotations = self.annotations.iter().skip(col).step_by(width);
                let products = alignment.iter().zip(annotations);
                let sum: f64 = products.map(|(&a, &h)| f64::from(a) * f64::from(h)).sum();
                farther(&mut errors.contexts, (sum - f64::from(found)).abs());
            }
            if let (Some(before), Some(after), Some([_, update, candidate])) =
                (self.state_before(row), self.state_of(row), self.gates_of(row))
            {
                for (at, &found) in after.iter().enumerate() {
                    let [z, n, s] = [update[at], candidate[at], before[at]].map(f64::from);
                    let off = ((1.0 - z) * n + z * s - f64::from(found)).abs();
                    farther(&mut errors.states, off);
                }
            }
        }
        errors
    }

    /// Of the weight of some rows, the share that lies on some columns.
    pub fn share(&self, rows: std::ops::Range<usize>, cols: std::ops::Range<usize>) -> Option<f32> {
        let n_rows = rows.len();
        let own =
            rows.map(|row| Some(self.alignment_of(row)?.get(cols.clone())?.iter().sum::<f32>()));
        let sum: f32 = own.sum::<Option<f32>>()?;
        (n_rows > 0).then(|| sum / n_rows as f32)
    }
}

fn row_of(all: &[f32], row: usize, n_cols: usize) -> Option<&[f32]> {
    all.get(row * n_cols..(row + 1) * n_cols).filter(|row| !row.is_empty())
}

/// Looks at a model in training, on an engine that is given back emptied.
///
/// # Errors
/// Examples that leave the vocabulary; what the engines report; cancellation.
pub async fn look(
    trainer: &mut Trainer,
    (config, data): (&TrainConfig, &Dataset),
    twin: Twin,
    examples: &[Example],
    engine: Engine,
    control: &Control,
) -> Result<(Shot, Engine), ModelError> {
    let frozen = Frozen::of(trainer, config, data.vocabulary()).await?;
    look_at(&frozen, data.vocabulary(), twin, examples, engine, control).await
}

/// As [`look`], at a model of which the files are at hand. An output that is empty is not known.
pub(super) async fn look_at(
    frozen: &Frozen,
    vocabulary: &Vocabulary,
    twin: Twin,
    examples: &[Example],
    engine: Engine,
    control: &Control,
) -> Result<(Shot, Engine), ModelError> {
    let mut snapshot = frozen.open(vocabulary, engine, control).await?;
    let mut seen = Vec::new();
    for example in examples {
        seen.push(see(&mut snapshot, vocabulary, twin, example, control).await?);
    }
    Ok((Shot { step: frozen.step, seen }, snapshot.into_engine()))
}

async fn see(
    snapshot: &mut Snapshot,
    vocabulary: &Vocabulary,
    twin: Twin,
    example: &Example,
    control: &Control,
) -> Result<Seen, ModelError> {
    let [input, output] = [&example.input, &example.output].map(|text| vocabulary.encode(text));
    let (input, known) = (input?, output?);
    let n_most = if known.is_empty() { input.len().max(N_UNKNOWN) } else { known.len() };
    let written = snapshot.write(&input, n_most + N_TOO_MANY, control).await?;
    let told = if known.is_empty() { &written } else { &known };
    let mut hooks = vec![
        Hook::CrossPattern,
        Hook::CrossV,
        Hook::CrossZ,
        Hook::RnnStart,
        Hook::RnnHidden,
        Hook::RnnGates,
    ];
    if twin == Twin::Attention {
        hooks.push(Hook::CrossScores);
    }
    let points: Vec<_> = hooks.into_iter().map(point).collect();
    let trace = snapshot.read(&input, told, &points, control).await?;
    // A mark of the vocabulary is no character; an untrained model writes some.
    let spelled = |id: &u32| {
        let spelling = vocabulary.text(&[*id]);
        if spelling.chars().count() == 1 { spelling } else { "□".to_owned() }
    };
    let start = values(&trace, Hook::RnnStart);
    Ok(Seen {
        input: example.input.clone(),
        output: told.iter().map(spelled).collect(),
        written: written.iter().map(spelled).collect(),
        d_hidden: start.len() as u32,
        scores: values(&trace, Hook::CrossScores),
        alignment: values(&trace, Hook::CrossPattern),
        annotations: values(&trace, Hook::CrossV),
        contexts: values(&trace, Hook::CrossZ),
        states: values(&trace, Hook::RnnHidden),
        gates: values(&trace, Hook::RnnGates),
        start,
    })
}

fn point(hook: Hook) -> HookPoint {
    HookPoint { stack: Stack::Decoder, hook, layer: 0 }
}

fn values(trace: &Trace, hook: Hook) -> Vec<f32> {
    trace.get(point(hook)).map_or_else(Vec::new, |tensor| tensor.values.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One character in, none out: two annotations, one row, d = 1.
    fn seen() -> Seen {
        Seen {
            input: "a".to_owned(),
            d_hidden: 1,
            scores: vec![0.0, 3.0_f32.ln()],
            alignment: vec![0.25, 0.75],
            annotations: vec![1.0, 0.0, 0.0, 1.0],
            contexts: vec![0.25, 0.75],
            start: vec![0.5],
            states: vec![0.75],
            gates: vec![0.1, 0.5, 1.0],
            ..Seen::default()
        }
    }

    #[test]
    fn what_holds_has_no_error_and_what_is_off_is_found() {
        let holds = seen().errors();
        let all = [holds.rows, holds.softmax.unwrap(), holds.contexts, holds.states];
        assert!(all.iter().all(|error| *error <= 1e-7), "{all:?}");
        let off = Seen { alignment: vec![0.25, 0.5], ..seen() }.errors();
        let all = [off.rows, off.softmax.unwrap(), off.contexts];
        assert!(all.iter().all(|error| *error > 0.2), "{all:?}");
        assert!(Seen { states: vec![0.7], ..seen() }.errors().states > 0.04);
        assert!(Seen { states: vec![f32::NAN], ..seen() }.errors().states.is_nan());
        assert_eq!(Seen { scores: Vec::new(), ..seen() }.errors().softmax, None);
    }

    #[test]
    fn rows_and_shares() {
        let seen = seen();
        assert_eq!((seen.n_source(), seen.n_target()), (2, 1));
        assert_eq!(seen.state_before(0), Some(&[0.5][..]));
        assert_eq!(seen.state_before(1), Some(&[0.75][..]));
        assert_eq!(seen.gates_of(0).map(|gates| gates[1]), Some(&[0.5][..]));
        assert_eq!((seen.state_of(1), seen.gates_of(1), seen.alignment_of(1)), (None, None, None));
        assert_eq!(seen.share(0..1, 1..2), Some(0.75));
        assert_eq!((seen.share(0..2, 1..2), seen.share(0..0, 0..1)), (None, None));
    }
}
