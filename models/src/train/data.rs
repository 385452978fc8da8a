//! Batches: what a step reads and what it must tell, from a text or a task.
//!
//! Shapes: `[B·T]` of ids and targets, `[B·S]` of sources, sequence after sequence. A batch depends on
//! seed and step alone.

use super::config::{DataConfig, TrainConfig};
use super::nano::Kind;
use super::noise::{Marks, Objective, corrupted, masked};
use super::random::{Purpose, below, stream};
use super::tasks::{self, Example, Task};
use super::vocabulary::Vocabulary;
use crate::error::ModelError;
use crate::sample::Random;

/// A target that does not count.
pub const IGNORED: u32 = u32::MAX;
/// Examples from which the lengths of a task follow.
const N_MEASURED: usize = 4096;

/// A batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sequences {
    /// What is read, `[B·T]`.
    pub ids: Vec<u32>,
    /// What must be told at each row, `[B·T]`; [`IGNORED`] where nothing.
    pub targets: Vec<u32>,
    /// What the encoder reads, `[B·S]`; empty without an encoder beside a decoder.
    pub source: Vec<u32>,
    /// Which tokens of the source count, `[B·S]`.
    pub shown: Vec<u32>,
}

/// Where batches come from.
pub struct Dataset {
    vocabulary: Vocabulary,
    examples: Examples,
    kind: Kind,
    seed: u64,
    n_sequences: usize,
    n_accumulated: usize,
    n_validation: usize,
    n_tokens: usize,
    n_source: usize,
}

enum Examples {
    Text { train: Vec<u32>, held_out: Vec<u32>, objective: Objective, marks: Option<Marks> },
    Task { task: &'static Task, difficulty: usize },
}

impl Dataset {
    /// What the configuration asks for: of a text, or of the task that it names.
    ///
    /// # Errors
    /// A text that is missing or too short, an unknown task, an objective that the model cannot have.
    pub fn new(config: &TrainConfig, text: Option<&str>) -> Result<Self, ModelError> {
        match (config.data.task.as_str(), text) {
            ("text", None) => Err(refusal("data.task", "is text, and there is none")),
            ("text", Some(text)) => {
                let (train, held_out) = split(text, config.data.held_out);
                let vocabulary = vocabulary_of(train, text, config)?;
                Self::of_text(config, vocabulary, train, held_out)
            }
            (name, _) => Self::of_task(config, name),
        }
    }

    /// A text, in a vocabulary that is there already.
    ///
    /// # Errors
    /// A text that is too short; an objective that the model cannot have.
    pub fn of_text(
        config: &TrainConfig,
        vocabulary: Vocabulary,
        train: &str,
        held_out: &str,
    ) -> Result<Self, ModelError> {
        let tokens = [vocabulary.encode(train)?, vocabulary.encode(held_out)?];
        Self::of_tokens(config, vocabulary, tokens)
    }

    /// The tokens of a text: those that are trained on, and those that are held out.
    ///
    /// # Errors
    /// As [`Dataset::of_text`].
    pub fn of_tokens(
        config: &TrainConfig,
        vocabulary: Vocabulary,
        [train, held_out]: [Vec<u32>; 2],
    ) -> Result<Self, ModelError> {
        let kind = config.model.kind;
        let objective = config.data.objective;
        if kind.has_source() == (objective == Objective::Next) && kind.is_causal() {
            let problem = match kind.has_source() {
                true => "is next, which an encoder–decoder is not trained for",
                false => "is a noise, which needs an encoder–decoder",
            };
            return Err(refusal("data.objective", problem));
        }
        let marks = Marks::of(&vocabulary);
        let n_tokens = config.model.n_ctx;
        for (what, tokens) in [("the text", &train), ("what is held out of it", &held_out)] {
            if tokens.len() < n_tokens + 1 {
                let problem = format!("has {} tokens; model.n_ctx + 1 are needed", tokens.len());
                return Err(ModelError::input(what, problem));
            }
        }
        let n_source = if kind.has_source() { n_tokens } else { 0 };
        let examples = Examples::Text { train, held_out, objective, marks };
        Ok(Self::of(config, vocabulary, examples, [n_tokens, n_source]))
    }

    /// A task by its name.
    ///
    /// # Errors
    /// An unknown task; a model that is too short for it or writes nothing.
    pub fn of_task(config: &TrainConfig, name: &str) -> Result<Self, ModelError> {
        let task = tasks::find(name).ok_or_else(|| {
            let names: Vec<_> = tasks::TASKS.iter().map(|task| task.name).collect();
            refusal("data.task", &format!("is {name:?}; there are text, {}", names.join(", ")))
        })?;
        Self::of_examples(config, task)
    }

