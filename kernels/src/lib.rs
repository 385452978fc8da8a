//! Tensor recordings and the two engines that run them.
//!
//! A [`Recorder`] takes ordered ops over symbolic tensors and checks every shape as the op is
//! pushed; the finished [`Recording`] runs on the CPU engine (the oracle, and the product where
//! there is no GPU) and on the GPU engine (hand-written WGSL over wgpu), with the same results.
//! This crate knows tensors, rows and columns; what they mean is the business of its users.

pub mod backward;
pub mod blocks;
#[cfg(feature = "gpu")]
pub mod draw;
pub mod engine;
pub mod error;
pub mod ops;
pub mod recording;
#[cfg(feature = "gpu")]
mod shader_text;
mod simd;
pub mod spectrum;
pub mod tensor;
pub mod traffic;

pub use engine::{Control, Engine, InputData, Read, ReadSource, Step};
pub use error::{EngineError, RecordError};
pub use recording::{Recorder, Recording};
pub use tensor::{DType, Shape, StateId, TensorId, WeightId};
