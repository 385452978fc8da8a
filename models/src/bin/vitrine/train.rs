//! `vitrine train`: a configuration and perhaps a text in, a folder with a model out.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use pollster::block_on;
use vitrine_kernels::Control;
use vitrine_models::sample::{Random, Sampling, sample};
use vitrine_models::session::{Options, Session};
use vitrine_models::tokenize::{HubTokenizer, Tokenizer};
use vitrine_models::train::checkpoint::{STATE_FILE, SavedRun, model_files};
use vitrine_models::train::ngram::Ngrams;
use vitrine_models::train::{Dataset, Score, TrainConfig, Trainer};
use vitrine_models::weights::{Checkpoint, FileDType, MemorySource};
use vitrine_models::{Input, Model, ModelError};

use crate::args::{Args, Device, Failure};
use crate::open;

/// Steps between two lines of the report, and two rewrites of the line on screen.
const REPORT_EVERY: usize = 10;
/// Tokens of a sample.
const N_SAMPLED: usize = 48;
/// Tokens of the baseline's grams.
const N_GRAM: usize = 5;

/// `vitrine train CONFIG.toml`.
pub fn run(args: Args) -> Result<(), Failure> {
    let path = args.model.clone().ok_or_else(|| Failure::usage("which CONFIG.toml?"))?;
    let out = args.out.clone().ok_or_else(|| Failure::usage("where to? Give --out FOLDER"))?;
    let mut config = read_config(&path)?;
    if let Some(seed) = args.seed {
        config.seed = seed;
    }
    let text = match &args.text {
        Some(text) => Some(read_text(Path::new(text))?),
        None => None,
    };
    let data = Dataset::new(&config, text.as_deref())?;
    let engine = open::engine(args.device.unwrap_or(Device::Cpu))?;
    let name = engine.name();
    let trainer = block_on(Trainer::new(engine, &config, &data))?;
    std::fs::create_dir_all(&out).map_err(|err| write_failure(&out, err))?;
    let stored = if args.wants_f32 { FileDType::F32 } else { FileDType::F16 };
    let mut course = Course {
        trainer,
        data,
        config,
        out,
        stored,
        kept: args.kept.iter().map(|&step| step as usize).collect(),
        best: f64::INFINITY,
        n_worse: 0,
        report: String::new(),
        start: Instant::now(),
    };
    course.say(&format!(
        "{} parameters, {} tokens in the vocabulary, {} tokens a step, {} ops a step, {name}",
        course.trainer.n_params(),
        course.data.vocabulary().d_vocab,
        course.n_tokens(),
        course.trainer.n_ops(),
    ));
    course.baseline();
    if args.resumes {
        course.resume()?;
    }
    course.go_on()
}

fn read_config(path: &Path) -> Result<TrainConfig, Failure> {
    let text = read_text(path)?;
    let config: TrainConfig = toml::from_str(&text)
        .map_err(|err| Failure::usage(format!("{}: {err}", path.display())))?;
    config.check()?;
    Ok(config)
}

fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|err| {
        let (file, problem) = (path.display().to_string(), err.to_string());
        Failure::Model(ModelError::Io { file, problem })
    })
}

fn write_failure(path: &Path, err: std::io::Error) -> Failure {
    Failure::Write { path: path.display().to_string(), err }
}

/// A run under way.
struct Course {
    trainer: Trainer,
    data: Dataset,
    config: TrainConfig,
    out: PathBuf,
    stored: FileDType,
    /// Steps after which the model is kept beside the best one.
    kept: BTreeSet<usize>,
    best: f64,
    n_worse: usize,
    /// What was said, for `report.txt`.
    report: String,
    start: Instant,
}

impl Course {
    /// Tokens of a step.
    fn n_tokens(&self) -> usize {
        let run = &self.config.run;
        run.n_sequences * run.n_accumulated * self.data.lengths()[0]
    }

