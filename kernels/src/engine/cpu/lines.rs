//! Memory that starts on a cache line, seen as bytes, words or f32.

use bytemuck::{Pod, Zeroable};

/// One cache line.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([u32; 16]);

/// A growing buffer of whole cache lines.
#[derive(Default)]
pub(crate) struct Lines(Vec<Line>);

impl Lines {
    /// At least so many bytes of zeros.
    pub fn zeros(n_bytes: usize) -> Self {
        Self(vec![Line::zeroed(); n_bytes.div_ceil(size_of::<Line>())])
    }

    /// The content as bytes.
    pub fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }

    /// The content as bytes, to be written.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }

    /// The content as words.
    pub fn words(&self) -> &[u32] {
        bytemuck::cast_slice(&self.0)
    }

    /// The first `n` words, to be written; grows where needed.
    pub fn words_mut(&mut self, n: usize) -> &mut [u32] {
        self.reserve(n);
        &mut bytemuck::cast_slice_mut(&mut self.0)[..n]
    }

    /// The first `n` f32, to be written; grows where needed.
    pub fn floats_mut(&mut self, n: usize) -> &mut [f32] {
        self.reserve(n);
        &mut bytemuck::cast_slice_mut(&mut self.0)[..n]
    }

    fn reserve(&mut self, n_words: usize) {
        let n_lines = n_words.div_ceil(16);
        if self.0.len() < n_lines {
            self.0.resize(n_lines, Line::zeroed());
        }
    }
}
