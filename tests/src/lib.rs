//! Shared helpers of the cross-crate tests.

pub mod edited;
pub mod golden;
