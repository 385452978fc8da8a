//! A training run that is looked at on its way, and kept as it was at each look.

use serde::{Deserialize, Serialize};
use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::{Control, Engine};

use super::super::{give_back, taken};
use super::shot::{Shot, look_at};
use super::{Task, Twin, config, examples};
use crate::error::ModelError;
use crate::train::tasks::Example;
use crate::train::{Dataset, Frozen, TrainConfig, Trainer};

/// A run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// What is learned.
    pub task: Task,
    /// By which model.
    pub twin: Twin,
    /// Of weights and examples.
    pub seed: u32,
    /// Steps; 0: the untrained model is looked at.
    pub n_steps: u32,
    /// Looks, at equal distances, beside the one before the first step.
    pub n_looks: u32,
}

impl Course {
    /// Width of embeddings and units.
    pub const D_MODEL: usize = 32;
    /// Steps after which dates are written without a fault.
    pub const N_STEPS: u32 = 400;
    /// Looks of such a run.
    pub const N_LOOKS: u32 = 20;

    /// Whether the model is looked at after a step.
    fn is_looked_at(&self, n_done: u32) -> bool {
        let n_apart = (self.n_steps / self.n_looks.max(1)).max(1);
        n_done == 0 || n_done.is_multiple_of(n_apart) || n_done == self.n_steps
    }
}

/// What comes of a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The loss of a step.
    Loss(f32),
    /// A look.
    Shot(Box<Shot>),
}

/// A run, with the models of each look: what a visitor types later is looked at by all of them.
pub struct Kept {
    course: Course,
    config: TrainConfig,
    data: Dataset,
    models: Vec<Frozen>,
}

impl Kept {
    /// A run before its first look.
    ///
    /// # Errors
    /// A course that makes no model.
    pub fn new(course: Course) -> Result<Self, ModelError> {
        let mut config = config(course.twin, Course::D_MODEL, [course.seed, course.n_steps]);
        let (name, difficulty) = course.task.of_training();
        (config.data.task, config.data.difficulty) = (name.to_owned(), difficulty);
        let data = Dataset::new(&config, None)?;
        Ok(Self { course, config, data, models: Vec::new() })
    }

    /// What it is.
    pub fn course(&self) -> Course {
        self.course
    }

    /// Looks at each kept model on one input, the first one first; shots have it alone.
    ///
    /// # Errors
    /// An input that leaves the alphabet; what the engine reports; cancellation.
    pub async fn look(
        &self,
        input: &str,
        told: &mut dyn FnMut(Shot),
        control: &Control,
    ) -> Result<(), ModelError> {
        let mut looking = Engine::Cpu(CpuEngine::new());
        let (vocabulary, twin) = (self.data.vocabulary(), self.course.twin);
        for model in &self.models {
            let own = [unknown(input)];
            let (shot, engine) = look_at(model, vocabulary, twin, &own, looking, control).await?;
            looking = engine;
            told(shot);
        }
        Ok(())
    }
}

/// An input whose output is not known.
fn unknown(input: &str) -> Example {
    Example { input: input.to_owned(), output: String::new() }
}

/// Trains, keeps and tells. Looks are at all examples of the task and then at `own`. The engine is empty
/// afterwards; looks run on the processor.
///
/// # Errors
/// An input that leaves the alphabet; what the engine reports; cancellation.
pub async fn train(
    engine: &mut Engine,
    kept: &mut Kept,
    own: Option<&str>,
    told: &mut dyn FnMut(Told),
    control: &Control,
) -> Result<(), ModelError> {
    let mut trainer = Trainer::new(taken(engine), &kept.config, &kept.data).await?;
    let outcome = run(&mut trainer, kept, own, told, control).await;
    give_back(engine, trainer.into_engine());
    outcome
}

async fn run(
    trainer: &mut Trainer,
    kept: &mut Kept,
    own: Option<&str>,
    told: &mut dyn FnMut(Told),
    control: &Control,
) -> Result<(), ModelError> {
    let Kept { course, config, data, models } = kept;
    let mut inputs = examples(course.task);
    inputs.extend(own.map(unknown));
    let mut looking = Engine::Cpu(CpuEngine::new());
    for n_done in 0..=course.n_steps {
        if course.is_looked_at(n_done) {
            let model = Frozen::of(trainer, config, data.vocabulary()).await?;
            let vocabulary = data.vocabulary();
            let (shot, engine) =
                look_at(&model, vocabulary, course.twin, &inputs, looking, control).await?;
            looking = engine;
            models.push(model);
            told(Told::Shot(Box::new(shot)));
        }
        if n_done < course.n_steps {
            let batch = data.batch(n_done as usize)?;
            told(Told::Loss(trainer.step(&batch, control).await?.loss));
        }
    }
    Ok(())
}
