//! The files of a run.
//!
//! The model is an ordinary checkpoint: config.json, model.safetensors, tokenizer.json; `vitrine trace`, the
//! page and transformers open it. What a run goes on from is one more safetensors file: parameters and
//! moments in f32, and in its metadata the configuration and the number of steps.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config::TrainConfig;
use super::nano::{FileTensor, write};
use super::trainer::Trainer;
use super::vocabulary::Vocabulary;
use crate::error::ModelError;
use crate::weights::{FileDType, dequantise, safetensors};

/// The file that a run goes on from.
pub const STATE_FILE: &str = "run.safetensors";

/// A run's state.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedRun {
    /// What was asked for.
    pub config: TrainConfig,
    /// Steps that were done.
    pub n_done: usize,
    /// The best loss of a validation.
    pub best: f64,
    /// Validations since.
    pub n_worse: usize,
    /// Parameters and moments.
    pub tensors: Vec<FileTensor>,
}

impl SavedRun {
    /// A file that Python's safetensors opens.
    ///
    /// # Errors
    /// Names that are there twice.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        let metadata = [
            ("vitrine.config", self.config.to_json()),
            ("vitrine.n_done", self.n_done.to_string()),
            ("vitrine.best", self.best.to_string()),
            ("vitrine.n_worse", self.n_worse.to_string()),
        ];
        write(&self.tensors, FileDType::F32, &metadata)
    }

    /// Reads such a file.
    ///
    /// # Errors
    /// A file that is damaged or another one.
    pub fn from_bytes(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        let n_bytes = bytes.len() as u64;
        let n_header = safetensors::header_length(file, &bytes[..bytes.len().min(8)], n_bytes)?;
        // header_length has checked that the header lies within the file.
        let header = safetensors::parse_header(file, &bytes[8..8 + n_header as usize], n_bytes)?;
        let mut tensors = Vec::new();
        for entry in header.tensors {
            let data = &bytes[entry.offset as usize..][..entry.n_bytes as usize];
            let values = dequantise(entry.dtype, data).ok_or_else(|| {
                ModelError::malformed(file, format!("tensor {}", entry.name), "is not of f32")
            })?;
            tensors.push(FileTensor { name: entry.name, shape: entry.shape, values });
        }
        let pairs = header.metadata;
        let config = TrainConfig::from_json(text(file, &pairs, "vitrine.config")?)?;
        Ok(Self {
            config,
            n_done: number(file, &pairs, "vitrine.n_done")?,
            best: number(file, &pairs, "vitrine.best")?,
            n_worse: number(file, &pairs, "vitrine.n_worse")?,
            tensors,
        })
    }
}

/// The files of the model as it is now: name and content.
///
/// # Errors
/// What the engine reports.
pub async fn model_files(
    trainer: &mut Trainer,
    config: &TrainConfig,
    vocabulary: &Vocabulary,
    dtype: FileDType,
) -> Result<Vec<(&'static str, Vec<u8>)>, ModelError> {
    let tensors = trainer.tensors(config.model.kind).await?;
    let mut json = config.model.config_json(vocabulary.d_vocab, vocabulary.special);
    let stored = if dtype == FileDType::F16 { "float16" } else { "float32" };
    json.insert("dtype".to_owned(), Value::from(stored));
    let document = serde_json::to_string_pretty(&json).unwrap_or_default() + "\n";
    let tokenizer = match config.model.kind.has_source() {
        true => vocabulary.json_for_sources(),
        false => vocabulary.json.clone(),
    };
    Ok(vec![
        ("config.json", document.into_bytes()),
        ("model.safetensors", write(&tensors, dtype, &[])?),
        ("tokenizer.json", tokenizer.into_bytes()),
    ])
}

fn text<'a>(
    file: &str,
    pairs: &'a BTreeMap<String, String>,
    name: &str,
) -> Result<&'a str, ModelError> {
    let found = pairs.get(name).map(String::as_str);
    found.ok_or_else(|| ModelError::malformed(file, name.to_owned(), "is missing"))
}

fn number<T: std::str::FromStr>(
    file: &str,
    pairs: &BTreeMap<String, String>,
    name: &str,
) -> Result<T, ModelError> {
    let text = text(file, pairs, name)?;
    text.parse().map_err(|_| {
        let problem = format!("is {}, no number", crate::error::shown(text));
        ModelError::malformed(file, name.to_owned(), problem)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_survives_its_file() {
        let run = SavedRun {
            config: TrainConfig { seed: 9, ..TrainConfig::default() },
            n_done: 12,
            best: 3.25,
            n_worse: 1,
            tensors: vec![FileTensor {
                name: "parameter.embed.W_E".to_owned(),
                shape: vec![2, 3],
                values: vec![1.0, -2.0, 0.5, 0.25, 3.0, 1e-9],
            }],
        };
        let bytes = run.to_bytes().expect("writes");
        assert_eq!(SavedRun::from_bytes("run", &bytes), Ok(run));
        assert!(::safetensors::SafeTensors::deserialize(&bytes).is_ok());
        assert!(SavedRun::from_bytes("run", &bytes[..bytes.len() - 1]).is_err());
    }
}
