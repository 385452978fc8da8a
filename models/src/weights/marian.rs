//! Marian's binary models: a table of items, their shapes, their bytes.
//!
//! Format: `src/common/binary.cpp` of <https://github.com/browsermt/marian-dev>: the version, the
//! number of items, for each item the lengths of its name, shape and data with its type, then all
//! names, all shapes, a gap up to a multiple of 256 bytes, all data. Matrices of `intgemm8` are
//! stored transposed, outputs as rows, and end with the factor that they were multiplied by before
//! they were rounded; `Wemb` has its words as rows. The configuration is an item of its own, in YAML
//! ([`config`]).

use super::TensorEntry;
use super::cursor::{Cursor, Stop, read_growing};
use super::dtype::FileDType;
use super::sniff::sniff;
use super::source::{ByteSource, usize_from_u64};
use crate::error::{ModelError, shown};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

mod config;

pub use config::parse_config;

/// What the configuration's `model_type` is called here; the files have none.
pub const MODEL_TYPE: &str = "marian-binary";
/// The id that ends a text, in every vocabulary of Marian.
pub const EOS: u32 = 0;
/// The one version there is.
const VERSION: u64 = 1;
/// The longest header taken.
const MAX_HEADER: u64 = 64 << 20;
/// The most items.
const MAX_COUNT: u64 = 65_536;
/// The longest name, with the zero that ends it.
const MAX_NAME: u64 = 1024;
/// The most axes.
const MAX_RANK: u64 = 4;
/// The longest gap before the data, and the longest filling behind an item's values.
const MAX_GAP: u64 = 256;
/// The longest configuration.
const MAX_CONFIG: u64 = 1 << 20;
/// The item that holds the configuration.
const CONFIG_NAME: &str = "special:model.yml";
/// Bytes of one item's line in the table.
const LINE_BYTES: u64 = 32;

/// A parsed header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarianHeader {
    /// The tensors, in file order, with row-major shapes as they are stored.
    pub tensors: Vec<TensorEntry>,
    /// Where the configuration lies: its first byte, its length.
    pub config: Option<(u64, u64)>,
}

/// Whether a file begins like one of Marian's: the version, then a possible number of items and
/// length of a name.
#[must_use]
pub fn is_marian(head: &[u8]) -> bool {
    let word = |at: usize| {
        head.get(at..at + 8).and_then(|word| word.try_into().ok()).map(u64::from_le_bytes)
    };
    word(0) == Some(VERSION)
        && word(8).is_some_and(|count| (1..=MAX_COUNT).contains(&count))
        && word(16).is_some_and(|length| (2..=MAX_NAME).contains(&length))
}

/// Reads the header and the configuration of a file.
pub async fn read_header(
    source: &impl ByteSource,
) -> Result<(MarianHeader, Map<String, Value>), ModelError> {
    let (file, file_bytes) = (source.name(), source.n_bytes());
    let parse = |prefix: &[u8]| parse_prefix(file, prefix, file_bytes);
    let header = read_growing(source, MAX_HEADER, parse).await?;
    let (start, n_bytes) = header
        .config
        .ok_or_else(|| ModelError::malformed(file, CONFIG_NAME, "is missing from the file"))?;
    let n_bytes = usize_from_u64(file, CONFIG_NAME, n_bytes)?;
    let config = parse_config(file, &source.read_at(start, n_bytes).await?)?;
    Ok((header, config))
}

/// Parses a header that lies whole in `bytes`, the start of a file of `file_bytes` bytes.
pub fn parse_header(file: &str, bytes: &[u8], file_bytes: u64) -> Result<MarianHeader, ModelError> {
    parse_prefix(file, bytes, file_bytes).map_err(|stop| stop.of_whole(file, bytes))
}

/// One line of the table.
struct Line {
    name_bytes: u64,
    item_type: u64,
    rank: u64,
    n_bytes: u64,
}