    fn go_on(&mut self) -> Result<(), Failure> {
        let control = Control::default();
        let validation = self.data.validation()?;
        let (n_steps, every) = (self.config.run.n_steps, self.config.run.validate_every);
        let first = self.trainer.n_done();
        let n_tokens = self.n_tokens();
        let (mut sum, mut n_summed) = (0.0, 0);
        if first == 0 {
            self.keep()?;
        }
        while self.trainer.n_done() < n_steps {
            let batch = self.data.batch(self.trainer.n_done())?;
            let info = block_on(self.trainer.step(&batch, &control))?;
            if !info.loss.is_finite() {
                self.say(&format!("step {}: the loss is {}", self.trainer.n_done(), info.loss));
                return Err(Failure::usage("the run has diverged; try a lower optimiser.rate"));
            }
            sum += f64::from(info.loss);
            n_summed += 1;
            self.keep()?;
            let done = self.trainer.n_done();
            if done.is_multiple_of(REPORT_EVERY) || done == n_steps {
                let seconds = self.start.elapsed().as_secs_f64();
                let rate = (done - first) as f64 / seconds;
                let left = (n_steps - done) as f64 / rate;
                eprint!(
                    "\r{done}/{n_steps}  loss {:.4}  norm {:.2}  rate {:.2e}  {:.0} tokens/s  {left:.0} s left   ",
                    sum / f64::from(n_summed),
                    info.norm,
                    info.rate,
                    rate * n_tokens as f64,
                );
                let line = format!(
                    "{done},{:.5},{:.4},{:.3e},{seconds:.1}\n",
                    sum / f64::from(n_summed),
                    info.norm,
                    info.rate
                );
                self.append("losses.csv", "step,loss,norm,rate,seconds\n", &line)?;
                (sum, n_summed) = (0.0, 0);
            }
            if done.is_multiple_of(every) || done == n_steps {
                let score = block_on(self.trainer.score(&validation, &control))?;
                self.validated(score)?;
                let patience = self.config.run.patience;
                if patience > 0 && self.n_worse >= patience {
                    self.say(&format!("no better loss in {patience} validations: the run ends"));
                    break;
                }
            }
        }
        self.say(&format!(
            "best validation loss {:.4} after {:.0} s",
            self.best,
            self.start.elapsed().as_secs_f64()
        ));
        self.save("report.txt", self.report.clone().as_bytes())
    }

    /// Keeps the model as it is, if that is wanted of this step.
    fn keep(&mut self) -> Result<(), Failure> {
        let done = self.trainer.n_done();
        if self.kept.contains(&done) {
            let folder = format!("step-{done}");
            self.save_model(&folder)?;
        }
        Ok(())
    }

    /// Writes the model into a folder below the run's own, or (`.`) into that.
    fn save_model(&mut self, folder: &str) -> Result<(), Failure> {
        let vocabulary = self.data.vocabulary();
        let files = model_files(&mut self.trainer, &self.config, vocabulary, self.stored);
        for (name, bytes) in block_on(files)? {
            self.save(&format!("{folder}/{name}"), &bytes)?;
        }
        Ok(())
    }

    /// Keeps the model if it is the best so far, and the run in any case.
    fn validated(&mut self, score: Score) -> Result<(), Failure> {
        let done = self.trainer.n_done();
        let is_best = score.loss < self.best;
        self.n_worse = if is_best { 0 } else { self.n_worse + 1 };
        eprint!("\r");
        self.say(&format!(
            "step {done}: validation loss {:.4}, accuracy {:.2} %, exact {:.2} %, {} tokens{}",
            score.loss,
            score.accuracy * 100.0,
            score.exact * 100.0,
            score.n_tokens,
            if is_best { ", the best so far" } else { "" },
        ));
        let line = format!("{done},{:.5},{:.5},{:.5}\n", score.loss, score.accuracy, score.exact);
        self.append("validation.csv", "step,loss,accuracy,exact\n", &line)?;
        if is_best {
            self.best = score.loss;
            self.save_model(".")?;
        }
        let saved = SavedRun {
            config: self.config.clone(),
            n_done: done,
            best: self.best,
            n_worse: self.n_worse,
            tensors: block_on(self.trainer.memory())?,
        };
        // In a folder of its own: a folder with two files of weights is no model.
        self.save(&format!("run/{STATE_FILE}"), &saved.to_bytes()?)?;
        self.write_sample()
    }

