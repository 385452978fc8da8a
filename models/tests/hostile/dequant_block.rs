//! Blocks of any bytes, NaN scales included.

use crate::dice::Dice;
use vitrine_models::weights::{FileDType, dequantise};

/// Reads `data` as blocks of a type that its first byte picks.
pub fn check(data: &[u8]) {
    let mut dice = Dice::new(data);
    let dtype = dice.pick(&FileDType::SUPPORTED);
    let blocks = data.get(1..).unwrap_or_default();
    let whole = (blocks.len() as u64).is_multiple_of(dtype.block_bytes());
    match dequantise(dtype, blocks) {
        Some(values) => {
            let n_blocks = blocks.len() as u64 / dtype.block_bytes();
            assert!(whole);
            assert_eq!(values.len() as u64, n_blocks * dtype.block_len());
        }
        None => assert!(!whole),
    }
}