fn parse_prefix(file: &str, prefix: &[u8], file_bytes: u64) -> Result<MarianHeader, Stop> {
    let mut cursor = Cursor::new(file, prefix, file_bytes);
    if cursor.head().is_empty() {
        return Err(sniff(&[]).refusal(file).into());
    }
    let version = cursor.u64("version")?;
    if version != VERSION {
        let problem = format!("is {version}; version {VERSION} of Marian's format is supported");
        return Err(ModelError::malformed(file, "version", problem).into());
    }
    let lines = read_lines(&mut cursor)?;
    let names = read_names(&mut cursor, &lines)?;
    let shapes = read_shapes(&mut cursor, &lines, &names)?;
    let gap = cursor.count("gap before the data", MAX_GAP)?;
    cursor.check_left("gap before the data", gap, 1)?;
    let mut position = cursor.position() + gap;
    let mut header = MarianHeader { tensors: Vec::new(), config: None };
    for ((line, name), dims) in lines.iter().zip(names).zip(shapes) {
        let start = position;
        position = end_of(file, &name, start, line.n_bytes, file_bytes)?;
        if name == CONFIG_NAME {
            header.config = Some((start, config_bytes(file, line.n_bytes)?));
        } else {
            header.tensors.push(entry(file, name, line, &dims, start)?);
        }
    }
    if position != file_bytes {
        let problem = format!("{} bytes after the last item", file_bytes - position);
        return Err(ModelError::malformed(file, "data", problem).into());
    }
    Ok(header)
}

fn read_lines(cursor: &mut Cursor<'_>) -> Result<Vec<Line>, Stop> {
    let count = cursor.count("number of items", MAX_COUNT)?;
    cursor.check_left("table of items", count, LINE_BYTES)?;
    let mut lines = Vec::new();
    for _ in 0..count {
        let name_bytes = cursor.count("length of a name", MAX_NAME)?;
        let item_type = cursor.u64("type of an item")?;
        let rank = cursor.count("number of axes", MAX_RANK)?;
        let n_bytes = cursor.u64("length of an item")?;
        lines.push(Line { name_bytes, item_type, rank, n_bytes });
    }
    Ok(lines)
}

