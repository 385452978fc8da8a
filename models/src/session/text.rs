//! What one stack of a model works on.

use super::input::Input;
use super::sites::Sites;

/// What one stack works on, and what its runs left behind.
pub(super) struct Text {
    pub sites: Sites,
    pub input: Input,
    /// Tokens whose rows are valid.
    pub n_filled: usize,
    /// Tokens that the wall shows; 0 where it must be painted anew.
    pub n_painted: usize,
}

impl Text {
    pub fn new(sites: Sites) -> Self {
        Self { sites, input: Input::default(), n_filled: 0, n_painted: 0 }
    }

    /// Declares rows from `n_valid` on stale.
    pub fn forget_rows(&mut self, n_valid: usize) {
        if n_valid < self.n_filled {
            self.n_painted = 0;
        }
        self.n_filled = self.n_filled.min(n_valid);
    }

    /// 1 for each row of the states that holds a visible token.
    pub fn padding(&self) -> Vec<u32> {
        let is_seen = |row| row < self.input.ids.len() && self.input.is_visible(row);
        (0..self.sites.capacity).map(|row| u32::from(is_seen(row))).collect()
    }
}
