//! What kernels move between the memory of tensors and themselves, counted from their loops.
//!
//! Each op that is counted says it beside its shader, as a function of its shapes; a test runs the
//! shader with a counter at every load and store and finds the same numbers. What caches answer is part
//! of it, and what stays in registers or in a workgroup's memory is not.

use std::iter::Sum;
use std::ops::Add;

/// Values of four bytes that are loaded and stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Values read.
    pub loads: u64,
    /// Values written.
    pub stores: u64,
}

impl Traffic {
    /// Bytes both ways.
    pub fn bytes(self) -> u64 {
        4 * (self.loads + self.stores)
    }
}

impl Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { loads: self.loads + other.loads, stores: self.stores + other.stores }
    }
}

impl Sum for Traffic {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}
