//! A model in training as it is after a step, apart from the run: what it writes, and where it looks.
//!
//! It is an ordinary [`Session`] on an engine of its own, so that it shows what the files of that
//! step would show, and the run goes on undisturbed.

use vitrine_kernels::{Control, Engine};

use super::activation::{Activation, is_watched};
use super::checkpoint::model_files;
use super::config::TrainConfig;
use super::trainer::Trainer;
use super::vocabulary::{Special, Vocabulary};
use crate::arch::Model;
use crate::error::ModelError;
use crate::hook::{Hook, HookPoint};
use crate::sample::{Random, Sampling, argmax, sample};
use crate::session::{Input, Options, Session, Tap};
use crate::trace::Trace;
use crate::weights::{Checkpoint, FileDType, MemorySource};

/// The files of a model after some step, to be opened when it is to be looked at.
pub struct Frozen {
    /// Steps that were done.
    pub step: u32,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Frozen {
    /// The weights as they are now.
    ///
    /// # Errors
    /// What the engine reports.
    pub async fn of(
        trainer: &mut Trainer,
        config: &TrainConfig,
        vocabulary: &Vocabulary,
    ) -> Result<Self, ModelError> {
        let files = model_files(trainer, config, vocabulary, FileDType::F32).await?;
        Ok(Self { step: trainer.n_done() as u32, files })
    }

    /// The model, on an empty engine.
    ///
    /// # Errors
    /// What the engine reports; cancellation.
    pub async fn open(
        &self,
        vocabulary: &Vocabulary,
        mut engine: Engine,
        control: &Control,
    ) -> Result<Snapshot, ModelError> {
        let files = self.files.iter();
        let sources = files.map(|(name, bytes)| MemorySource::new(*name, bytes.clone()));
        let checkpoint = Checkpoint::open(sources.collect()).await?;
        let model = Model::load(&mut engine, &checkpoint, control, &mut |_| ()).await?;
        let points = model.spec().points().into_iter();
        let hooks =
            points.filter(|point| is_map(point) || is_watched(point)).map(|point| point.hook);
        // Room in powers of two: what is written grows by a token at a time.
        let options = Options { is_exact: false, ..Options::trace(model.spec(), hooks) };
        let has_source = model.spec().has_cross();
        let session = Session::new(engine, model, options)?;
        Ok(Snapshot { session, special: vocabulary.special, has_source })
    }
}

/// A model after some step.
pub struct Snapshot {
    session: Session,
    special: Special,
    has_source: bool,
}

impl Snapshot {
    /// Takes the weights as they are now into an empty engine.
    ///
    /// # Errors
    /// What the engines report; cancellation.
    pub async fn of(
        trainer: &mut Trainer,
        config: &TrainConfig,
        vocabulary: &Vocabulary,
        engine: Engine,
        control: &Control,
    ) -> Result<Self, ModelError> {
        let frozen = Frozen::of(trainer, config, vocabulary).await?;
        frozen.open(vocabulary, engine, control).await
    }

    /// What the model writes for an input, the likeliest token at each place, without the end; at
    /// most `max_tokens` of them.
    ///
    /// # Errors
    /// An input that the model cannot take; what the engine reports; cancellation.
    pub async fn write(
        &mut self,
        input: &[u32],
        max_tokens: usize,
        control: &Control,
    ) -> Result<Vec<u32>, ModelError> {
        let given = self.input(input, &[]);
        self.session.set_tokens(&given, control).await?;
        let mut written = Vec::new();
        while written.len() < max_tokens {
            let token = argmax(self.session.last_logits()) as u32;
            if token == self.special.end {
                break;
            }
            written.push(token);
            if given.ids.len() + written.len() >= self.session.spec().n_ctx {
                break;
            }
            self.session.next(token, control).await?;
        }
        Ok(written)
    }

    /// How a model of a text goes on from a prompt, drawn with a seed.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn go_on(
        &mut self,
        prompt: &[u32],
        n_tokens: usize,
        seed: u64,
        control: &Control,
    ) -> Result<Vec<u32>, ModelError> {
        self.session.set_tokens(&Input::from(prompt), control).await?;
        let mut random = Random::from_seed(seed);
        let sampling = Sampling { temperature: 0.8, top_k: 40, top_p: 1.0 };
        let n_tokens = n_tokens.min(self.session.spec().n_ctx.saturating_sub(prompt.len()));
        let mut written = Vec::new();
        while written.len() < n_tokens {
            let token = sample(self.session.last_logits(), &sampling, &mut random) as u32;
            written.push(token);
            if written.len() < n_tokens {
                self.session.next(token, control).await?;
            }
        }
        Ok(written)
    }

