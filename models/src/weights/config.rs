//! Reading a configuration field by field: what is missing, impossible or unknown is refused by
//! name and never guessed.
//!
//! One reader serves `config.json`, as transformers 4 and 5 write it, and GGUF metadata, whose
//! keys carry the architecture as a prefix (`llama.block_count`).

use super::gguf::{GgufMetadata, GgufValue};
use super::json::kind_of;
use crate::error::{ModelError, shown};
use serde_json::{Map, Value};

mod rope;

pub use rope::{RopeFields, RopeScaling};

/// The largest count taken without a tighter limit: no vocabulary, width or context is larger.
const MAX_COUNT: usize = 1 << 24;

/// The fields of a configuration.
#[derive(Debug, Clone, Copy)]
pub struct ConfigFields<'a> {
    file: &'a str,
    fields: Fields<'a>,
    /// The object that holds the fields, for messages; empty at the top.
    parent: &'a str,
}

#[derive(Debug, Clone, Copy)]
enum Fields<'a> {
    Json(&'a Map<String, Value>),
    /// Metadata and the architecture's name.
    Gguf(&'a GgufMetadata, &'a str),
}

/// A field's value, whichever file it came from.
enum Scalar<'a> {
    Integer(i128),
    Float(f64),
    Flag(bool),
    Text(&'a str),
    Object(&'a Map<String, Value>),
    List,
}

impl Scalar<'_> {
    fn description(&self) -> String {
        match self {
            Scalar::Integer(value) => value.to_string(),
            Scalar::Float(value) => format!("{value:?}"),
            Scalar::Flag(value) => value.to_string(),
            Scalar::Text(text) => shown(text),
            Scalar::Object(_) => kind_of(&Value::Object(Map::new())).to_owned(),
            Scalar::List => kind_of(&Value::Array(Vec::new())).to_owned(),
        }
    }
}

impl<'a> ConfigFields<'a> {
    /// The fields of a `config.json`.
    #[must_use]
    pub fn from_json(file: &'a str, object: &'a Map<String, Value>) -> Self {
        Self { file, fields: Fields::Json(object), parent: "" }
    }

    /// The fields of a GGUF file, named without their `architecture.` prefix.
    #[must_use]
    pub fn from_gguf(file: &'a str, metadata: &'a GgufMetadata, architecture: &'a str) -> Self {
        Self { file, fields: Fields::Gguf(metadata, architecture), parent: "" }
    }

    /// Whether these are GGUF metadata rather than a `config.json`.
    #[must_use]
    pub fn is_gguf(&self) -> bool {
        matches!(self.fields, Fields::Gguf(..))
    }

    /// A refusal that names a field of this configuration.
    #[must_use]
    pub fn refusal(&self, field: &str, problem: impl Into<String>) -> ModelError {
        ModelError::config(self.file, self.full_name(field), problem)
    }

