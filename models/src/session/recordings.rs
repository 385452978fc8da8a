//! Recordings by what they were recorded for, the least recently used ones forgotten.

use std::rc::Rc;

use vitrine_kernels::{Engine, Recording, TensorId};

use crate::arch::forward::RunInput;
use crate::hook::{Hook, Stack};

/// More than a typist's last runs differ in length.
const MAX_KEPT: usize = 32;

/// What a recording is for. States and patches are the session's: when they change, all go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    /// The encoder's pass over all of a source of so many rows, and what a decoder asks of it.
    Source { n_rows: usize, has_padding: bool },
    /// A pass over so many new rows, perhaps with the head over the last one.
    Pass { n_rows: usize, has_padding: bool, has_head: bool },
    /// The head over the vocabulary, over so many rows given.
    Head { n_rows: usize },
    /// The heads over the first token.
    Pooled,
    /// Scores, and perhaps their softmax, of a layer from the captured queries and keys.
    Scores { of: Map, layer: usize, is_pattern: bool },
    /// Statistics of every row of every pattern.
    RowSums,
}

/// Which maps of a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Map {
    /// Of a stack's rows among themselves.
    Own(Stack),
    /// Of the target's rows and the source's.
    Cross,
}

/// A recording and what its user needs to run it.
pub(crate) struct Built {
    /// The stack whose rows it reads.
    pub stack: Stack,
    pub recording: Recording,
    pub inputs: Vec<RunInput>,
    pub outputs: Vec<(Hook, TensorId)>,
}

/// The cache.
#[derive(Default)]
pub(crate) struct Recordings {
    /// The most recently used last.
    kept: Vec<(Key, Rc<Built>)>,
}

impl Recordings {
    /// The recording of a key, if it is still there.
    pub fn find(&mut self, key: Key) -> Option<Rc<Built>> {
        let at = self.kept.iter().position(|(known, _)| *known == key)?;
        let entry = self.kept.remove(at);
        let built = Rc::clone(&entry.1);
        self.kept.push(entry);
        Some(built)
    }

    /// Keeps a recording, and lets the oldest go.
    pub fn keep(&mut self, engine: &mut Engine, key: Key, built: Built) -> Rc<Built> {
        if self.kept.len() == MAX_KEPT {
            let (_, oldest) = self.kept.remove(0);
            engine.forget(oldest.recording.id());
        }
        let built = Rc::new(built);
        self.kept.push((key, Rc::clone(&built)));
        built
    }

    /// Lets all go.
    pub fn clear(&mut self, engine: &mut Engine) {
        for (_, built) in self.kept.drain(..) {
            engine.forget(built.recording.id());
        }
    }
}