    /// A task, be it in the list or not.
    ///
    /// # Errors
    /// A model that is too short for it or writes nothing.
    pub fn of_examples(config: &TrainConfig, task: &'static Task) -> Result<Self, ModelError> {
        let DataConfig { difficulty, .. } = config.data;
        let kind = config.model.kind;
        if !kind.is_causal() {
            return Err(refusal("model.kind", "is an encoder, which writes nothing"));
        }
        let mut random = stream(config.seed, Purpose::Validation, u64::MAX);
        let examples = (0..N_MEASURED).map(|_| (task.make)(&mut random, difficulty));
        let (mut n_input, mut n_output, mut n_both) = (0, 0, 0);
        for Example { input, output } in examples {
            let (i, o) = (input.chars().count(), output.chars().count());
            (n_input, n_output, n_both) = (n_input.max(i), n_output.max(o), n_both.max(i + o));
        }
        // Start or end is one row more.
        let lengths = match kind.has_source() {
            true => [n_output + 1, n_input + 1],
            false => [n_both + 1, 0],
        };
        let longest = lengths[0].max(lengths[1]);
        if longest > config.model.n_ctx {
            let problem = format!("is {}, the task needs {longest}", config.model.n_ctx);
            return Err(refusal("model.n_ctx", &problem));
        }
        let vocabulary = Vocabulary::of_characters(task.alphabet, true);
        Ok(Self::of(config, vocabulary, Examples::Task { task, difficulty }, lengths))
    }

    fn of(
        config: &TrainConfig,
        vocabulary: Vocabulary,
        examples: Examples,
        [n_tokens, n_source]: [usize; 2],
    ) -> Self {
        Self {
            vocabulary,
            examples,
            kind: config.model.kind,
            seed: config.seed,
            n_sequences: config.run.n_sequences,
            n_accumulated: config.run.n_accumulated,
            n_validation: config.run.n_validation,
            n_tokens,
            n_source,
        }
    }

    /// The tokens.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// T and S.
    pub fn lengths(&self) -> [usize; 2] {
        [self.n_tokens, self.n_source]
    }

    /// Tokens of the text: of training, held out. Empty for tasks.
    pub fn texts(&self) -> [&[u32]; 2] {
        match &self.examples {
            Examples::Text { train, held_out, .. } => [train, held_out],
            Examples::Task { .. } => [&[], &[]],
        }
    }

    /// Some of a task's examples that are held out; none of a text.
    pub fn held_out_examples(&self, n: usize) -> Vec<Example> {
        let Examples::Task { task, difficulty } = &self.examples else { return Vec::new() };
        let mut random = stream(self.seed, Purpose::Sample, 0);
        (0..n).map(|_| self.draw(task, *difficulty, true, &mut random)).collect()
    }

    /// The batch of a step: all that it accumulates.
    ///
    /// # Errors
    /// A task whose examples leave its alphabet.
    pub fn batch(&self, step: usize) -> Result<Sequences, ModelError> {
        let mut random = stream(self.seed, Purpose::Batch, step as u64);
        let mut batch = Sequences::default();
        for _ in 0..self.n_sequences * self.n_accumulated {
            match &self.examples {
                Examples::Text { train, .. } => {
                    let start = below(&mut random, train.len() - self.n_tokens);
                    self.add_text(&mut batch, &train[start..], &mut random);
                }
                Examples::Task { task, difficulty } => {
                    let example = self.draw(task, *difficulty, false, &mut random);
                    self.add_example(&mut batch, &example)?;
                }
            }
        }
        Ok(batch)
    }

    /// The batches of every validation: what is held out, in its order, as far as asked for.
    ///
    /// # Errors
    /// A task whose examples leave its alphabet.
    pub fn validation(&self) -> Result<Vec<Sequences>, ModelError> {
        let mut random = stream(self.seed, Purpose::Validation, 0);
        let mut batches = Vec::new();
        match &self.examples {
            Examples::Text { held_out, .. } => {
                let n_windows = (held_out.len() - 1) / self.n_tokens;
                let wanted = match self.n_validation {
                    0 => usize::MAX,
                    n => n.saturating_mul(self.n_sequences),
                };
                let windows: Vec<usize> = (0..n_windows.min(wanted)).collect();
                for windows in windows.chunks(self.n_sequences) {
                    let mut batch = Sequences::default();
                    for window in windows {
                        let start = window * self.n_tokens;
                        self.add_text(&mut batch, &held_out[start..], &mut random);
                    }
                    self.fill_up(&mut batch);
                    batches.push(batch);
                }
            }
            Examples::Task { task, difficulty } => {
                for _ in 0..if self.n_validation == 0 { 8 } else { self.n_validation } {
                    let mut batch = Sequences::default();
                    for _ in 0..self.n_sequences {
                        let example = self.draw(task, *difficulty, true, &mut random);
                        self.add_example(&mut batch, &example)?;
                    }
                    batches.push(batch);
                }
            }
        }
        Ok(batches)
    }

