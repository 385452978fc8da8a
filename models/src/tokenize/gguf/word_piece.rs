//! `tokenizer.ggml.model` = `bert`: WordPiece.
//!
//! llama.cpp's converter writes a piece that begins a word with `▁` before it and one that
//! continues a word without its `##`; control tokens stay as they are.

use super::{Arrays, CONTROL, UNKNOWN, template_json};
use crate::error::ModelError;
use serde_json::{Map, Value, json};

pub(super) fn document(arrays: &Arrays<'_>) -> Result<Value, ModelError> {
    let mut vocab = Map::new();
    for (id, token) in arrays.tokens.iter().enumerate() {
        let is_control = matches!(arrays.type_of(id), Some(CONTROL | UNKNOWN));
        let piece = if is_control {
            token.clone()
        } else {
            match token.strip_prefix('▁') {
                Some(start) => start.to_owned(),
                None => format!("##{token}"),
            }
        };
        if let Some(other) = vocab.insert(piece, Value::from(id)) {
            let problem = format!("pieces {other} and {id} are the same");
            return Err(ModelError::tokenizer(arrays.file, "tokenizer.ggml.tokens", problem));
        }
    }
    let cls = role(arrays, &["cls_token_id", "bos_token_id"], "[CLS]")?;
    // The key is misspelt in the format.
    let sep = role(arrays, &["seperator_token_id", "eos_token_id"], "[SEP]")?;
    let unk = role(arrays, &["unknown_token_id"], "[UNK]")?;
    // An uncased vocabulary has no upper-case piece, so that text is lowered before it is cut.
    let is_cased = (0..arrays.tokens.len()).any(|id| {
        !matches!(arrays.type_of(id), Some(CONTROL | UNKNOWN))
            && arrays.tokens[id].chars().any(|character| character.is_ascii_uppercase())
    });
    Ok(json!({
        "version": "1.0",
        "added_tokens": arrays.added_tokens(|kind| kind == CONTROL || kind == UNKNOWN),
        "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                       "strip_accents": null, "lowercase": !is_cased},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": template_json(arrays, Some(cls), Some(sep)),
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "unk_token": arrays.token(unk),
                  "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                  "vocab": vocab},
    }))
}

/// The id of a role: by the metadata, or else by the text that BERT gives it.
fn role(arrays: &Arrays<'_>, keys: &[&str], text: &str) -> Result<u32, ModelError> {
    for key in keys {
        let key = format!("tokenizer.ggml.{key}");
        if let Some(value) = arrays.metadata.get(&key) {
            let id = value.as_integer().and_then(|id| u32::try_from(id).ok());
            return id.filter(|&id| (id as usize) < arrays.tokens.len()).ok_or_else(|| {
                let problem =
                    format!("is {value}; an id below {} is expected", arrays.tokens.len());
                ModelError::tokenizer(arrays.file, key, problem)
            });
        }
    }
    arrays.ids.get(text).copied().ok_or_else(|| {
        let key = format!("tokenizer.ggml.{}", keys.first().copied().unwrap_or_default());
        ModelError::tokenizer(arrays.file, key, format!("is missing, and so is the token {text}"))
    })
}
