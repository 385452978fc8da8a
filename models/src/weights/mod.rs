//! Checkpoints: what is in the files, read tensor by tensor and never trusted.
//!
//! A reader parses a header into [`TensorEntry`] rows, checking every number before it is used
//! or allocated for, and hands out one tensor's bytes at a time. Headers are parsed by plain
//! functions over a byte slice, so that the fuzz targets reach them without a file.

pub mod checkpoint;
pub mod config;
mod cursor;
pub mod dequant;
pub mod dtype;
pub mod gguf;
pub mod json;
pub mod manifest;
pub mod marian;
pub mod safetensors;
pub mod shortlist;
pub mod sniff;
pub mod source;

pub use checkpoint::{Checkpoint, TensorData};
pub use config::ConfigFields;
pub use dequant::dequantise;
pub use dtype::FileDType;
pub use gguf::{GgufArray, GgufHeader, GgufValue};
pub use shortlist::Shortlist;
pub use source::{ByteSource, MemorySource};

#[cfg(not(target_arch = "wasm32"))]
pub use source::FileSource;

/// One tensor of a file: what it is and where its bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorEntry {
    /// The checkpoint's name for it.
    pub name: String,
    /// How its elements are stored.
    pub dtype: FileDType,
    /// Row-major, slowest axis first: a GGUF matrix reads `[rows, cols]` like any other.
    pub shape: Vec<usize>,
    /// Which of the checkpoint's files holds it (0 where there is one).
    pub file_idx: usize,
    /// Position of its first byte in that file.
    pub offset: u64,
    /// Number of its bytes.
    pub n_bytes: u64,
}
