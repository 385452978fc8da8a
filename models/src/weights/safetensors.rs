//! safetensors: an own header reader, and a writer.
//!
//! Format: <https://github.com/huggingface/safetensors>: eight bytes of header length, a JSON
//! header, the tensors' bytes without holes. The safetensors crate refuses tensors of 512 MiB on
//! wasm32 and takes the last of two equal keys; this reader computes in u64 and refuses
//! duplicates. What it takes, the crate takes too: a property test holds the two together.

use super::dtype::FileDType;
use super::sniff::{self, FileKind};
use super::source::{ByteSource, usize_from_u64};
use super::{TensorEntry, json};
use crate::error::{ModelError, shown};
use crate::order::sorted;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// The longest header taken, as in the format's own readers.
pub const MAX_HEADER: u64 = 100_000_000;
/// More axes than any checkpoint uses.
const MAX_RANK: usize = 8;

/// A parsed header.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SafetensorsHeader {
    /// The tensors in the order of their bytes.
    pub tensors: Vec<TensorEntry>,
    /// The free text pairs of `__metadata__`.
    pub metadata: BTreeMap<String, String>,
}

/// Reads the header of a file.
pub async fn read_header(source: &impl ByteSource) -> Result<SafetensorsHeader, ModelError> {
    let file = source.name();
    let n_head = source.n_bytes().min(sniff::SNIFF_BYTES as u64);
    let head = source.read_at(0, usize_from_u64(file, "header", n_head)?).await?;
    let n_header = header_length(file, &head, source.n_bytes())?;
    let header = source.read_at(8, usize_from_u64(file, "header length", n_header)?).await?;
    parse_header(file, &header, source.n_bytes())
}

/// The header length from a file's first bytes, refused where the file cannot hold it.
pub fn header_length(file: &str, head: &[u8], file_bytes: u64) -> Result<u64, ModelError> {
    let kind = sniff::sniff(head);
    if !matches!(kind, FileKind::Safetensors | FileKind::Unknown) {
        return Err(kind.refusal(file));
    }
    let cut_short = |what: &str, needed: u64| ModelError::Truncated {
        file: file.to_owned(),
        what: what.to_owned(),
        needed,
        available: file_bytes,
    };
    let length = head.first_chunk::<8>().ok_or_else(|| cut_short("the header length", 8))?;
    let n_header = u64::from_le_bytes(*length);
    if n_header > MAX_HEADER {
        return Err(ModelError::Limit {
            file: file.to_owned(),
            field: "header length".to_owned(),
            value: n_header,
            limit: MAX_HEADER,
        });
    }
    if n_header > file_bytes.saturating_sub(8) {
        return Err(cut_short("the header", n_header + 8));
    }
    Ok(n_header)
}

/// Parses a header (without its length field) of a file of `file_bytes` bytes.
pub fn parse_header(
    file: &str,
    header: &[u8],
    file_bytes: u64,
) -> Result<SafetensorsHeader, ModelError> {
    if header.first() != Some(&b'{') {
        return Err(ModelError::malformed(file, "header", "does not start with {"));
    }
    let mut document = json::parse_object(file, header).map_err(|err| err.within("header"))?;
    let metadata = document.remove("__metadata__").unwrap_or(Value::Null);
    let metadata = metadata_from_json(file, &metadata)?;
    let data_start = header.len() as u64 + 8;
    let data_bytes = file_bytes.checked_sub(data_start).ok_or_else(|| ModelError::Truncated {
        file: file.to_owned(),
        what: "the header".to_owned(),
        needed: data_start,
        available: file_bytes,
    })?;

    let mut tensors = Vec::with_capacity(document.len());
    for (name, value) in &document {
        tensors.push((name, RawInfo::from_json(file, name, value)?));
    }
    let mut entries = Vec::with_capacity(tensors.len());
    let mut previous_end = 0;
    // Empty tensors share their position with the next one, and come before it.
    let offsets = |idx: usize| tensors[idx].1.data_offsets;
    for idx in sorted(tensors.len(), &mut |a, b| offsets(a).cmp(&offsets(b))) {
        let (name, info) = &tensors[idx];
        let entry = checked_entry(file, name, info, data_start)?;
        let [begin, end] = info.data_offsets;
        if begin != previous_end {
            let what = if begin < previous_end {
                "overlaps the tensor before it"
            } else {
                "leaves a hole before it"
            };
            return Err(ModelError::malformed(
                file,
                format!("tensor {}", shown(name)),
                format!(
                    "{what}: it begins at {begin}, the tensor before it ends at {previous_end}"
                ),
            ));
        }
        if end > data_bytes {
            return Err(ModelError::Truncated {
                file: file.to_owned(),
                what: format!("tensor {}", shown(name)),
                needed: data_start.saturating_add(end),
                available: file_bytes,
            });
        }
        previous_end = end;
        entries.push(entry);
    }
    if previous_end != data_bytes {
        return Err(ModelError::malformed(
            file,
            "data",
            format!("{} bytes after the last tensor", data_bytes - previous_end),
        ));
    }
    Ok(SafetensorsHeader { tensors: entries, metadata })
}

