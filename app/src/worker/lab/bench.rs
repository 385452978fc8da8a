//! The loop that owns the run.

use std::rc::Rc;

use vitrine_kernels::Control;
use vitrine_models::ModelError;
use vitrine_models::train::checkpoint::SavedRun;
use vitrine_models::train::config::TokenizerKind;
use vitrine_models::train::{Dataset, TrainConfig, Vocabulary, data};

use vitrine_models::weights::ByteSource;
use wasm_bindgen::{JsCast, JsValue};

use super::super::engines::Engines;
use super::super::source::BlobSource;
use super::super::text::shown_title;
use super::super::tokenizer::TokenizerHost;
use super::course::Course;
use super::desk::Desk;
use super::pieces;
use super::tell::{self, tell};
use crate::protocol::EngineChoice;
use crate::protocol::lab::{FromLab, Look, Phase, ToLab, TrainJob};

/// Largest file of a run that is opened.
const MAX_RUN_BYTES: u64 = 256 << 20;

/// What the loop owns.
pub(super) struct Bench {
    desk: Rc<Desk>,
    control: Control,
    engines: Engines,
    tokenizers: Rc<TokenizerHost>,
    /// Which engine was asked for last.
    chosen: Option<EngineChoice>,
    course: Option<Course>,
    look: Option<Look>,
}

impl Bench {
    /// A bench without a run.
    pub fn new(desk: Rc<Desk>, control: Control, tokenizers: Rc<TokenizerHost>) -> Self {
        let (engines, chosen) = (Engines::default(), None);
        Self { desk, control, engines, tokenizers, chosen, course: None, look: None }
    }

    /// Does what comes, and steps in between, forever.
    pub async fn work(mut self) {
        loop {
            let is_running = self.course.as_ref().is_some_and(|course| course.is_running());
            let message = match is_running {
                true => self.desk.take(),
                false => Some(self.desk.next().await),
            };
            let outcome = match (message, &mut self.course) {
                (Some((ToLab::Train(job), _)), _) => {
                    self.begin(&job, None).await;
                    Ok(())
                }
                (Some((ToLab::Open(job), file)), _) => {
                    self.begin(&job, Some(file)).await;
                    Ok(())
                }
                (Some((ToLab::Look(look), _)), course) => {
                    self.look = look;
                    match course {
                        Some(course) => course.set_look(look).await,
                        None => Ok(()),
                    }
                }
                (Some((message, _)), Some(course)) => course.act(message, &self.control).await,
                (None, Some(course)) => course.step(&self.control).await,
                (_, None) => Ok(()),
            };
            if let (Err(err), Some(course)) = (outcome, &mut self.course) {
                course.set_phase(Phase::Paused);
                tell::error(&err);
            }
        }
    }

    async fn begin(&mut self, job: &TrainJob, file: Option<JsValue>) {
        // One run at a time; its memory goes first.
        if let Some(course) = self.course.take() {
            course.end();
        }
        match self.try_begin(job, file).await {
            Ok(course) => self.course = Some(course),
            Err(err) => tell::error(&err),
        }
    }

    async fn try_begin(
        &mut self,
        job: &TrainJob,
        file: Option<JsValue>,
    ) -> Result<Course, ModelError> {
        let saved = match file {
            Some(file) => Some(read_run(file).await?),
            None => None,
        };
        let config = match &saved {
            Some(saved) => saved.config.clone(),
            None => TrainConfig::from_query(&job.query)?,
        };
        config.check()?;
        let data = self.dataset(&config, job.text.as_deref()).await?;
        if self.chosen != Some(job.engine) {
            tell(&FromLab::Engine(self.engines.choose(job.engine).await));
            self.chosen = Some(job.engine);
        }
        let engine = self.engines.make().await?;
        let mut course = Course::new(job.run, config, data, engine).await?;
        if let Some(saved) = &saved {
            course.go_on_from(saved)?;
        }
        course.begin(self.look, &self.control).await?;
        Ok(course)
    }

    /// What a run trains on.
    async fn dataset(
        &self,
        config: &TrainConfig,
        text: Option<&str>,
    ) -> Result<Dataset, ModelError> {
        if config.data.task != "text" {
            return Dataset::of_task(config, &config.data.task);
        }
        let text = text.filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| ModelError::input("the text", "is empty"))?;
        let (train, held_out) = data::split(text, config.data.held_out);
        if config.data.tokenizer == TokenizerKind::Characters {
            let vocabulary = Vocabulary::of_characters(text, config.has_marks());
            return Dataset::of_text(config, vocabulary, train, held_out);
        }
        let (vocabulary, tokens) = pieces::of(&self.tokenizers, config, [train, held_out]).await?;
        Dataset::of_tokens(config, vocabulary, tokens)
    }
}

/// Reads the file of a run that was saved.
async fn read_run(file: JsValue) -> Result<SavedRun, ModelError> {
    let file: web_sys::File = file.unchecked_into();
    let name = shown_title(&file.name());
    let source = BlobSource::new(name.clone(), file.into());
    if source.n_bytes() > MAX_RUN_BYTES {
        let problem = format!("is larger than {MAX_RUN_BYTES} bytes, which no run of the page is");
        return Err(ModelError::malformed(&name, "the file", problem));
    }
    let bytes = source.read_at(0, source.n_bytes() as usize).await?;
    SavedRun::from_bytes(&name, &bytes)
}
