//! Arguments, and what is said when they or the work fail.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use vitrine_models::ModelError;
use vitrine_models::arch::Products;

/// Why the command ends: one sentence on standard error.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The arguments.
    #[error("{0}")]
    Usage(String),
    /// The model or the engine.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] vitrine_kernels::EngineError),
    /// A file that was to be written.
    #[error("{path}: {err}")]
    Write {
        /// Which.
        path: String,
        /// What the system said.
        err: std::io::Error,
    },
}

impl Failure {
    /// A sentence about the arguments.
    pub fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }
}

impl From<lexopt::Error> for Failure {
    fn from(err: lexopt::Error) -> Self {
        Self::Usage(format!("{err}; `vitrine --help` shows what there is"))
    }
}

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// SIMD on the CPU.
    Cpu,
    /// Vulkan.
    Gpu,
}

/// All flags of all commands.
#[derive(Debug, Default)]
pub struct Args {
    pub wants_help: bool,
    pub model: Option<PathBuf>,
    pub encoder: Option<PathBuf>,
    pub text: Option<String>,
    pub ids: Option<Vec<u32>>,
    pub decoder_ids: Option<Vec<u32>>,
    pub attention_mask: Option<Vec<u32>>,
    pub token_types: Option<Vec<u32>>,
    pub device: Option<Device>,
    pub products: Products,
    pub hooks: Option<Vec<String>>,
    pub out: Option<PathBuf>,
    pub n_tokens: Option<usize>,
    pub temperature: Option<f32>,
    pub top_k: Option<usize>,
    pub top_p: Option<f32>,
    pub seed: Option<u64>,
    pub ignores_eos: bool,
    pub n_runs: Option<usize>,
    pub wants_json: bool,
    pub wants_f32: bool,
    pub resumes: bool,
    pub kept: Vec<u32>,
}

impl Args {
    /// Reads the words after the command.
    pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, Failure> {
        let mut args = Self::default();
        let words = std::iter::once(OsString::from("vitrine")).chain(words).collect::<Vec<_>>();
        let mut parser = lexopt::Parser::from_iter(words);
        while let Some(word) = parser.next()? {
            match word {
                Short('h') | Long("help") => args.wants_help = true,
                Long("model") => args.model = Some(parser.value()?.into()),
                Long("encoder") => args.encoder = Some(parser.value()?.into()),
                Long("text") => args.text = Some(parser.value()?.string()?),
                Long("ids") => args.ids = Some(numbers("--ids", &mut parser)?),
                Long("decoder-ids") => {
                    args.decoder_ids = Some(numbers("--decoder-ids", &mut parser)?);
                }
                Long("attention-mask") => {
                    args.attention_mask = Some(numbers("--attention-mask", &mut parser)?);
                }
                Long("token-types") => {
                    args.token_types = Some(numbers("--token-types", &mut parser)?);
                }
                Long("device") => args.device = Some(device(&parser.value()?.string()?)?),
                Long("products") => args.products = products(&parser.value()?.string()?)?,
                Long("hooks") => {
                    let globs = parser.value()?.string()?;
                    args.hooks =
                        Some(globs.split(',').map(|glob| glob.trim().to_owned()).collect());
                }
                Long("all-hooks") => args.hooks = Some(vec!["*".to_owned()]),
                Long("out") => args.out = Some(parser.value()?.into()),
                Long("tokens") => args.n_tokens = Some(parser.value()?.parse()?),
                Long("temperature") => args.temperature = Some(parser.value()?.parse()?),
                Long("top-k") => args.top_k = Some(parser.value()?.parse()?),
                Long("top-p") => args.top_p = Some(parser.value()?.parse()?),
                Long("seed") => args.seed = Some(parser.value()?.parse()?),
                Long("ignore-eos") => args.ignores_eos = true,
                Long("runs") => args.n_runs = Some(parser.value()?.parse()?),
                Long("f32") => args.wants_f32 = true,
                Long("resume") => args.resumes = true,
                Long("keep") => args.kept = numbers("--keep", &mut parser)?,
                Long("json") => args.wants_json = true,
                Value(path) if args.model.is_none() => args.model = Some(path.into()),
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(args)
    }
}

fn device(word: &str) -> Result<Device, Failure> {
    match word {
        "cpu" => Ok(Device::Cpu),
        "gpu" => Ok(Device::Gpu),
        _ => Err(Failure::usage(format!("--device is {word:?}; cpu and gpu are supported"))),
    }
}

fn products(word: &str) -> Result<Products, Failure> {
    match word {
        "float" => Ok(Products::Floats),
        "int8" => Ok(Products::Bytes),
        _ => Err(Failure::usage(format!("--products is {word:?}; float and int8 are supported"))),
    }
}

/// Numbers with commas (and perhaps spaces) between them.
fn numbers(flag: &str, parser: &mut lexopt::Parser) -> Result<Vec<u32>, Failure> {
    let words = parser.value()?.string()?;
    words
        .split(',')
        .map(|word| {
            let word = word.trim();
            word.parse().map_err(|_| {
                Failure::usage(format!("{flag}: {word:?} is no number from 0 to {}", u32::MAX))
            })
        })
        .collect()
}
