//! JSON from strangers: strict about duplicate keys, and about what an error message says.
//!
//! serde_json keeps the last of two equal keys; two readers that disagree about a key are a way
//! to smuggle, so that duplicates are refused. Depth is capped by serde_json (128 levels).

use crate::error::{ModelError, shown};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Parses a document whose objects hold no key twice.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Value, ModelError> {
    let text = utf8(file, bytes)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    StrictValue
        .deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|err| malformed(file, text, &err))
}

/// Parses a document whose outermost value is an object.
pub fn parse_object(file: &str, bytes: &[u8]) -> Result<Map<String, Value>, ModelError> {
    match parse(file, bytes)? {
        Value::Object(object) => Ok(object),
        other => Err(ModelError::malformed(
            file,
            "the document",
            format!("is {}, but an object {{…}} is expected", kind_of(&other)),
        )),
    }
}

/// The bytes as text, without a byte-order mark.
pub fn utf8<'a>(file: &str, bytes: &'a [u8]) -> Result<&'a str, ModelError> {
    let text = std::str::from_utf8(bytes).map_err(|err| {
        ModelError::malformed(
            file,
            "the document",
            format!("is not UTF-8 text: a bad byte at position {}", err.valid_up_to()),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// What a value is, for messages.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A syntax error with the line it is on: Python writes NaN and Infinity, which JSON lacks, and
/// the line names the field.
fn malformed(file: &str, text: &str, err: &serde_json::Error) -> ModelError {
    let line = text.lines().nth(err.line().saturating_sub(1)).unwrap_or_default();
    // In a document of one line the neighbourhood of the column is what helps.
    let until = line.floor_char_boundary(err.column().saturating_add(20).min(line.len()));
    let from = line.floor_char_boundary(err.column().saturating_sub(40).min(until));
    ModelError::malformed(
        file,
        format!("line {} column {}", err.line(), err.column()),
        format!("{} near {}", without_position(err), shown(line[from..until].trim())),
    )
}

/// serde_json's words without the position that the field already gives.
fn without_position(err: &serde_json::Error) -> String {
    let words = err.to_string();
    let cut = words.rfind(" at line ").unwrap_or(words.len());
    words[..cut].to_owned()
}

struct StrictValue;

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(StrictValue)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(de::Error::custom(format!("the key {} twice", shown(&key))));
            }
            let value = map.next_value_seed(StrictValue)?;
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_to_serde_json_on_plain_documents() {
        let text = r#"{"a": [1, -2, 3.5, null, true, "x\u00e9"], "b": {"c": {}}}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse("x.json", text.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn refusals() {
        let message = |text: &str| parse_object("x.json", text.as_bytes()).unwrap_err().to_string();
        assert!(
            message(r#"{"a": {"b": 1, "b": 2}}"#).contains("\\\"b\\\" twice")
                || message(r#"{"a": {"b": 1, "b": 2}}"#).contains("\"b\" twice")
        );
        let nan = message("{\n  \"n_head\": 12,\n  \"layer_norm_eps\": NaN\n}");
        assert!(nan.contains("layer_norm_eps") && nan.contains("line 3"), "{nan}");
        assert!(message("{} {}").contains("trailing"));
        assert!(message("[1]").contains("a list"));
        assert!(message(&"[".repeat(200)).contains("recursion"));
        assert!(message("{\"a\": 1e999}").contains("number"));
        assert!(message("").contains("EOF"));
        assert!(parse("x.json", b"{\"a\": \"\xff\"}").unwrap_err().to_string().contains("UTF-8"));
    }
}