fn read_names(cursor: &mut Cursor<'_>, lines: &[Line]) -> Result<Vec<String>, Stop> {
    let file = cursor.file();
    let refuse = |name: &str, problem: &str| {
        Stop::Bad(ModelError::malformed(file, format!("item {}", shown(name)), problem))
    };
    let (mut names, mut known) = (Vec::new(), BTreeSet::new());
    for line in lines {
        let text = cursor.text("name", line.name_bytes)?;
        let name =
            text.strip_suffix('\0').ok_or_else(|| refuse(&text, "does not end with zero"))?;
        if name.is_empty() || name.contains('\0') {
            return Err(refuse(name, "is no name"));
        }
        if !known.insert(name.to_owned()) {
            return Err(refuse(name, "appears twice"));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn read_shapes(
    cursor: &mut Cursor<'_>,
    lines: &[Line],
    names: &[String],
) -> Result<Vec<Vec<u32>>, Stop> {
    let file = cursor.file();
    let mut shapes = Vec::new();
    for (line, name) in lines.iter().zip(names) {
        let mut dims = Vec::new();
        for _ in 0..line.rank {
            let dim = cursor.u32("shape")?;
            // Marian's axes are signed.
            if dim == 0 || dim > i32::MAX as u32 {
                let problem = format!("has an axis of {}", dim as i32);
                let field = format!("item {}", shown(name));
                return Err(ModelError::malformed(file, field, problem).into());
            }
            dims.push(dim);
        }
        shapes.push(dims);
    }
    Ok(shapes)
}

fn end_of(
    file: &str,
    name: &str,
    start: u64,
    n_bytes: u64,
    file_bytes: u64,
) -> Result<u64, ModelError> {
    match start.checked_add(n_bytes) {
        Some(end) if end <= file_bytes => Ok(end),
        end => Err(ModelError::Truncated {
            file: file.to_owned(),
            what: format!("item {}", shown(name)),
            needed: end.unwrap_or(u64::MAX),
            available: file_bytes,
        }),
    }
}

fn config_bytes(file: &str, n_bytes: u64) -> Result<u64, ModelError> {
    if n_bytes > MAX_CONFIG {
        return Err(ModelError::Limit {
            file: file.to_owned(),
            field: format!("length of {CONFIG_NAME}"),
            value: n_bytes,
            limit: MAX_CONFIG,
        });
    }
    Ok(n_bytes)
}

/// A tensor's entry, its type, shape and length held against each other.
fn entry(
    file: &str,
    name: String,
    line: &Line,
    dims: &[u32],
    offset: u64,
) -> Result<TensorEntry, ModelError> {
    let field = format!("item {}", shown(&name));
    let refuse = |problem: String| ModelError::malformed(file, field.clone(), problem);
    let dtype = dtype_of(line.item_type).ok_or_else(|| ModelError::UnsupportedType {
        file: file.to_owned(),
        tensor: shown(&name),
        dtype: format!("Marian's type {:#x}", line.item_type),
        supported: "float32, float16, intgemm8".to_owned(),
    })?;
    let n_elements = dims
        .iter()
        .try_fold(1u64, |product, &dim| product.checked_mul(u64::from(dim)))
        .ok_or_else(|| refuse(format!("shape {dims:?} overflows 64 bits")))?;
    // A matrix of bytes has its factor behind it.
    let tail = if dtype == FileDType::INTGEMM8 { 4 } else { 0 };
    let fits = dtype.bytes_of(n_elements).filter(|n_bytes| {
        n_bytes
            .checked_add(tail)
            .is_some_and(|needed| needed <= line.n_bytes && line.n_bytes - needed <= MAX_GAP)
    });
    let n_bytes = fits.ok_or_else(|| {
        refuse(format!("shape {dims:?} of {dtype} does not make {} bytes", line.n_bytes))
    })?;
    let mut shape = dims
        .iter()
        .map(|&dim| usize_from_u64(file, &field, u64::from(dim)))
        .collect::<Result<Vec<usize>, ModelError>>()?;
    if dtype == FileDType::INTGEMM8 && !name.contains("Wemb") {
        shape.reverse();
    }
    Ok(TensorEntry { name, dtype, shape, file_idx: 0, offset, n_bytes })
}

/// Marian's `Type` (src/common/types.h): a class in the upper bits, the size in bytes below.
fn dtype_of(item_type: u64) -> Option<FileDType> {
    match item_type {
        0x0404 => Some(FileDType::F32),
        0x0402 => Some(FileDType::F16),
        0x0408 => Some(FileDType::F64),
        0x0101 => Some(FileDType::I8),
        0x4101 => Some(FileDType::INTGEMM8),
        _ => None,
    }
}

/// The engine's blocks of a matrix of bytes ([`vitrine_kernels::DType::I8`]) from its values, as
/// they lie in the file, with the factor behind them. Rows must be whole blocks of 32.
pub fn blocks_from_intgemm8(
    file: &str,
    name: &str,
    n_cols: usize,
    bytes: &[u8],
) -> Result<Vec<u8>, ModelError> {
    let refuse =
        |problem: String| ModelError::malformed(file, format!("item {}", shown(name)), problem);
    let (values, tail) =
        bytes.split_last_chunk::<4>().ok_or_else(|| refuse("has no factor".to_owned()))?;
    let factor = f32::from_le_bytes(*tail);
    if !(factor.is_finite() && factor > 0.0 && (1.0 / factor).is_finite()) {
        return Err(refuse(format!("has the factor {factor}; a number above 0 is expected")));
    }
    if !n_cols.is_multiple_of(32) {
        return Err(refuse(format!("has rows of {n_cols} bytes; whole blocks of 32 are expected")));
    }
    let scale = (1.0 / factor).to_le_bytes();
    let mut blocks = Vec::with_capacity(values.len() / 32 * 36);
    for block in values.chunks_exact(32) {
        blocks.extend_from_slice(&scale);
        blocks.extend_from_slice(block);
    }
    Ok(blocks)
}