    /// An example that is held out, or one that is not, of a length that fits.
    fn draw(
        &self,
        task: &Task,
        difficulty: usize,
        is_held_out: bool,
        random: &mut Random,
    ) -> Example {
        loop {
            let example = (task.make)(random, difficulty);
            let (i, o) = (example.input.chars().count(), example.output.chars().count());
            let fits = match self.kind.has_source() {
                true => i < self.n_source && o < self.n_tokens,
                false => i + o < self.n_tokens,
            };
            if fits && example.is_held_out() == is_held_out {
                return example;
            }
        }
    }

    /// One window of a text, as the model's kind reads it.
    fn add_text(&self, batch: &mut Sequences, tokens: &[u32], random: &mut Random) {
        let Examples::Text { objective, marks, .. } = &self.examples else { return };
        let n_tokens = self.n_tokens;
        match marks {
            Some(marks) if !self.kind.is_causal() => {
                let (read, told) = masked(&tokens[..n_tokens], marks, random);
                batch.ids.extend(read);
                batch.targets.extend(told.into_iter().map(|told| told.unwrap_or(IGNORED)));
            }
            Some(marks) if self.kind.has_source() => {
                let text = &tokens[..n_tokens - 1];
                let (source, target) = corrupted(*objective, text, marks, random);
                self.add_pair(batch, &source, &target);
            }
            _ => {
                batch.ids.extend_from_slice(&tokens[..n_tokens]);
                batch.targets.extend_from_slice(&tokens[1..=n_tokens]);
            }
        }
    }

    fn add_example(&self, batch: &mut Sequences, example: &Example) -> Result<(), ModelError> {
        let input = self.vocabulary.encode(&example.input)?;
        let output = self.vocabulary.encode(&example.output)?;
        if self.kind.has_source() {
            self.add_pair(batch, &input, &output);
            return Ok(());
        }
        let special = self.vocabulary.special;
        let whole = [&input[..], &[special.start], &output, &[special.end]].concat();
        let n_rows = whole.len() - 1;
        batch.ids.extend_from_slice(&whole[..n_rows]);
        batch.targets.extend(std::iter::repeat_n(IGNORED, input.len()));
        batch.targets.extend_from_slice(&whole[input.len() + 1..]);
        self.fill_last(batch);
        Ok(())
    }

    /// A source, and a target that begins with the start and must end.
    fn add_pair(&self, batch: &mut Sequences, source: &[u32], target: &[u32]) {
        let special = self.vocabulary.special;
        let n_before = batch.source.len();
        let n_kept = source.len().min(self.n_source - 1);
        batch.source.extend_from_slice(&source[..n_kept]);
        batch.source.push(special.end);
        batch.shown.extend(std::iter::repeat_n(1, n_kept + 1));
        batch.source.resize(n_before + self.n_source, special.pad);
        batch.shown.resize(n_before + self.n_source, 0);
        let n_kept = target.len().min(self.n_tokens - 1);
        batch.ids.push(special.start);
        batch.ids.extend_from_slice(&target[..n_kept]);
        batch.targets.extend_from_slice(&target[..n_kept]);
        batch.targets.push(special.end);
        self.fill_last(batch);
    }

    /// Pads the last sequence.
    fn fill_last(&self, batch: &mut Sequences) {
        let n_rows = batch.ids.len().next_multiple_of(self.n_tokens);
        batch.ids.resize(n_rows, self.vocabulary.special.pad);
        batch.targets.resize(n_rows, IGNORED);
    }