/// Checks one tensor's type, shape and length against each other.
fn checked_entry(
    file: &str,
    name: &str,
    info: &RawInfo<'_>,
    data_start: u64,
) -> Result<TensorEntry, ModelError> {
    let refuse =
        |problem: String| ModelError::malformed(file, format!("tensor {}", shown(name)), problem);
    let dtype =
        FileDType::from_safetensors(info.dtype).ok_or_else(|| ModelError::UnsupportedType {
            file: file.to_owned(),
            tensor: shown(name),
            dtype: shown(info.dtype),
            supported: FileDType::supported_names(),
        })?;
    if info.shape.len() > MAX_RANK {
        return Err(refuse(format!("has {} axes, at most {MAX_RANK} are taken", info.shape.len())));
    }
    let n_elements = info
        .shape
        .iter()
        .try_fold(1u64, |product, &n| product.checked_mul(n))
        .ok_or_else(|| refuse(format!("shape {:?} overflows 64 bits", info.shape)))?;
    let [begin, end] = info.data_offsets;
    let n_bytes = end
        .checked_sub(begin)
        .ok_or_else(|| refuse(format!("data_offsets [{begin}, {end}] run backwards")))?;
    if dtype.bytes_of(n_elements) != Some(n_bytes) {
        return Err(refuse(format!(
            "shape {:?} of {dtype} does not make the {n_bytes} bytes of its data_offsets",
            info.shape
        )));
    }
    let shape = info
        .shape
        .iter()
        .map(|&n| usize_from_u64(file, &format!("an axis of {}", shown(name)), n))
        .collect::<Result<Vec<usize>, ModelError>>()?;
    let offset = data_start
        .checked_add(begin)
        .ok_or_else(|| refuse(format!("data_offsets begin at {begin}, past any file")))?;
    Ok(TensorEntry { name: name.to_owned(), dtype, shape, file_idx: 0, offset, n_bytes })
}

/// A tensor's row of the header, before any number is believed.
struct RawInfo<'a> {
    dtype: &'a str,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

impl<'a> RawInfo<'a> {
    fn from_json(file: &str, name: &str, value: &'a Value) -> Result<Self, ModelError> {
        let refuse = |problem: String| {
            ModelError::malformed(file, format!("header: tensor {}", shown(name)), problem)
        };
        let object = value
            .as_object()
            .ok_or_else(|| refuse(format!("is {}, not an object", json::kind_of(value))))?;
        let known = ["dtype", "shape", "data_offsets"];
        if let Some(unknown) = object.keys().find(|key| !known.contains(&key.as_str())) {
            return Err(refuse(format!("has the unknown field {}", shown(unknown))));
        }
        let field =
            |field: &str| object.get(field).ok_or_else(|| refuse(format!("has no {field}")));
        let numbers = |key: &str| -> Result<Vec<u64>, ModelError> {
            let value = field(key)?;
            let numbers =
                value.as_array().and_then(|items| items.iter().map(Value::as_u64).collect());
            numbers.ok_or_else(|| refuse(format!("{key} is {}", shown(&value.to_string()))))
        };
        let dtype = field("dtype")?;
        let dtype = dtype
            .as_str()
            .ok_or_else(|| refuse(format!("dtype is {}", shown(&dtype.to_string()))))?;
        let [begin, end] = numbers("data_offsets")?[..] else {
            return Err(refuse("data_offsets are not two numbers".to_owned()));
        };
        Ok(Self { dtype, shape: numbers("shape")?, data_offsets: [begin, end] })
    }
}

