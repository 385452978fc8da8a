//! A look at the model as it is: what it writes for inputs that are held out, and where it looks.

use std::collections::BTreeMap;

use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::tokenize::visible;
use vitrine_models::train::data::IGNORED;
use vitrine_models::train::{Dataset, Snapshot, TrainConfig, Trainer};

use super::tell::{tell, tell_bytes};
use crate::protocol::lab::{FromLab, Looked, RunNo, Sample, Wrote};

/// Inputs that the model writes for.
const N_SAMPLES: usize = 8;
/// Tokens beyond those that are wanted.
const N_TOO_MANY: usize = 3;
/// Of a text: prompts, their tokens, and tokens that follow.
const N_PROMPTS: usize = 3;
const N_PROMPT: usize = 16;
const N_WRITTEN: usize = 80;
/// Tokens of a text whose attention is shown.
const N_PROBED: usize = 24;

/// What is looked at, the same at every look.
pub(super) struct Eyes {
    samples: Vec<(Vec<u32>, Option<Vec<u32>>)>,
    /// Input and output.
    probe: (Vec<u32>, Vec<u32>),
    start: u32,
    end: u32,
    has_source: bool,
    is_causal: bool,
    /// Longest that is written.
    n_tokens: usize,
    seed: u64,
    engine: Option<Engine>,
}

impl Eyes {
    /// Chooses inputs among what is held out.
    ///
    /// # Errors
    /// Examples that leave their alphabet.
    pub fn of(config: &TrainConfig, data: &Dataset) -> Result<Self, ModelError> {
        let vocabulary = data.vocabulary();
        let special = vocabulary.special;
        let has_source = config.model.kind.has_source();
        let mut samples = Vec::new();
        for example in data.held_out_examples(N_SAMPLES) {
            let ids = [&example.input, &example.output].map(|text| vocabulary.encode(text));
            let [input, output] = ids;
            samples.push((input?, Some(output?)));
        }
        let [_, held_out] = data.texts();
        let [n_target, n_source] = data.lengths();
        if samples.is_empty() && has_source {
            // What is damaged, and what it was.
            for batch in data.validation()?.into_iter().take(1) {
                let rows = batch.source.chunks(n_source).zip(batch.targets.chunks(n_target));
                for (source, targets) in rows.take(N_SAMPLES / 2) {
                    let is_end = |id: &&u32| **id != special.end;
                    let source = source.iter().take_while(is_end).copied().collect();
                    let is_told = |id: &&u32| **id != special.end && **id != IGNORED;
                    let told = targets.iter().take_while(is_told).copied().collect();
                    samples.push((source, Some(told)));
                }
            }
        } else if samples.is_empty() && config.model.kind.is_causal() {
            let n = N_PROMPT.min(n_target / 2);
            let n_apart = (held_out.len().saturating_sub(n) / N_PROMPTS).max(1);
            let starts = (0..N_PROMPTS).map(|at| at * n_apart);
            let prompts = starts.filter_map(|at| held_out.get(at..at + n));
            samples.extend(prompts.map(|prompt| (prompt.to_vec(), None)));
        }
        let probe = match samples.first() {
            Some((input, Some(output))) => (input.clone(), output.clone()),
            _ => (held_out[..N_PROBED.min(n_target).min(held_out.len())].to_vec(), Vec::new()),
        };
        Ok(Self {
            samples,
            probe,
            start: special.start,
            end: special.end,
            has_source,
            is_causal: config.model.kind.is_causal(),
            n_tokens: n_target,
            seed: config.seed,
            engine: None,
        })
    }

    /// Whether samples are right or wrong.
    pub fn is_judged(&self) -> bool {
        self.samples.iter().any(|(_, wanted)| wanted.is_some())
    }

    /// Looks, and tells.
    ///
    /// # Errors
    /// What the engines report; cancellation.
    pub async fn look(
        &mut self,
        run: RunNo,
        trainer: &mut Trainer,
        config: &TrainConfig,
        data: &Dataset,
        control: &Control,
    ) -> Result<(), ModelError> {
        let step = trainer.n_done() as u32;
        let engine = self.engine.take().unwrap_or_else(|| Engine::Cpu(CpuEngine::new()));
        let vocabulary = data.vocabulary();
        let mut snapshot = Snapshot::of(trainer, config, vocabulary, engine, control).await?;
        let mut samples = Vec::new();
        for (input, wanted) in self.samples.iter().filter(|_| self.is_causal) {
            let given = match wanted {
                Some(wanted) => {
                    // An untrained model may never end.
                    let most = self.n_tokens.min(wanted.len() + N_TOO_MANY);
                    snapshot.write(input, most, control).await?
                }
                None => snapshot.go_on(input, N_WRITTEN, self.seed, control).await?,
            };
            samples.push(Sample {
                input: vocabulary.text(input),
                wanted: wanted.as_ref().map(|wanted| vocabulary.text(wanted)),
                given: vocabulary.text(&given),
            });
        }
        tell(&FromLab::Wrote(Wrote { run, step, samples }));
        let (input, output) = &self.probe;
        let trace = snapshot.patterns(input, output, control).await?;
        let activations = snapshot.activations(control).await?;
        let each = |ids: &[&[u32]]| -> Vec<String> {
            let ids = ids.iter().flat_map(|ids| ids.iter());
            ids.map(|&id| visible(vocabulary.bytes_of(id))).collect()
        };
        let (start, end) = ([self.start], [self.end]);
        let (tokens, source) = match (self.has_source, output.is_empty()) {
            (true, _) => (each(&[&start, output]), each(&[input, &end])),
            (false, true) => (each(&[input]), Vec::new()),
            (false, false) => (each(&[input, &start, output]), Vec::new()),
        };
        let hooks = trace.tensors().iter().map(|tensor| tensor.name()).collect();
        let looked = Looked { run, step, tokens, source, hooks, activations };
        tell_bytes(&FromLab::Looked(looked), &trace.to_safetensors(&BTreeMap::new())?);
        self.engine = Some(snapshot.into_engine());
        Ok(())
    }
}
