//! What a session keeps, and how much.

use super::sites::Capture;
use crate::arch::ModelSpec;
use crate::hook::Hook;

/// How a session works.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is kept from run to run.
    pub capture: Capture,
    /// Side of the thumbnails of the wall, where there is one.
    pub wall_side: Option<usize>,
    /// Rows of one recording; longer texts run in chunks, between which work can be cancelled.
    pub max_rows: usize,
    /// What the states may hold. Patterns that would go beyond are computed when asked for.
    pub max_state_bytes: u64,
    /// Capacity is what the text needs rather than the next power of two.
    pub is_exact: bool,
}

impl Options {
    /// For a page: what its panels need, and the wall.
    pub fn live(spec: &ModelSpec) -> Self {
        Self {
            capture: Capture::live(spec),
            wall_side: Some(64),
            max_rows: 256,
            max_state_bytes: 640 << 20,
            is_exact: false,
        }
    }

    /// For text alone: keys and values.
    pub fn bare() -> Self {
        Self {
            capture: Capture::bare(),
            wall_side: None,
            max_rows: 256,
            max_state_bytes: u64::MAX,
            is_exact: false,
        }
    }

    /// For a trace of these hooks of one text.
    pub fn trace(spec: &ModelSpec, hooks: impl IntoIterator<Item = Hook>) -> Self {
        Self { capture: Capture::of(spec, hooks), max_rows: 64, is_exact: true, ..Self::bare() }
    }
}
