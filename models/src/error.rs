//! The one error type of the crate.
//!
//! Every message names the file, the field, the value and the limit it broke, and says what
//! to do where there is something to do. Text from a model file that lands in a message is cut
//! short and stripped of control characters ([`shown`]).

/// What can go wrong between a file, a run and its trace.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ModelError {
    /// The operating system, the network or the browser failed to give the bytes.
    #[error("{file}: could not be read: {problem}")]
    Io {
        /// The file as the visitor knows it.
        file: String,
        /// What the system said.
        problem: String,
    },
    /// The file ends before what its header promises.
    #[error(
        "{file}: {what} needs bytes up to {needed}, but the file has {available}: it is cut \
         short, download or copy it again"
    )]
    Truncated {
        /// The file.
        file: String,
        /// What was being read.
        what: String,
        /// The first byte position after what was wanted.
        needed: u64,
        /// The length of the file.
        available: u64,
    },
    /// A file of another kind than the ones that can be opened.
    #[error("{file}: this is {found}. {advice}")]
    WrongKind {
        /// The file.
        file: String,
        /// What the first bytes say it is.
        found: String,
        /// What to do instead.
        advice: String,
    },
    /// A header field that breaks the format's rules.
    #[error("{file}: {field}: {problem}")]
    Malformed {
        /// The file.
        file: String,
        /// The field, key or tensor.
        field: String,
        /// What is wrong, with the value.
        problem: String,
    },
    /// A number above the reader's cap.
    #[error("{file}: {field} is {value}, above the limit of {limit}")]
    Limit {
        /// The file.
        file: String,
        /// The field.
        field: String,
        /// The value found.
        value: u64,
        /// The largest value taken.
        limit: u64,
    },
    /// A tensor in a type that the engine does not take.
    #[error("{file}: tensor {tensor} is stored as {dtype}; supported types: {supported}")]
    UnsupportedType {
        /// The file.
        file: String,
        /// The tensor.
        tensor: String,
        /// The type's name, or its number where it has none.
        dtype: String,
        /// The names of the types that work.
        supported: String,
    },
    /// A tensor that the architecture wants and the file lacks.
    #[error("{file}: there is no tensor named {tensor}")]
    MissingTensor {
        /// The file.
        file: String,
        /// The name asked for.
        tensor: String,
    },
    /// Weights that do not fit the configuration: the first ten differences.
    #[error("{file}: the weights do not fit the configuration:\n  {}", differences.join("\n  "))]
    WeightsMismatch {
        /// The file.
        file: String,
        /// One line a difference, ten at most, then a count.
        differences: Vec<String>,
    },
    /// A configuration field that is missing, of the wrong type or impossible.
    #[error("{file}: {field}: {problem}")]
    Config {
        /// The configuration file, or the GGUF whose metadata it is.
        file: String,
        /// The field.
        field: String,
        /// What is wrong, with the value.
        problem: String,
    },
    /// A model too large for the memory there is.
    #[error("{file}: {what} needs {needed} bytes in one piece, more than can be had here")]
    Memory {
        /// The file.
        file: String,
        /// What was to be loaded.
        what: String,
        /// The number of bytes.
        needed: u64,
    },
    /// A file whose contents are not the pinned ones.
    #[error(
        "{file}: sha256 is {found}, expected {expected}: the file is damaged or was replaced, \
         it is not used"
    )]
    HashMismatch {
        /// The file.
        file: String,
        /// The hash of what was read.
        found: String,
        /// The pinned hash.
        expected: String,
    },
    /// A tokenizer that cannot be built, or that failed on a text.
    #[error("{file}: tokenizer: {field}: {problem}")]
    Tokenizer {
        /// The file.
        file: String,
        /// The field of tokenizer.json or of the metadata.
        field: String,
        /// What is wrong, with the value.
        problem: String,
    },
    /// A text, a request or an intervention that the loaded model cannot take.
    #[error("{field}: {problem}")]
    Input {
        /// What was given.
        field: String,
        /// What is wrong with it, with the value and the limit.
        problem: String,
    },
    /// Shapes that do not fit each other in a forward pass.
    #[error(transparent)]
    Record(#[from] vitrine_kernels::RecordError),
    /// The engine failed, or was told to stop.
    #[error(transparent)]
    Engine(#[from] vitrine_kernels::EngineError),
}

impl ModelError {
    /// A text, a request or an intervention that the loaded model cannot take.
    pub fn input(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Input { field: field.into(), problem: problem.into() }
    }

    /// Whether the caller itself stopped the work.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Engine(vitrine_kernels::EngineError::Cancelled))
    }

    /// A header field that breaks the format's rules.
    pub fn malformed(
        file: impl Into<String>,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Malformed { file: file.into(), field: field.into(), problem: problem.into() }
    }

    /// The same error of a part of the file, whose name goes before the field's.
    #[must_use]
    pub(crate) fn within(self, part: &str) -> Self {
        match self {
            Self::Malformed { file, field, problem } => {
                Self::Malformed { file, field: format!("{part}: {field}"), problem }
            }
            other => other,
        }
    }

    /// A configuration field that is missing, of the wrong type or impossible.
    pub fn config(
        file: impl Into<String>,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Config { file: file.into(), field: field.into(), problem: problem.into() }
    }

    /// A tokenizer that cannot be built, or that failed on a text.
    pub fn tokenizer(
        file: impl Into<String>,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> Self {
        Self::Tokenizer { file: file.into(), field: field.into(), problem: problem.into() }
    }
}

/// Text from a file, made fit for a message: quoted, control characters escaped, 60 characters
/// at most.
#[must_use]
pub fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let mut quoted = String::from("\"");
    for (char_idx, character) in text.chars().enumerate() {
        if char_idx == MAX_CHARS {
            quoted.push('…');
            break;
        }
        // escape_debug escapes controls, unassigned and format characters (bidi overrides too).
        quoted.extend(character.escape_debug());
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_escapes_and_cuts() {
        assert_eq!(shown("a\u{202e}b\0"), "\"a\\u{202e}b\\0\"");
        assert_eq!(shown(&"x".repeat(100)).chars().count(), 63);
    }
}
