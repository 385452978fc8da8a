//! Transformer architectures, weights, tokens, sessions and traces over `vitrine-kernels`.

pub mod arch;
pub mod circuits;
pub mod claims;
pub mod directions;
pub mod error;
pub mod hook;
mod order;
pub mod recorded;
pub mod sample;
pub mod session;
mod stamps;
pub mod tokenize;
pub mod trace;
pub mod train;
pub mod weights;

pub use arch::{ARCHITECTURES, Model, ModelSpec};
pub use error::ModelError;
pub use hook::{Hook, HookPoint};
pub use recorded::Recorded;
pub use session::{Capture, Input, Options, RunInfo, Session, Tap};
pub use trace::Trace;