    /// A few words of a language model, as it is now.
    fn write_sample(&mut self) -> Result<(), Failure> {
        let [_, held_out] = self.data.texts();
        let is_decoder = self.trainer.spec().causal && !self.trainer.spec().has_cross();
        if held_out.is_empty() || !is_decoder {
            return Ok(());
        }
        let prompt = held_out[..16.min(held_out.len())].to_vec();
        let vocabulary = self.data.vocabulary();
        let files = model_files(&mut self.trainer, &self.config, vocabulary, FileDType::F32);
        let text = sampled(block_on(files)?, prompt, self.config.seed, &vocabulary.json)?;
        self.say(&format!("  {}", text.replace('\n', "⏎")));
        Ok(())
    }

    /// The loss of an n-gram model on the same tokens; beside what sees both sides, of their counts.
    fn baseline(&mut self) {
        let [train, held_out] = self.data.texts();
        if train.is_empty() {
            return;
        }
        let n_gram = if self.trainer.spec().causal { N_GRAM } else { 1 };
        let grams = Ngrams::count(train, n_gram, self.data.vocabulary().d_vocab);
        let (loss, n_train, n_held_out) = (grams.loss(held_out), train.len(), held_out.len());
        self.say(&format!(
            "{n_gram}-grams (Kneser–Ney): validation loss {loss:.4}; {n_train} tokens to train on, {n_held_out} held out"
        ));
    }

    fn resume(&mut self) -> Result<(), Failure> {
        let path = self.out.join("run").join(STATE_FILE);
        let bytes = std::fs::read(&path).map_err(|err| write_failure(&path, err))?;
        let saved = SavedRun::from_bytes(STATE_FILE, &bytes)?;
        // A longer run may follow a shorter one; all else must be what it was.
        let run = self.config.run;
        if (TrainConfig { run, ..saved.config.clone() }) != self.config {
            return Err(Failure::usage(format!(
                "{} is the state of a run of another configuration: {}",
                path.display(),
                saved.config.to_query()
            )));
        }
        self.trainer.recall(&saved.tensors, saved.n_done)?;
        (self.best, self.n_worse) = (saved.best, saved.n_worse);
        self.say(&format!("goes on after step {}", saved.n_done));
        Ok(())
    }

    fn say(&mut self, words: &str) {
        eprintln!("{words}");
        self.report.push_str(words);
        self.report.push('\n');
    }

    /// Writes a file whole or not at all.
    fn save(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.out.join(name);
        let part = path.with_extension("part");
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&part, bytes))
            .and_then(|()| std::fs::rename(&part, &path));
        written.map_err(|err| write_failure(&path, err))
    }

    /// Adds a line to a table; its first line is `head`.
    fn append(&self, name: &str, head: &str, line: &str) -> Result<(), Failure> {
        let path = self.out.join(name);
        let is_new = !path.exists();
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&path);
        let written = file.and_then(|mut file| {
            if is_new {
                file.write_all(head.as_bytes())?;
            }
            file.write_all(line.as_bytes())
        });
        written.map_err(|err| write_failure(&path, err))
    }
}

/// What a model writes behind a prompt, parted from it by a bar.
fn sampled(
    files: Vec<(&'static str, Vec<u8>)>,
    prompt: Vec<u32>,
    seed: u64,
    tokenizer: &str,
) -> Result<String, Failure> {
    let sources: Vec<MemorySource> =
        files.into_iter().map(|(name, bytes)| MemorySource::new(name, bytes)).collect();
    let checkpoint = block_on(Checkpoint::open(sources))?;
    let mut engine = open::engine(Device::Cpu)?;
    let control = Control::default();
    let model = block_on(Model::load(&mut engine, &checkpoint, &control, &mut |_| ()))?;
    let n_tokens = (prompt.len() + N_SAMPLED).min(model.spec().n_ctx);
    let mut session = Session::new(engine, model, Options::bare())?;
    block_on(session.set_tokens(&Input::from(&prompt[..]), &control))?;
    let mut random = Random::from_seed(seed);
    let sampling = Sampling { temperature: 0.8, top_k: 40, top_p: 1.0 };
    let mut ids = prompt.clone();
    while ids.len() < n_tokens {
        let id = sample(session.last_logits(), &sampling, &mut random) as u32;
        ids.push(id);
        block_on(session.next(id, &control))?;
    }
    let tokenizer = HubTokenizer::from_json("tokenizer.json", tokenizer)?;
    let written = tokenizer.decode(&ids[prompt.len()..], true)?;
    Ok(format!("…{}|{written}…", tokenizer.decode(&prompt, true)?))
}