/// The text pairs of `__metadata__`; `null` stands for none, as some writers put it.
fn metadata_from_json(file: &str, value: &Value) -> Result<BTreeMap<String, String>, ModelError> {
    let mut pairs = BTreeMap::new();
    match value {
        Value::Null => {}
        Value::Object(object) => {
            for (key, value) in object {
                let Value::String(text) = value else {
                    let problem = format!("{} is {}, not a text", shown(key), json::kind_of(value));
                    return Err(ModelError::malformed(file, "header: __metadata__", problem));
                };
                pairs.insert(key.clone(), text.clone());
            }
        }
        other => {
            let problem = format!("is {}, not an object of texts", json::kind_of(other));
            return Err(ModelError::malformed(file, "header: __metadata__", problem));
        }
    }
    Ok(pairs)
}

/// A tensor to be written.
#[derive(Debug, Clone, Copy)]
pub struct TensorView<'a> {
    /// Its name, unique in the file.
    pub name: &'a str,
    /// A type that safetensors has.
    pub dtype: FileDType,
    /// Row-major.
    pub shape: &'a [usize],
    /// Its bytes, little-endian.
    pub bytes: &'a [u8],
}

/// Writes a file that the Python and Rust packages open. Tensors keep their order, but wider
/// elements come first, so that each starts at a multiple of its element's size.
pub fn write(
    out: &mut impl Write,
    tensors: &[TensorView<'_>],
    metadata: &BTreeMap<String, String>,
) -> io::Result<()> {
    let n_bytes = |idx: usize| tensors[idx].dtype.block_bytes();
    let ordered = sorted(tensors.len(), &mut |a, b| n_bytes(b).cmp(&n_bytes(a)));
    let ordered: Vec<&TensorView<'_>> = ordered.into_iter().map(|idx| &tensors[idx]).collect();

    let refuse = |problem: String| io::Error::new(io::ErrorKind::InvalidInput, problem);
    let mut seen = BTreeSet::new();
    let mut entries = Vec::with_capacity(tensors.len() + 1);
    if !metadata.is_empty() {
        entries.push(format!("\"__metadata__\":{}", serde_json::to_string(metadata)?));
    }
    let mut begin = 0u64;
    for tensor in &ordered {
        if tensor.name == "__metadata__" || !seen.insert(tensor.name) {
            return Err(refuse(format!("the name {} is taken", shown(tensor.name))));
        }
        let n_elements =
            tensor.shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n as u64));
        let n_bytes = tensor.bytes.len() as u64;
        if !tensor.dtype.in_safetensors()
            || n_elements.and_then(|n| tensor.dtype.bytes_of(n)) != Some(n_bytes)
        {
            return Err(refuse(format!(
                "{}: shape {:?} of {} does not make {n_bytes} bytes",
                shown(tensor.name),
                tensor.shape,
                tensor.dtype
            )));
        }
        let end = begin + n_bytes;
        entries.push(format!(
            "{}:{{\"dtype\":\"{}\",\"shape\":{:?},\"data_offsets\":[{begin},{end}]}}",
            serde_json::to_string(tensor.name)?,
            tensor.dtype,
            tensor.shape,
        ));
        begin = end;
    }
    let mut header = format!("{{{}}}", entries.join(","));
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(header.as_bytes())?;
    for tensor in ordered {
        out.write_all(tensor.bytes)?;
    }
    Ok(())
}

/// Reads `model.safetensors.index.json`: which shard holds which tensor.
pub fn parse_index(file: &str, bytes: &[u8]) -> Result<BTreeMap<String, String>, ModelError> {
    let object = json::parse_object(file, bytes)?;
    let map = object.get("weight_map").and_then(serde_json::Value::as_object).ok_or_else(|| {
        ModelError::malformed(file, "weight_map", "is missing or is not an object")
    })?;
    let mut shards = BTreeMap::new();
    for (tensor, shard) in map {
        match shard.as_str() {
            // A shard is a file beside the index; a path could leave the folder.
            Some(shard) if !shard.is_empty() && !shard.contains(['/', '\\']) => {
                shards.insert(tensor.clone(), shard.to_owned());
            }
            _ => {
                return Err(ModelError::malformed(
                    file,
                    format!("weight_map {}", shown(tensor)),
                    format!("{} is not the name of a file", shown(&shard.to_string())),
                ));
            }
        }
    }
    Ok(shards)
}