    /// Whether a field is there and is not null.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.scalar(field).is_some()
    }

    /// A number of things: an integer from 1 to 2^24.
    pub fn count(&self, field: &str) -> Result<usize, ModelError> {
        self.opt_count(field)?.ok_or_else(|| self.missing(field))
    }

    /// As [`Self::count`], under the first of several names that is there.
    pub fn count_any(&self, names: &[&str]) -> Result<usize, ModelError> {
        let field = names.iter().find(|name| self.has(name)).or(names.first());
        field.map_or_else(|| Err(self.missing("")), |field| self.count(field))
    }

    /// As [`Self::count`], `None` where the field is missing or null.
    pub fn opt_count(&self, field: &str) -> Result<Option<usize>, ModelError> {
        match self.opt_index(field)? {
            Some(0) => Err(self.refusal(field, "is 0; at least 1 is expected")),
            other => Ok(other),
        }
    }

    /// As [`Self::count`], refused above `limit`.
    pub fn count_up_to(&self, field: &str, limit: usize) -> Result<usize, ModelError> {
        let value = self.count(field)?;
        if value > limit {
            return Err(self.refusal(field, format!("is {value}, above the limit of {limit}")));
        }
        Ok(value)
    }

    /// An integer from 0 to 2^24, such as a token id; `None` where missing or null.
    pub fn opt_index(&self, field: &str) -> Result<Option<usize>, ModelError> {
        match self.scalar(field) {
            None => Ok(None),
            Some(Scalar::Integer(value)) => usize::try_from(value)
                .ok()
                .filter(|&value| value <= MAX_COUNT)
                .map(Some)
                .ok_or_else(|| {
                    self.refusal(field, format!("is {value}; 0 to {MAX_COUNT} is expected"))
                }),
            Some(other) => Err(self.wrong_kind(field, &other, "an integer")),
        }
    }

    /// A finite number above 0.
    pub fn positive(&self, field: &str) -> Result<f64, ModelError> {
        self.opt_positive(field)?.ok_or_else(|| self.missing(field))
    }

    /// As [`Self::positive`], `None` where the field is missing or null.
    pub fn opt_positive(&self, field: &str) -> Result<Option<f64>, ModelError> {
        match self.opt_number(field)? {
            Some(value) if value <= 0.0 => {
                Err(self.refusal(field, format!("is {value:?}; a number above 0 is expected")))
            }
            other => Ok(other),
        }
    }

    /// A finite number; `None` where the field is missing or null.
    pub fn opt_number(&self, field: &str) -> Result<Option<f64>, ModelError> {
        match self.scalar(field) {
            None => Ok(None),
            Some(Scalar::Float(value)) if value.is_finite() => Ok(Some(value)),
            Some(Scalar::Integer(value)) => Ok(Some(value as f64)),
            Some(other) => Err(self.wrong_kind(field, &other, "a finite number")),
        }
    }

    /// A text.
    pub fn text(&self, field: &str) -> Result<&'a str, ModelError> {
        self.opt_text(field)?.ok_or_else(|| self.missing(field))
    }

    /// A text; `None` where the field is missing or null.
    pub fn opt_text(&self, field: &str) -> Result<Option<&'a str>, ModelError> {
        match self.scalar(field) {
            None => Ok(None),
            Some(Scalar::Text(text)) => Ok(Some(text)),
            Some(other) => Err(self.wrong_kind(field, &other, "a text")),
        }
    }

    /// A truth value, `default` where the field is missing or null.
    pub fn flag_or(&self, field: &str, default: bool) -> Result<bool, ModelError> {
        match self.scalar(field) {
            None => Ok(default),
            Some(Scalar::Flag(value)) => Ok(value),
            Some(other) => Err(self.wrong_kind(field, &other, "true or false")),
        }
    }

    /// The member of a list that a text field names; anything else is refused with the list.
    pub fn choice<T: Copy>(&self, field: &str, choices: &[(&str, T)]) -> Result<T, ModelError> {
        let text = self.text(field)?;
        choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
            let problem = format!("is {}; supported: {}", shown(text), names.join(", "));
            self.refusal(field, problem)
        })
    }

    /// The fields of an object field; `None` where it is missing or null. GGUF has none.
    pub fn object(&self, field: &'a str) -> Result<Option<ConfigFields<'a>>, ModelError> {
        match self.scalar(field) {
            None => Ok(None),
            Some(Scalar::Object(object)) => {
                Ok(Some(Self { file: self.file, fields: Fields::Json(object), parent: field }))
            }
            Some(other) => Err(self.wrong_kind(field, &other, "an object")),
        }
    }

    /// A list of `config.json`; `None` where it is missing or null. GGUF's are not read.
    pub fn list(&self, field: &str) -> Result<Option<&'a [Value]>, ModelError> {
        let value = match self.fields {
            Fields::Json(object) => object.get(field),
            Fields::Gguf(..) => None,
        };
        match value {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list)),
            Some(other) => {
                let problem = format!("is {}; a list is expected", kind_of(other));
                Err(self.refusal(field, problem))
            }
        }
    }

    /// Refuses a field that is no multiple of another, as a width of its number of heads.
    pub fn check_multiple(
        &self,
        field: &str,
        value: usize,
        of_field: &str,
        of: usize,
    ) -> Result<(), ModelError> {
        if of != 0 && value.is_multiple_of(of) {
            return Ok(());
        }
        let problem = format!("is {value}, no multiple of {} = {of}", self.full_name(of_field));
        Err(self.refusal(field, problem))
    }

    fn missing(&self, field: &str) -> ModelError {
        self.refusal(field, "is missing")
    }

    fn wrong_kind(&self, field: &str, found: &Scalar<'_>, expected: &str) -> ModelError {
        self.refusal(field, format!("is {}; {expected} is expected", found.description()))
    }

    fn full_name(&self, field: &str) -> String {
        match self.fields {
            Fields::Json(_) if self.parent.is_empty() => field.to_owned(),
            Fields::Json(_) => format!("{}.{field}", self.parent),
            Fields::Gguf(_, architecture) => format!("{architecture}.{field}"),
        }
    }

    fn scalar(&self, field: &str) -> Option<Scalar<'a>> {
        match self.fields {
            Fields::Json(object) => match object.get(field)? {
                Value::Null => None,
                Value::Bool(value) => Some(Scalar::Flag(*value)),
                Value::Number(number) => Some(
                    number
                        .as_i128()
                        .map(Scalar::Integer)
                        .or_else(|| number.as_f64().map(Scalar::Float))
                        .unwrap_or(Scalar::List),
                ),
                Value::String(text) => Some(Scalar::Text(text)),
                Value::Object(object) => Some(Scalar::Object(object)),
                Value::Array(_) => Some(Scalar::List),
            },
            Fields::Gguf(metadata, architecture) => {
                match metadata.get(&format!("{architecture}.{field}"))? {
                    GgufValue::String(text) => Some(Scalar::Text(text)),
                    GgufValue::Bool(value) => Some(Scalar::Flag(*value)),
                    GgufValue::Array(_) => Some(Scalar::List),
                    number => Some(
                        number
                            .as_integer()
                            .map(Scalar::Integer)
                            .or_else(|| number.as_float().map(Scalar::Float))
                            .unwrap_or(Scalar::List),
                    ),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with<T>(value: Value, read: impl Fn(ConfigFields<'_>) -> T) -> T {
        let Value::Object(object) = value else { panic!("an object is expected") };
        read(ConfigFields::from_json("config.json", &object))
    }

    #[test]
    fn counts_are_positive_integers() {
        for (bad, word) in [
            (json!(0), "is 0"),
            (json!(-1), "is -1"),
            (json!(12.5), "12.5"),
            (json!("12"), "\"12\""),
            (json!(true), "true"),
            (json!([12]), "a list"),
            (json!(1u64 << 40), "is 1099511627776"),
            (json!(null), "missing"),
        ] {
            let err = with(json!({ "n_head": bad }), |fields| fields.count("n_head")).unwrap_err();
            let message = err.to_string();
            assert!(message.contains("config.json: n_head") && message.contains(word), "{message}");
        }
        assert_eq!(with(json!({"n_head": 12}), |fields| fields.count("n_head")), Ok(12));
        assert_eq!(
            with(json!({"n_embd": 8}), |fields| fields.count_any(&["hidden_size", "n_embd"])),
            Ok(8)
        );
        assert!(with(json!({}), |fields| fields.count_any(&["hidden_size", "n_embd"])).is_err());
        assert!(with(json!({"n": 9}), |fields| fields.count_up_to("n", 8)).is_err());
    }

    #[test]
    fn numbers_are_finite_and_positive() {
        let read = |value: Value| with(json!({ "eps": value }), |f| f.positive("eps"));
        assert_eq!(read(json!(1e-5)), Ok(1e-5));
        assert_eq!(read(json!(1)), Ok(1.0));
        assert!(read(json!(0.0)).is_err());
        assert!(read(json!(-1e-5)).is_err());
        let mut metadata = GgufMetadata::default();
        assert!(metadata.insert("llama.eps", GgufValue::F32(f32::NAN)));
        let err = ConfigFields::from_gguf("x.gguf", &metadata, "llama").positive("eps");
        assert!(err.unwrap_err().to_string().contains("llama.eps: is NaN"));
    }

    #[test]
    fn choices_name_what_is_supported() {
        let err = with(json!({"act": "swish7"}), |fields| {
            fields.choice("act", &[("gelu", 1), ("relu", 2)])
        });
        assert!(err.unwrap_err().to_string().contains("\"swish7\"; supported: gelu, relu"));
    }

    #[test]
    fn multiples() {
        let check = |value, of| {
            with(json!({}), |f| f.check_multiple("hidden_size", value, "num_attention_heads", of))
        };
        assert!(check(12, 4).is_ok());
        assert!(check(13, 4).is_err());
        assert!(check(13, 0).is_err());
    }
}
