//! Opening what a command works on: engine, model, tokenizer, text.

use std::path::Path;

use pollster::block_on;
use vitrine_kernels::engine::cpu::CpuEngine;
#[cfg(feature = "gpu")]
use vitrine_kernels::engine::gpu::{GpuEngine, GpuOptions};
use vitrine_kernels::{Control, Engine};
use vitrine_models::tokenize::gguf::tokenizer_json_from_gguf;
use vitrine_models::tokenize::{HubTokenizer, SpecialIds, Tokenizer};
use vitrine_models::weights::{Checkpoint, FileSource, checkpoint};
use vitrine_models::{Input, Model};

use crate::args::{Args, Device, Failure};

/// A model in an engine, and its files.
pub struct Opened {
    pub engine: Engine,
    pub model: Model,
    checkpoint: Checkpoint<FileSource>,
}

/// Starts an engine.
pub fn engine(device: Device) -> Result<Engine, Failure> {
    Ok(match device {
        Device::Cpu => Engine::Cpu(CpuEngine::new()),
        #[cfg(not(feature = "gpu"))]
        Device::Gpu => return Err(Failure::usage("this build has no --device gpu")),
        #[cfg(feature = "gpu")]
        Device::Gpu => Engine::Gpu(Box::new(block_on(GpuEngine::new(GpuOptions::default()))?)),
    })
}

/// Loads the model at `path`.
pub fn open(path: &Path, device: Device) -> Result<Opened, Failure> {
    let mut engine = engine(device)?;
    block_on(async {
        let checkpoint = checkpoint::open_path(path).await?;
        let control = Control::default();
        let model = Model::load(&mut engine, &checkpoint, &control, &mut |_| ()).await?;
        Ok(Opened { engine, model, checkpoint })
    })
}

/// The path that the arguments name.
pub fn model_path(args: &Args) -> Result<&Path, Failure> {
    args.model.as_deref().ok_or_else(|| Failure::usage("which MODEL? A .gguf file or a folder"))
}

impl Opened {
    /// The tokenizer that lies in or beside the model, `None` where there is none.
    pub fn tokenizer(&self) -> Result<Option<HubTokenizer>, Failure> {
        let (file, json) = match self.checkpoint.gguf_metadata() {
            Some(metadata) => {
                let file = self.checkpoint.name();
                (file, tokenizer_json_from_gguf(file, metadata)?)
            }
            None => match block_on(self.checkpoint.tokenizer_file())? {
                Some(json) => ("tokenizer.json", json),
                None => return Ok(None),
            },
        };
        Ok(Some(HubTokenizer::from_json(file, &json)?))
    }

    /// The ids that end a text.
    pub fn end_ids(&self) -> Result<Vec<u32>, Failure> {
        let (file, n_ids) = (self.checkpoint.name(), self.model.spec().d_vocab);
        let special = match (self.checkpoint.gguf_metadata(), self.checkpoint.config_json()) {
            (Some(metadata), _) => SpecialIds::from_gguf(file, metadata, n_ids)?,
            (_, Some(config)) => SpecialIds::from_config(file, config, n_ids)?,
            _ => SpecialIds::default(),
        };
        Ok(special.eos)
    }

    /// The text of the arguments as tokens.
    pub fn input(&self, args: &Args) -> Result<Input, Failure> {
        let ids = match (&args.text, &args.ids) {
            (Some(_), Some(_)) => return Err(Failure::usage("give --text or --ids, not both")),
            (None, None) => return Err(Failure::usage("which text? Give --text or --ids")),
            (None, Some(ids)) => ids.clone(),
            (Some(text), None) => {
                let tokenizer = self.tokenizer()?.ok_or_else(|| {
                    Failure::usage("--text needs a tokenizer.json beside the model; give --ids")
                })?;
                let tokens = tokenizer.encode(text, true)?;
                let end = self.model.spec().source_end;
                tokens.iter().map(|token| token.id).chain(end).collect()
            }
        };
        let input = Input {
            ids,
            token_types: args.token_types.clone(),
            attention_mask: args.attention_mask.clone(),
            source: None,
        };
        let spec = self.model.spec();
        if !spec.has_cross() {
            return match args.decoder_ids {
                None => Ok(input),
                Some(_) => Err(Failure::usage(format!(
                    "--decoder-ids: {} has no decoder beside an encoder",
                    spec.architecture
                ))),
            };
        }
        let target = match (&args.decoder_ids, spec.decoder_start) {
            (Some(ids), _) => ids.clone(),
            (None, Some(start)) => vec![start],
            (None, None) => {
                return Err(Failure::usage(
                    "which target? The configuration does not say what one begins with; give \
                     --decoder-ids",
                ));
            }
        };
        Ok(Input { source: Some(Box::new(input)), ..Input::from(&target[..]) })
    }
}
