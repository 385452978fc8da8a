//! GGUF versions 2 and 3: metadata and tensor table.
//!
//! Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>. The header has no length
//! field, so that parsing works on a growing prefix of the file: where the prefix ends too
//! early, the parser says how much it needs. Nothing is allocated for a count before the bytes
//! that it promises are known to be in the file.

use super::TensorEntry;
use super::cursor::{Cursor, Stop, read_growing};
use super::dtype::FileDType;
use super::sniff::sniff;
use super::source::{ByteSource, usize_from_u64};
use crate::error::{ModelError, shown};
use crate::order::sorted;
use std::collections::BTreeSet;

mod value;

pub use value::{GgufArray, GgufMetadata, GgufValue};

/// The longest header taken: a vocabulary of 2^18 pieces with its merges needs some 12 MiB.
const MAX_HEADER: u64 = 256 << 20;
/// The most metadata pairs, and the most tensors.
const MAX_COUNT: u64 = 65_536;
/// The longest string.
const MAX_STRING: u64 = 1 << 20;
/// The most elements of an array.
const MAX_ARRAY: u64 = 1 << 21;
/// The longest tensor name; ggml stops at 63.
const MAX_TENSOR_NAME: u64 = 1024;
/// ggml's number of axes.
const MAX_DIMS: u32 = 4;
const MAX_ALIGNMENT: u32 = 64 << 10;
const DEFAULT_ALIGNMENT: u32 = 32;

/// A parsed header.
#[derive(Debug, Clone, PartialEq)]
pub struct GgufHeader {
    /// 2 or 3.
    pub version: u32,
    /// The metadata, in file order.
    pub metadata: GgufMetadata,
    /// The tensors, in file order, with row-major shapes.
    pub tensors: Vec<TensorEntry>,
    /// Where the tensors' bytes begin.
    pub data_start: u64,
}

/// Reads the header of a file, piece by piece.
pub async fn read_header(source: &impl ByteSource) -> Result<GgufHeader, ModelError> {
    let (file, file_bytes) = (source.name(), source.n_bytes());
    read_growing(source, MAX_HEADER, |prefix| parse_prefix(file, prefix, file_bytes)).await
}

/// Parses a header that lies whole in `bytes`, the start of a file of `file_bytes` bytes.
pub fn parse_header(file: &str, bytes: &[u8], file_bytes: u64) -> Result<GgufHeader, ModelError> {
    parse_prefix(file, bytes, file_bytes).map_err(|stop| stop.of_whole(file, bytes))
}

fn parse_prefix(file: &str, prefix: &[u8], file_bytes: u64) -> Result<GgufHeader, Stop> {
    let mut cursor = Cursor::new(file, prefix, file_bytes);
    let version = read_version(&mut cursor)?;
    let n_tensors = cursor.count("tensor count", MAX_COUNT)?;
    let n_pairs = cursor.count("metadata count", MAX_COUNT)?;
    // A pair takes at least 8 + 1 + 4 + 1 bytes, a tensor 8 + 1 + 4 + 8 + 4 + 8.
    cursor.check_left("metadata", n_pairs, 14)?;
    cursor.check_left("tensor table", n_tensors, 33)?;
    let metadata = value::read_metadata(&mut cursor, n_pairs)?;
    let alignment = read_alignment(file, &metadata)?;
    let mut tensors = Vec::new();
    let mut names = BTreeSet::new();
    for _ in 0..n_tensors {
        let entry = read_tensor_info(&mut cursor, alignment)?;
        if !names.insert(entry.name.clone()) {
            let field = format!("tensor {}", shown(&entry.name));
            return Err(ModelError::malformed(file, field, "appears twice").into());
        }
        tensors.push(entry);
    }
    let data_start = cursor.position().next_multiple_of(u64::from(alignment));
    place_tensors(file, &mut tensors, data_start, file_bytes)?;
    Ok(GgufHeader { version, metadata, tensors, data_start })
}

fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, Stop> {
    let file = cursor.file();
    let head = cursor.head();
    if head.is_empty() || !head.starts_with(&b"GGUF"[..head.len().min(4)]) {
        let is_swapped = head.starts_with(b"FUGG");
        let refusal = if is_swapped { big_endian(file) } else { sniff(head).refusal(file) };
        return Err(refusal.into());
    }
    cursor.u32("magic")?;
    let version = cursor.u32("version")?;
    match version {
        2 | 3 => Ok(version),
        _ if (1..=0xffff).contains(&version.swap_bytes()) && version > 0xffff => {
            Err(big_endian(file).into())
        }
        _ => Err(ModelError::malformed(
            file,
            "version",
            format!("is {version}; versions 2 and 3 are supported: convert the model again with a current llama.cpp"),
        )
        .into()),
    }
}

