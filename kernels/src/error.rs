//! What can go wrong while recording (shapes) and while running (devices, memory).

use crate::tensor::{Shape, StateId};

/// An op was pushed with operands that do not fit it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{op} in {scope:?}: {what} (operands: {shapes})")]
pub struct RecordError {
    /// Name of the op.
    pub op: &'static str,
    /// The scope in which it was pushed, outermost first, joined with dots.
    pub scope: String,
    /// What was expected.
    pub what: String,
    /// The operands' shapes as text.
    pub shapes: String,
}

impl RecordError {
    /// Describes a misfit of `op` in `scope` with the shapes of its operands.
    pub fn new(op: &'static str, scope: &str, what: impl Into<String>, shapes: &[Shape]) -> Self {
        let shapes = shapes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Self { op, scope: scope.to_owned(), what: what.into(), shapes }
    }
}

/// A run, an upload or a read-back failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// No adapter offers what is needed.
    #[error("no GPU adapter: {0}")]
    NoAdapter(String),
    /// The device went away; the engine must be built anew.
    #[error("the GPU device was lost: {0}")]
    DeviceLost(String),
    /// An allocation was refused.
    #[error("out of memory: {what} needs {bytes} bytes")]
    OutOfMemory {
        /// What was to be allocated.
        what: String,
        /// Its size.
        bytes: u64,
    },
    /// A tensor is larger than the adapter binds at once.
    #[error("{what} is {bytes} bytes, above this adapter's limit of {limit}")]
    TooLarge {
        /// The tensor.
        what: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The driver refused a shader.
    #[error("the driver refused shader {shader}: {message}")]
    Shader {
        /// The op's name.
        shader: String,
        /// The driver's words.
        message: String,
    },
    /// Bytes, inputs or reads that do not fit the declared shape.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// The tensor or input.
        what: String,
        /// What its declaration asks for.
        expected: String,
        /// What came.
        got: String,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

impl EngineError {
    /// A state that is not held, or not of so many values.
    pub(crate) fn no_such_state(state: StateId, n_values: usize) -> Self {
        Self::Mismatch {
            what: format!("state {}", state.0),
            expected: format!("to hold {n_values} values"),
            got: "nothing of that size".to_owned(),
        }
    }
}
