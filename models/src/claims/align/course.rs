//! A training run that is looked at on its way.

use serde::{Deserialize, Serialize};
use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::{Control, Engine};

use super::super::{give_back, taken};
use super::shot::{Shot, look};
use super::{Task, Twin, config, examples};
use crate::error::ModelError;
use crate::train::{Dataset, TrainConfig, Trainer};

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

/// Trains, and tells. The engine is empty afterwards; looks run on the processor.
///
/// # Errors
/// What the engine reports; cancellation.
pub async fn train(
    engine: &mut Engine,
    course: &Course,
    told: &mut dyn FnMut(Told),
    control: &Control,
) -> Result<(), ModelError> {
    let mut config = config(course.twin, Course::D_MODEL, [course.seed, course.n_steps]);
    let (name, difficulty) = course.task.of_training();
    (config.data.task, config.data.difficulty) = (name.to_owned(), difficulty);
    let data = Dataset::new(&config, None)?;
    let mut trainer = Trainer::new(taken(engine), &config, &data).await?;
    let outcome = run(&mut trainer, (&config, &data), course, told, control).await;
    give_back(engine, trainer.into_engine());
    outcome
}

async fn run(
    trainer: &mut Trainer,
    (config, data): (&TrainConfig, &Dataset),
    course: &Course,
    told: &mut dyn FnMut(Told),
    control: &Control,
) -> Result<(), ModelError> {
    let examples = examples(course.task);
    let mut looking = Engine::Cpu(CpuEngine::new());
    for n_done in 0..=course.n_steps {
        if course.is_looked_at(n_done) {
            let (twin, all) = (course.twin, (config, data));
            let (shot, engine) = look(trainer, all, twin, &examples, looking, control).await?;
            looking = engine;
            told(Told::Shot(Box::new(shot)));
        }
        if n_done < course.n_steps {
            let batch = data.batch(n_done as usize)?;
            told(Told::Loss(trainer.step(&batch, control).await?.loss));
        }
    }
    Ok(())
}