    /// All attention patterns while the model reads an input and is told its output; of a text
    /// `output` is empty, and nothing parts it from the input.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub async fn patterns(
        &mut self,
        input: &[u32],
        output: &[u32],
        control: &Control,
    ) -> Result<Trace, ModelError> {
        let points = self.points(is_map);
        self.read(input, output, &points, control).await
    }

    /// Statistics of what the layers put out for the text that was read last.
    ///
    /// # Errors
    /// What the engine reports; cancellation.
    pub async fn activations(&mut self, control: &Control) -> Result<Vec<Activation>, ModelError> {
        let taps: Vec<Tap> = self.points(is_watched).into_iter().map(Tap::of).collect();
        let trace = self.session.read(&taps, control).await?;
        Ok(trace.tensors().iter().map(Activation::of).collect())
    }

    fn points(&self, is_wanted: fn(&HookPoint) -> bool) -> Vec<HookPoint> {
        self.session.spec().points().into_iter().filter(is_wanted).collect()
    }

    /// As [`Self::patterns`], of any hooks.
    ///
    /// # Errors
    /// A hook that the model does not have; as [`Self::write`].
    pub async fn read(
        &mut self,
        input: &[u32],
        output: &[u32],
        points: &[HookPoint],
        control: &Control,
    ) -> Result<Trace, ModelError> {
        let given = match output.is_empty() && !self.has_source {
            true => Input::from(input),
            false => self.input(input, output),
        };
        self.session.set_tokens(&given, control).await?;
        let taps: Vec<Tap> = points.iter().copied().map(Tap::of).collect();
        self.session.read(&taps, control).await
    }

    /// An input, the token that parts it from the output or begins that, and the output.
    fn input(&self, input: &[u32], output: &[u32]) -> Input {
        let Special { start, end, .. } = self.special;
        match self.has_source {
            true => Input::pair(&[input, &[end]].concat(), &[&[start], output].concat()),
            false => Input::from(&[input, &[start], output].concat()[..]),
        }
    }

    /// The engine, for the next one.
    pub fn into_engine(self) -> Engine {
        let (mut engine, _model) = self.session.into_engine();
        engine.clear();
        engine
    }
}

