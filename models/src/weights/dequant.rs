//! The reference reading of a tensor's bytes: every supported type, block by block, to f32.
//!
//! Follows ggml's `dequantize_row_*`, one rounding per product and one per sum, and is held bit
//! for bit against the `gguf` Python package. The engines compute from the blocks themselves;
//! this is for tests, tables and the panels that show a weight.

use super::dtype::FileDType;
use half::{bf16, f16};

/// Elements in a block of Q8_0, Q4_0 and Q4_1.
const BLOCK_LEN: usize = 32;

/// All elements as f32, or `None` where the type is not supported or `bytes` is no whole number
/// of blocks.
#[must_use]
pub fn dequantise(dtype: FileDType, bytes: &[u8]) -> Option<Vec<f32>> {
    let block_bytes = usize::try_from(dtype.block_bytes()).ok()?;
    if dtype.engine_dtype().is_none() || !bytes.len().is_multiple_of(block_bytes) {
        return None;
    }
    let block_len = usize::try_from(dtype.block_len()).ok()?;
    let mut values = Vec::new();
    values.try_reserve_exact(bytes.len() / block_bytes * block_len).ok()?;
    for block in bytes.chunks_exact(block_bytes) {
        match dtype {
            FileDType::F32 => {
                values.push(f32::from_le_bytes([block[0], block[1], block[2], block[3]]));
            }
            FileDType::F16 => values.push(f16_at(block, 0)),
            FileDType::BF16 => values.push(bf16::from_le_bytes([block[0], block[1]]).to_f32()),
            FileDType::Q8_0 => {
                let scale = f16_at(block, 0);
                values.extend(block[2..].iter().map(|&byte| f32::from(byte as i8) * scale));
            }
            FileDType::Q4_0 => {
                let scale = f16_at(block, 0);
                values.extend(nibbles(&block[2..]).map(|nibble| (nibble - 8.0) * scale));
            }
            FileDType::Q4_1 => {
                let (scale, minimum) = (f16_at(block, 0), f16_at(block, 2));
                values.extend(nibbles(&block[4..]).map(|nibble| nibble * scale + minimum));
            }
            _ => return None,
        }
    }
    Some(values)
}

fn f16_at(block: &[u8], offset: usize) -> f32 {
    f16::from_le_bytes([block[offset], block[offset + 1]]).to_f32()
}

/// The low halves of a block's bytes, then the high halves: ggml's element order.
fn nibbles(packed: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let low = packed.iter().map(|byte| f32::from(byte & 0x0f));
    let high = packed.iter().map(|byte| f32::from(byte >> 4));
    debug_assert_eq!(packed.len() * 2, BLOCK_LEN);
    low.chain(high)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hand_made_blocks() {
        let mut q4_1 = vec![0u8; 20];
        q4_1[..2].copy_from_slice(&f16::from_f32(0.5).to_le_bytes());
        q4_1[2..4].copy_from_slice(&f16::from_f32(-1.0).to_le_bytes());
        q4_1[4] = 0xf3;
        let values = dequantise(FileDType::Q4_1, &q4_1).unwrap();
        assert_eq!((values[0], values[16], values[1]), (0.5, 6.5, -1.0));

        let mut q8_0 = vec![0u8; 34];
        q8_0[..2].copy_from_slice(&f16::from_f32(2.0).to_le_bytes());
        q8_0[33] = 0x80;
        assert_eq!(dequantise(FileDType::Q8_0, &q8_0).unwrap()[31], -256.0);

        let mut q4_0 = vec![0u8; 18];
        q4_0[..2].copy_from_slice(&f16::from_f32(1.0).to_le_bytes());
        assert_eq!(dequantise(FileDType::Q4_0, &q4_0).unwrap()[7], -8.0);
    }

    #[test]
    fn partial_blocks_and_unsupported_types_are_refused() {
        assert_eq!(dequantise(FileDType::Q4_0, &[0; 17]), None);
        assert_eq!(dequantise(FileDType::Q2_K, &[0; 84]), None);
        assert_eq!(dequantise(FileDType::F32, &[0; 6]), None);
        assert_eq!(dequantise(FileDType::F32, &[]), Some(vec![]));
    }

    proptest! {
        #[test]
        fn any_bytes_give_one_value_an_element(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            type_idx in 0usize..FileDType::SUPPORTED.len(),
        ) {
            let dtype = FileDType::SUPPORTED[type_idx];
            let block_bytes = dtype.block_bytes() as usize;
            match dequantise(dtype, &bytes) {
                Some(values) => {
                    let n_blocks = bytes.len() / block_bytes;
                    prop_assert_eq!(values.len(), n_blocks * dtype.block_len() as usize);
                }
                None => prop_assert!(bytes.len() % block_bytes != 0),
            }
        }
    }
}
