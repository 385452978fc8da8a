//! The loop that owns the run.

use std::rc::Rc;

use vitrine_kernels::Control;
use vitrine_models::ModelError;
use vitrine_models::train::config::TokenizerKind;
use vitrine_models::train::{Dataset, Kind, TrainConfig, Vocabulary, data};

use super::super::engines::Engines;
use super::course::Course;
use super::desk::Desk;
use super::tell::{self, tell};
use crate::protocol::EngineChoice;
use crate::protocol::lab::{FromLab, Look, Phase, ToLab, TrainJob};

/// What the loop owns.
pub(super) struct Bench {
    desk: Rc<Desk>,
    control: Control,
    engines: Engines,
    /// Which engine was asked for last.
    chosen: Option<EngineChoice>,
    course: Option<Course>,
    look: Option<Look>,
}

impl Bench {
    /// A bench without a run.
    pub fn new(desk: Rc<Desk>, control: Control) -> Self {
        Self { desk, control, engines: Engines::default(), chosen: None, course: None, look: None }
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
                (Some(ToLab::Train(job)), _) => {
                    self.begin(&job).await;
                    Ok(())
                }
                (Some(ToLab::Look(look)), course) => {
                    self.look = look;
                    match course {
                        Some(course) => course.set_look(look).await,
                        None => Ok(()),
                    }
                }
                (Some(message), Some(course)) => course.act(message, &self.control).await,
                (None, Some(course)) => course.step(&self.control).await,
                (_, None) => Ok(()),
            };
            if let (Err(err), Some(course)) = (outcome, &mut self.course) {
                course.set_phase(Phase::Paused);
                tell::error(&err);
            }
        }
    }

    async fn begin(&mut self, job: &TrainJob) {
        // One run at a time; its memory goes first.
        if let Some(course) = self.course.take() {
            course.end();
        }
        match self.try_begin(job).await {
            Ok(course) => self.course = Some(course),
            Err(err) => tell::error(&err),
        }
    }

    async fn try_begin(&mut self, job: &TrainJob) -> Result<Course, ModelError> {
        let config = TrainConfig::from_query(&job.query)?;
        config.check()?;
        let data = dataset(&config, job.text.as_deref())?;
        if self.chosen != Some(job.engine) {
            tell(&FromLab::Engine(self.engines.choose(job.engine).await));
            self.chosen = Some(job.engine);
        }
        let engine = self.engines.make().await?;
        let mut course = Course::new(job.run, config, data, engine).await?;
        course.begin(self.look, &self.control).await?;
        Ok(course)
    }
}

/// What a run trains on. Pieces of words need the tokenizer's module, which does not train.
fn dataset(config: &TrainConfig, text: Option<&str>) -> Result<Dataset, ModelError> {
    let refuse =
        |field: &str, problem: &str| ModelError::config("the configuration", field, problem);
    if config.data.task != "text" {
        return Dataset::of_task(config, &config.data.task);
    }
    if config.data.tokenizer != TokenizerKind::Characters {
        return Err(refuse("data.tokenizer", "is not characters; the page trains on no other"));
    }
    let text = text.filter(|text| !text.is_empty());
    let text = text.ok_or_else(|| ModelError::input("the text", "is empty"))?;
    let (train, held_out) = data::split(text, config.data.held_out);
    let has_marks = config.model.kind.has_source() || config.model.kind == Kind::Bert;
    Dataset::of_text(config, Vocabulary::of_characters(text, has_marks), train, held_out)
}