fn is_map(point: &HookPoint) -> bool {
    matches!(point.hook, Hook::Pattern | Hook::CrossPattern)
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use vitrine_kernels::engine::cpu::CpuEngine;

    use super::super::Dataset;
    use super::*;

    fn trained(query: &str, n_steps: usize) -> (Trainer, Dataset, TrainConfig) {
        let config = TrainConfig::from_query(query).expect("fields");
        let data = Dataset::of_task(&config, &config.data.task).expect("a task");
        let engine = Engine::Cpu(CpuEngine::new());
        let mut trainer = block_on(Trainer::new(engine, &config, &data)).expect("a run");
        for step in 0..n_steps {
            let batch = data.batch(step).expect("a batch");
            block_on(trainer.step(&batch, &Control::default())).expect("a step");
        }
        (trainer, data, config)
    }

    const SMALL: &str = "data.task=copy&model.n_layers=1&model.d_model=16&model.n_heads=2\
                         &model.n_ctx=32&run.n_sequences=8&run.n_validation=1";

    #[test]
    fn what_it_writes_is_what_the_validation_counts() {
        for kind in ["gpt2", "transformer", "gru", "gru_fixed"] {
            let query = format!("{SMALL}&model.kind={kind}&optimiser.rate=0.01");
            let (mut trainer, data, config) = trained(&query, 150);
            let control = Control::default();
            let validation = data.validation().expect("batches");
            let score = block_on(trainer.score(&validation, &control)).expect("a score");
            let engine = Engine::Cpu(CpuEngine::new());
            let vocabulary = data.vocabulary();
            let snapshot = Snapshot::of(&mut trainer, &config, vocabulary, engine, &control);
            let mut snapshot = block_on(snapshot).expect("a snapshot");
            let special = vocabulary.special;
            let n_rows = data.lengths()[0];
            let mut n_right = 0;
            for (at, ids) in validation[0].ids.chunks(n_rows).enumerate() {
                let targets = &validation[0].targets[at * n_rows..][..n_rows];
                let told: Vec<u32> = targets
                    .iter()
                    .copied()
                    .filter(|&told| told != super::super::data::IGNORED && told != special.end)
                    .collect();
                let input: Vec<u32> = match kind {
                    "gpt2" => ids.iter().copied().take_while(|&id| id != special.start).collect(),
                    _ => {
                        let source = &validation[0].source[at * data.lengths()[1]..];
                        source.iter().copied().take_while(|&id| id != special.end).collect()
                    }
                };
                let written = snapshot.write(&input, n_rows, &control);
                n_right += usize::from(block_on(written).expect("writes") == told);
            }
            let exact = (score.exact * 8.0).round() as usize;
            assert_eq!(n_right, exact, "{kind}: {score:?}");
        }
    }

    #[test]
    fn every_pattern_is_there_and_sums_to_one() {
        for (kind, n_maps) in [("gpt2", 1), ("transformer", 3), ("gru", 1), ("gru_fixed", 1)] {
            let query = format!("{SMALL}&model.kind={kind}");
            let (mut trainer, data, config) = trained(&query, 1);
            let control = Control::default();
            let engine = Engine::Cpu(CpuEngine::new());
            let snapshot = Snapshot::of(&mut trainer, &config, data.vocabulary(), engine, &control);
            let mut snapshot = block_on(snapshot).expect("a snapshot");
            let ids = data.vocabulary().encode("abc").expect("letters");
            let trace = block_on(snapshot.patterns(&ids, &ids, &control)).expect("patterns");
            assert_eq!(trace.tensors().len(), n_maps, "{kind}");
            for tensor in trace.tensors() {
                let n_cols = tensor.shape[2];
                for row in tensor.values.chunks(n_cols) {
                    let sum: f32 = row.iter().sum();
                    assert!((sum - 1.0).abs() <= 1e-5, "{}: {sum}", tensor.name());
                }
            }
        }
    }

    #[test]
    fn activations_are_those_of_the_hooks() {
        for (kind, n_hooks) in [("gpt2", 4), ("transformer", 9), ("gru", 3)] {
            let query = format!("{SMALL}&model.kind={kind}&model.activation=relu");
            let (mut trainer, data, config) = trained(&query, 1);
            let control = Control::default();
            let engine = Engine::Cpu(CpuEngine::new());
            let snapshot = Snapshot::of(&mut trainer, &config, data.vocabulary(), engine, &control);
            let mut snapshot = block_on(snapshot).expect("a snapshot");
            let ids = data.vocabulary().encode("abc").expect("letters");
            block_on(snapshot.patterns(&ids, &ids, &control)).expect("patterns");
            let all = block_on(snapshot.activations(&control)).expect("statistics");
            assert_eq!(all.len(), n_hooks, "{kind}: {all:?}");
            for one in &all {
                assert!(one.largest >= one.spread && one.spread > 0.0, "{one:?}");
                assert!(one.mean.abs() <= one.largest, "{one:?}");
                // Units behind a ReLU are shut about as often as open before anything is learned.
                let is_shut = one.hook.ends_with("mlp.hook_post");
                assert_eq!(is_shut, one.zeros > 0.2, "{one:?}");
            }
        }
    }

    #[test]
    fn a_watched_step_moves_the_weights_as_any_other() {
        let of_several = format!("{SMALL}&run.n_accumulated=3");
        [SMALL, &of_several].into_iter().for_each(watch);
    }

    fn watch(query: &str) {
        let (mut plain, data, _) = trained(query, 0);
        let (mut watched, ..) = trained(query, 0);
        let control = Control::default();
        for step in 0..3 {
            let batch = data.batch(step).expect("a batch");
            let before = block_on(watched.values_of(1, None)).expect("values");
            let info = block_on(plain.step(&batch, &control)).expect("a step");
            let (seen, moves) =
                block_on(watched.step_watched(&batch, Some(1), &control)).expect("a step");
            assert_eq!(info, seen);
            let after = block_on(watched.values_of(1, None)).expect("values");
            let norm = |values: &[f32]| {
                values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt() as f32
            };
            let moved: Vec<f32> = after.iter().zip(&before).map(|(a, b)| a - b).collect();
            let close = |a: f32, b: f32| assert!((a - b).abs() <= 1e-4 * b.abs(), "{a} {b}");
            close(moves.weights[1], norm(&before));
            close(moves.updates[1], norm(&moved));
            close(moves.gradients[1], norm(&moves.gradient));
            let total = norm(&moves.gradients);
            close(total, info.norm);
            assert_eq!(moves.gradient.len(), before.len());
        }
        let ends = |trainer: &mut Trainer| block_on(trainer.memory()).expect("values");
        assert_eq!(ends(&mut plain), ends(&mut watched));
        assert_eq!(block_on(plain.values_of(0, Some(1))).expect("a moment").len(), {
            let (shape, n_moments) = plain.parameter_shapes().next().expect("a parameter");
            assert_eq!(n_moments, 2);
            shape.iter().product::<usize>()
        });
        assert!(block_on(plain.values_of(0, Some(2))).expect("none").is_empty());
    }
}
