//! The ids that have a role of their own: where a text starts, where generation stops.

use crate::error::ModelError;
use crate::weights::ConfigFields;
use crate::weights::gguf::{GgufMetadata, GgufValue};
use serde_json::{Map, Value};

/// Ids with a role; each is `None` where the file names none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpecialIds {
    /// Begins a text.
    pub bos: Option<u32>,
    /// End a text; generation stops at any of them.
    pub eos: Vec<u32>,
    /// Stands for what the vocabulary lacks.
    pub unk: Option<u32>,
    /// Fills up a row.
    pub pad: Option<u32>,
}

impl SpecialIds {
    /// From a GGUF file's metadata; `n_ids` is the length of its vocabulary.
    pub fn from_gguf(
        file: &str,
        metadata: &GgufMetadata,
        n_ids: usize,
    ) -> Result<SpecialIds, ModelError> {
        let id = |key: &str| -> Result<Option<u32>, ModelError> {
            let key = format!("tokenizer.ggml.{key}");
            let Some(value) = metadata.get(&key) else { return Ok(None) };
            id_below(value.as_integer(), n_ids).map(Some).ok_or_else(|| {
                let problem = format!("is {value}; an id below {n_ids} is expected");
                ModelError::tokenizer(file, key, problem)
            })
        };
        let mut eos: Vec<u32> = id("eos_token_id")?.into_iter().collect();
        // The end of a turn and of a message stop generation too.
        eos.extend(id("eot_token_id")?);
        eos.extend(id("eom_token_id")?);
        eos.dedup();
        Ok(SpecialIds {
            bos: id("bos_token_id")?,
            eos,
            unk: id("unknown_token_id")?,
            pad: id("padding_token_id")?,
        })
    }

    /// From config.json, whose `eos_token_id` may be a list.
    pub fn from_config(
        file: &str,
        config: &Map<String, Value>,
        n_ids: usize,
    ) -> Result<SpecialIds, ModelError> {
        let refuse = |field: &str, value: &Value| {
            let problem = format!("is {value}; an id below {n_ids} is expected");
            ModelError::config(file, field, problem)
        };
        let fields = ConfigFields::from_json(file, config);
        let id = |field: &str| -> Result<Option<u32>, ModelError> {
            match fields.opt_index(field)? {
                None => Ok(None),
                Some(index) => id_below(i128::try_from(index).ok(), n_ids)
                    .map(Some)
                    .ok_or_else(|| refuse(field, &Value::from(index))),
            }
        };
        let eos = match config.get("eos_token_id") {
            Some(Value::Array(ids)) => ids
                .iter()
                .map(|value| {
                    id_below(value.as_i64().map(i128::from), n_ids)
                        .ok_or_else(|| refuse("eos_token_id", value))
                })
                .collect::<Result<Vec<u32>, ModelError>>()?,
            _ => id("eos_token_id")?.into_iter().collect(),
        };
        Ok(SpecialIds { bos: id("bos_token_id")?, eos, unk: None, pad: id("pad_token_id")? })
    }
}

fn id_below(value: Option<i128>, n_ids: usize) -> Option<u32> {
    let id = u32::try_from(value?).ok()?;
    ((id as usize) < n_ids).then_some(id)
}

/// A truth value of the metadata; `None` where it is missing.
pub(super) fn gguf_flag(
    file: &str,
    metadata: &GgufMetadata,
    key: &str,
) -> Result<Option<bool>, ModelError> {
    match metadata.get(key) {
        None => Ok(None),
        Some(GgufValue::Bool(value)) => Ok(Some(*value)),
        Some(other) => {
            let problem = format!("is {other}; true or false is expected");
            Err(ModelError::tokenizer(file, key, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_must_be_rows() {
        let mut metadata = GgufMetadata::default();
        assert!(metadata.insert("tokenizer.ggml.eos_token_id", GgufValue::U32(2)));
        assert!(metadata.insert("tokenizer.ggml.eot_token_id", GgufValue::U32(2)));
        let ids = SpecialIds::from_gguf("m.gguf", &metadata, 3).unwrap();
        assert_eq!((ids.eos.as_slice(), ids.bos), (&[2u32][..], None));
        let message = SpecialIds::from_gguf("m.gguf", &metadata, 2).unwrap_err().to_string();
        assert!(message.contains("tokenizer.ggml.eos_token_id: is 2"), "{message}");
        assert!(metadata.insert("tokenizer.ggml.bos_token_id", GgufValue::String("1".into())));
        assert!(SpecialIds::from_gguf("m.gguf", &metadata, 3).is_err());
    }

    #[test]
    fn config_may_list_several_ends() {
        let read = |text: &str| {
            let Ok(Value::Object(config)) = serde_json::from_str(text) else { panic!("{text}") };
            SpecialIds::from_config("config.json", &config, 10)
        };
        assert_eq!(read(r#"{"eos_token_id": [1, 9]}"#).unwrap().eos, [1, 9]);
        assert_eq!(read(r#"{"eos_token_id": 3, "pad_token_id": null}"#).unwrap().eos, [3]);
        assert!(read(r#"{"eos_token_id": [1, 10]}"#).is_err());
        assert!(read(r#"{"bos_token_id": -1}"#).is_err());
    }
}