fn big_endian(file: &str) -> ModelError {
    ModelError::malformed(
        file,
        "byte order",
        "is big-endian; only little-endian files are supported (gguf-convert-endian of the Python \
         package gguf converts it)",
    )
}

fn read_alignment(file: &str, metadata: &GgufMetadata) -> Result<u32, ModelError> {
    const KEY: &str = "general.alignment";
    match metadata.get(KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some(&GgufValue::U32(alignment))
            if alignment.is_power_of_two() && alignment <= MAX_ALIGNMENT =>
        {
            Ok(alignment)
        }
        Some(other) => Err(ModelError::malformed(
            file,
            KEY,
            format!("is {other}; a 32-bit power of two up to {MAX_ALIGNMENT} is expected"),
        )),
    }
}

/// One row of the tensor table; its offset is still relative to the data.
fn read_tensor_info(cursor: &mut Cursor<'_>, alignment: u32) -> Result<TensorEntry, Stop> {
    let file = cursor.file();
    let name = cursor.string("tensor name", MAX_TENSOR_NAME)?;
    let field = format!("tensor {}", shown(&name));
    let refuse = |problem: String| Stop::Bad(ModelError::malformed(file, field.clone(), problem));
    let n_dims = cursor.u32(&field)?;
    if n_dims == 0 || n_dims > MAX_DIMS {
        return Err(refuse(format!("has {n_dims} axes; 1 to {MAX_DIMS} are expected")));
    }
    let mut dims = Vec::with_capacity(n_dims as usize);
    for _ in 0..n_dims {
        dims.push(cursor.u64(&field)?);
    }
    let dtype = FileDType::from_ggml(cursor.u32(&field)?).map_err(|dtype| {
        Stop::Bad(ModelError::UnsupportedType {
            file: file.to_owned(),
            tensor: shown(&name),
            dtype,
            supported: FileDType::supported_names(),
        })
    })?;
    let offset = cursor.u64(&field)?;
    if dims.contains(&0) {
        return Err(refuse(format!("has an empty axis: {dims:?}")));
    }
    if !dims[0].is_multiple_of(dtype.block_len()) {
        return Err(refuse(format!(
            "rows of {} elements are no whole number of {dtype} blocks of {}",
            dims[0],
            dtype.block_len()
        )));
    }
    let n_bytes = dims
        .iter()
        .try_fold(1u64, |product, &n| product.checked_mul(n))
        .and_then(|n_elements| dtype.bytes_of(n_elements))
        .ok_or_else(|| refuse(format!("shape {dims:?} overflows 64 bits")))?;
    if !offset.is_multiple_of(u64::from(alignment)) {
        return Err(refuse(format!("offset {offset} is no multiple of the alignment {alignment}")));
    }
    // ggml lists the fastest axis first.
    let shape = dims
        .iter()
        .rev()
        .map(|&n| usize_from_u64(file, &field, n))
        .collect::<Result<Vec<usize>, ModelError>>()?;
    Ok(TensorEntry { name, dtype, shape, file_idx: 0, offset, n_bytes })
}

/// Makes the offsets absolute, and checks that the tensors lie in the file and apart.
fn place_tensors(
    file: &str,
    tensors: &mut [TensorEntry],
    data_start: u64,
    file_bytes: u64,
) -> Result<(), ModelError> {
    for tensor in tensors.iter_mut() {
        let start = data_start.checked_add(tensor.offset);
        let end = start.and_then(|start| start.checked_add(tensor.n_bytes));
        match (start, end) {
            (Some(start), Some(end)) if end <= file_bytes => tensor.offset = start,
            _ => {
                return Err(ModelError::Truncated {
                    file: file.to_owned(),
                    what: format!("tensor {}", shown(&tensor.name)),
                    needed: end.unwrap_or(u64::MAX),
                    available: file_bytes,
                });
            }
        }
    }
    let by_offset = sorted(tensors.len(), &mut |a, b| tensors[a].offset.cmp(&tensors[b].offset));
    for pair in by_offset.windows(2) {
        let (before, after) = (&tensors[pair[0]], &tensors[pair[1]]);
        if before.offset + before.n_bytes > after.offset {
            return Err(ModelError::malformed(
                file,
                format!("tensor {}", shown(&after.name)),
                format!("overlaps {}", shown(&before.name)),
            ));
        }
    }
    Ok(())
}
