//! GGUF's typed metadata values.

use super::{MAX_ARRAY, MAX_STRING};
use crate::error::{ModelError, shown};
use crate::weights::cursor::{Cursor, Stop};
use std::collections::BTreeMap;
use std::fmt;

/// The longest key, as the format's description has it.
const MAX_KEY: u64 = 65_535;

/// A metadata value.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the format's own")]
pub enum GgufValue {
    U8(u8),
    I8(i8),
    U16(u16),
    I16(i16),
    U32(u32),
    I32(i32),
    F32(f32),
    Bool(bool),
    String(String),
    Array(GgufArray),
    U64(u64),
    I64(i64),
    F64(f64),
}

/// A metadata array; arrays of arrays are refused.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the names are the format's own")]
pub enum GgufArray {
    U8(Vec<u8>),
    I8(Vec<i8>),
    U16(Vec<u16>),
    I16(Vec<i16>),
    U32(Vec<u32>),
    I32(Vec<i32>),
    F32(Vec<f32>),
    Bool(Vec<bool>),
    String(Vec<String>),
    U64(Vec<u64>),
    I64(Vec<i64>),
    F64(Vec<f64>),
}

impl GgufArray {
    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            GgufArray::U8(items) => items.len(),
            GgufArray::I8(items) => items.len(),
            GgufArray::U16(items) => items.len(),
            GgufArray::I16(items) => items.len(),
            GgufArray::U32(items) => items.len(),
            GgufArray::I32(items) => items.len(),
            GgufArray::F32(items) => items.len(),
            GgufArray::Bool(items) => items.len(),
            GgufArray::String(items) => items.len(),
            GgufArray::U64(items) => items.len(),
            GgufArray::I64(items) => items.len(),
            GgufArray::F64(items) => items.len(),
        }
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn type_name(&self) -> &'static str {
        match self {
            GgufArray::U8(_) => "u8",
            GgufArray::I8(_) => "i8",
            GgufArray::U16(_) => "u16",
            GgufArray::I16(_) => "i16",
            GgufArray::U32(_) => "u32",
            GgufArray::I32(_) => "i32",
            GgufArray::F32(_) => "f32",
            GgufArray::Bool(_) => "bool",
            GgufArray::String(_) => "string",
            GgufArray::U64(_) => "u64",
            GgufArray::I64(_) => "i64",
            GgufArray::F64(_) => "f64",
        }
    }
}

impl GgufValue {
    /// The text, where the value is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            GgufValue::String(text) => Some(text),
            _ => None,
        }
    }

    /// The truth value, where the value is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            GgufValue::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, where the value is an integer of any width.
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match *self {
            GgufValue::U8(value) => Some(value.into()),
            GgufValue::I8(value) => Some(value.into()),
            GgufValue::U16(value) => Some(value.into()),
            GgufValue::I16(value) => Some(value.into()),
            GgufValue::U32(value) => Some(value.into()),
            GgufValue::I32(value) => Some(value.into()),
            GgufValue::U64(value) => Some(value.into()),
            GgufValue::I64(value) => Some(value.into()),
            _ => None,
        }
    }

    /// The number, where the value is a float of either width.
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        match *self {
            GgufValue::F32(value) => Some(value.into()),
            GgufValue::F64(value) => Some(value),
            _ => None,
        }
    }
}

/// For tables and messages: one line, long text cut, arrays by type and length.
impl fmt::Display for GgufValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GgufValue::String(text) => formatter.write_str(&shown(text)),
            GgufValue::Bool(value) => write!(formatter, "{value}"),
            GgufValue::F32(value) => write!(formatter, "{value}"),
            GgufValue::F64(value) => write!(formatter, "{value}"),
            GgufValue::Array(array) => {
                write!(formatter, "{} × {}", array.len(), array.type_name())
            }
            other => write!(formatter, "{}", other.as_integer().unwrap_or_default()),
        }
    }
}

/// The metadata of a file: pairs in file order, looked up by key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GgufMetadata {
    pairs: Vec<(String, GgufValue)>,
    index: BTreeMap<String, usize>,
}

impl GgufMetadata {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&GgufValue> {
        self.index.get(key).map(|&pair_idx| &self.pairs[pair_idx].1)
    }

    /// The pairs in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &GgufValue)> {
        self.pairs.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Adds a pair; false where the key is taken.
    #[must_use]
    pub fn insert(&mut self, key: impl Into<String>, value: GgufValue) -> bool {
        let key = key.into();
        if self.index.contains_key(&key) {
            return false;
        }
        self.index.insert(key.clone(), self.pairs.len());
        self.pairs.push((key, value));
        true
    }
}

