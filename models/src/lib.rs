//! Transformer architectures, weights, tokens, sessions and traces over `vitrine-kernels`.

pub mod error;
pub mod weights;
