//! The reference reading of a tensor's bytes: every supported type to f32, held bit for bit against
//! the `gguf` Python package. The engines compute from the blocks themselves; this is for tests,
//! tables and the panels that show a weight.

use super::dtype::FileDType;
use half::{bf16, f16};
use vitrine_kernels::{DType, blocks};

/// All elements as f32, or `None` where the type is not supported or `bytes` is no whole number
/// of blocks.
#[must_use]
pub fn dequantise(dtype: FileDType, bytes: &[u8]) -> Option<Vec<f32>> {
    let block_bytes = usize::try_from(dtype.block_bytes()).ok()?;
    let engine_dtype = dtype.engine_dtype()?;
    if !bytes.len().is_multiple_of(block_bytes) {
        return None;
    }
    let block_len = usize::try_from(dtype.block_len()).ok()?;
    let mut values = Vec::new();
    values.try_reserve_exact(bytes.len() / block_bytes * block_len).ok()?;
    if engine_dtype.is_quantised() {
        values.resize(bytes.len() / block_bytes * block_len, 0.0);
        blocks::read(engine_dtype, bytes, &mut values);
        return Some(values);
    }
    values.extend(bytes.chunks_exact(block_bytes).map(|value| match engine_dtype {
        DType::F16 => f16::from_le_bytes([value[0], value[1]]).to_f32(),
        DType::BF16 => bf16::from_le_bytes([value[0], value[1]]).to_f32(),
        _ => f32::from_le_bytes([value[0], value[1], value[2], value[3]]),
    }));
    Some(values)
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