pub(super) fn read_metadata(cursor: &mut Cursor<'_>, n_pairs: u64) -> Result<GgufMetadata, Stop> {
    let mut metadata = GgufMetadata::default();
    for _ in 0..n_pairs {
        let key = cursor.string("a metadata key", MAX_KEY)?;
        if key.is_empty() {
            return Err(ModelError::malformed(cursor.file(), "metadata", "has an empty key").into());
        }
        let field = shown(&key);
        let value_type = cursor.u32(&field)?;
        let value = if value_type == ARRAY {
            GgufValue::Array(read_array(cursor, &field)?)
        } else {
            read_scalar(cursor, &field, value_type)?
        };
        if !metadata.insert(key, value) {
            return Err(ModelError::malformed(cursor.file(), field, "appears twice").into());
        }
    }
    Ok(metadata)
}

const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// The smallest size of a value of a type; a string has at least its length field.
fn min_bytes(value_type: u32) -> Option<u64> {
    Some(match value_type {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        STRING | 10..=12 => 8,
        _ => return None,
    })
}

fn unknown_type(cursor: &Cursor<'_>, field: &str, value_type: u32) -> Stop {
    let problem = format!("has value type {value_type}, which GGUF does not define");
    ModelError::malformed(cursor.file(), field, problem).into()
}

fn read_scalar(cursor: &mut Cursor<'_>, field: &str, value_type: u32) -> Result<GgufValue, Stop> {
    if value_type == STRING {
        return cursor.string(field, MAX_STRING).map(GgufValue::String);
    }
    let n_bytes = min_bytes(value_type).ok_or_else(|| unknown_type(cursor, field, value_type))?;
    let taken = cursor.take(field, n_bytes)?;
    let mut bytes = [0u8; 8];
    bytes[..taken.len()].copy_from_slice(taken);
    let bits = u64::from_le_bytes(bytes);
    // Truncation of `bits` is the reading of a narrower little-endian number.
    Ok(match value_type {
        0 => GgufValue::U8(bits as u8),
        1 => GgufValue::I8(bits as i8),
        2 => GgufValue::U16(bits as u16),
        3 => GgufValue::I16(bits as i16),
        4 => GgufValue::U32(bits as u32),
        5 => GgufValue::I32(bits as i32),
        6 => GgufValue::F32(f32::from_bits(bits as u32)),
        7 => GgufValue::Bool(read_bool(cursor.file(), field, bits as u8)?),
        10 => GgufValue::U64(bits),
        11 => GgufValue::I64(bits as i64),
        _ => GgufValue::F64(f64::from_bits(bits)),
    })
}

fn read_bool(file: &str, field: &str, byte: u8) -> Result<bool, ModelError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ModelError::malformed(file, field, format!("is a bool of value {byte}"))),
    }
}

fn read_array(cursor: &mut Cursor<'_>, field: &str) -> Result<GgufArray, Stop> {
    let element_type = cursor.u32(field)?;
    if element_type == ARRAY {
        let problem = "is an array of arrays, which is not supported";
        return Err(ModelError::malformed(cursor.file(), field, problem).into());
    }
    let element_bytes =
        min_bytes(element_type).ok_or_else(|| unknown_type(cursor, field, element_type))?;
    let n_elements = cursor.count(&format!("length of {field}"), MAX_ARRAY)?;
    cursor.check_left(field, n_elements, element_bytes)?;
    if element_type == STRING {
        let mut strings = Vec::new();
        for _ in 0..n_elements {
            strings.push(cursor.string(field, MAX_STRING)?);
        }
        return Ok(GgufArray::String(strings));
    }
    let bytes = cursor.take(field, n_elements * element_bytes)?;
    Ok(match element_type {
        0 => GgufArray::U8(bytes.to_vec()),
        1 => GgufArray::I8(bytes.iter().map(|&byte| byte as i8).collect()),
        2 => GgufArray::U16(numbers(bytes, u16::from_le_bytes)),
        3 => GgufArray::I16(numbers(bytes, i16::from_le_bytes)),
        4 => GgufArray::U32(numbers(bytes, u32::from_le_bytes)),
        5 => GgufArray::I32(numbers(bytes, i32::from_le_bytes)),
        6 => GgufArray::F32(numbers(bytes, f32::from_le_bytes)),
        7 => GgufArray::Bool(
            bytes
                .iter()
                .map(|&byte| read_bool(cursor.file(), field, byte))
                .collect::<Result<Vec<bool>, ModelError>>()?,
        ),
        10 => GgufArray::U64(numbers(bytes, u64::from_le_bytes)),
        11 => GgufArray::I64(numbers(bytes, i64::from_le_bytes)),
        _ => GgufArray::F64(numbers(bytes, f64::from_le_bytes)),
    })
}

fn numbers<const N: usize, T>(bytes: &[u8], from_le_bytes: fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| from_le_bytes(chunk)).collect()
}