    /// Pads a batch with sequences that do not count.
    fn fill_up(&self, batch: &mut Sequences) {
        batch.ids.resize(self.n_sequences * self.n_tokens, self.vocabulary.special.pad);
        batch.targets.resize(self.n_sequences * self.n_tokens, IGNORED);
        batch.source.resize(self.n_sequences * self.n_source, self.vocabulary.special.pad);
        // A sequence that sees nothing has no pattern.
        batch.shown.resize(self.n_sequences * self.n_source, 1);
    }
}

/// Parts a text where a line is empty, so that about `share` of it is in the second part.
pub fn split(text: &str, share: f32) -> (&str, &str) {
    let wanted = (text.len() as f64 * (1.0 - f64::from(share))) as usize;
    let wanted = text.floor_char_boundary(wanted);
    let at = text[wanted..].find("\n\n").map_or(wanted, |at| wanted + at + 2);
    text.split_at(if at == text.len() { wanted } else { at })
}

/// A vocabulary for a text, as the configuration wants it. Characters are those of the whole text.
fn vocabulary_of(train: &str, whole: &str, config: &TrainConfig) -> Result<Vocabulary, ModelError> {
    use super::config::TokenizerKind::Characters;
    let has_marks = config.has_marks();
    if config.data.tokenizer == Characters {
        return Ok(Vocabulary::of_characters(whole, has_marks));
    }
    #[cfg(feature = "tokenize")]
    return super::merges::vocabulary_of(
        train,
        config.data.tokenizer,
        config.data.d_vocab,
        has_marks,
    );
    #[cfg(not(feature = "tokenize"))]
    {
        let _ = train;
        Err(refusal("data.tokenizer", "is not characters; this build has no other"))
    }
}

fn refusal(field: &str, problem: &str) -> ModelError {
    ModelError::config("the configuration", field, problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(query: &str) -> TrainConfig {
        TrainConfig::from_query(query).expect("fields")
    }

    fn text() -> String {
        let line = |at: usize| format!("the {} fox jumps. over {} dogs\n", at * 37 % 101, at % 7);
        (0..300).map(|at| line(at) + if at % 10 == 9 { "\n" } else { "" }).collect()
    }

    #[test]
    fn next_tokens_are_targets_and_nothing_held_out_is_trained_on() {
        let config = config("model.n_ctx=16&run.n_sequences=3&run.n_validation=0");
        let (train, held_out) = (text(), text());
        let (head, tail) = split(&train, 0.05);
        assert!(head.ends_with("\n\n") && held_out.ends_with(tail) && tail.len() > 200);
        let data = Dataset::new(&config, Some(&train)).expect("fits");
        let batch = data.batch(4).expect("known");
        assert_eq!((batch.ids.len(), batch.targets.len()), (48, 48));
        assert_eq!(batch.ids[1..16], batch.targets[..15]);
        assert_eq!(data.batch(4).expect("known"), batch);
        assert_ne!(data.batch(5).expect("known"), batch);
        let validation = data.validation().expect("known");
        let told: Vec<u32> = validation.iter().flat_map(|batch| batch.targets.clone()).collect();
        let told: Vec<u32> = told.into_iter().filter(|&id| id != IGNORED).collect();
        let [train, held_out] = data.texts();
        assert_eq!(told, held_out[1..=told.len()]);
        assert!(held_out.len() - told.len() <= 16);
        assert_eq!(train.len() + held_out.len(), text().chars().count());
    }

    #[test]
    fn masks_and_noise() {
        let bert = config("model.kind=bert&model.n_ctx=20&run.n_sequences=2");
        let data = Dataset::new(&bert, Some(&text())).expect("fits");
        let batch = data.batch(0).expect("known");
        assert_eq!(batch.targets.iter().filter(|&&id| id != IGNORED).count(), 6);
        assert!(batch.source.is_empty());
        let bart = config(
            "model.kind=bart&model.n_ctx=20&run.n_sequences=2&data.objective=text_infilling",
        );
        let data = Dataset::new(&bart, Some(&text())).expect("fits");
        let batch = data.batch(0).expect("known");
        assert_eq!((batch.ids.len(), batch.source.len(), batch.shown.len()), (40, 40, 40));
        assert_eq!((batch.ids[0], batch.targets[19]), (1, 2));
        assert_eq!(batch.ids[1..20], batch.targets[..19]);
        for (id, shown) in batch.source.iter().zip(&batch.shown) {
            assert_eq!(*id == 0, *shown == 0);
        }
        for (query, word) in [
            ("model.kind=bart", "data.objective"),
            ("data.objective=spans_r", "data.objective"),
            ("data.task=dates&model.kind=bert", "model.kind"),
            ("data.task=dates&model.n_ctx=8", "model.n_ctx"),
            ("data.task=chess", "chess"),
            ("model.n_ctx=5000", "tokens"),
        ] {
            let refused = Dataset::new(&config(query), Some(&text())).err();
            let message = refused.expect(query).to_string();
            assert!(message.contains(word), "{message}");
        }
    }

    #[test]
    fn of_a_task_the_output_is_told() {
        for (kind, has_source) in [("gpt2", false), ("transformer", true)] {
            let query = format!("data.task=reversal&model.kind={kind}&run.n_sequences=5");
            let data = Dataset::new(&config(&query), None).expect("fits");
            let [n_tokens, n_source] = data.lengths();
            assert_eq!(n_source > 0, has_source);
            let batch = data.batch(1).expect("known");
            for at in 0..5 {
                let rows = at * n_tokens..(at + 1) * n_tokens;
                let told: Vec<u32> = batch.targets[rows.clone()]
                    .iter()
                    .copied()
                    .filter(|&id| id != IGNORED)
                    .collect();
                let read = match has_source {
                    true => &batch.source[at * n_source..(at + 1) * n_source],
                    false => &batch.ids[rows],
                };
                let mut expected: Vec<u32> =
                    read.iter().copied().take_while(|id| *id > 2).collect();
                expected.reverse();
                expected.push(2);
                assert_eq!(told, expected);
            }
        }
    }
}
