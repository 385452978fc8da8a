//! The chat template that a model comes with: in a GGUF's metadata, in tokenizer_config.json, or in
//! a file of its own.

use serde_json::{Map, Value};
use vitrine_models::ModelError;
use vitrine_models::tokenize::SpecialIds;
use vitrine_models::tokenize::chat::ChatTemplate;
use vitrine_models::weights::source::read_all;
use vitrine_models::weights::{ByteSource, Checkpoint, GgufValue};

use super::source::BlobSource;
use super::tokenizer::Tokenizer;

/// The longest file of a template; what is longer is refused when it is rendered anyway.
const MAX_FILE: u64 = 1 << 20;

/// The template of a model, if it has one.
pub(super) async fn template(
    checkpoint: &Checkpoint<BlobSource>,
    tokenizer: &Tokenizer,
) -> Result<Option<ChatTemplate>, ModelError> {
    if let Some(metadata) = checkpoint.gguf_metadata() {
        let source = metadata.get("tokenizer.chat_template").and_then(GgufValue::as_str);
        let ids = SpecialIds::from_gguf(checkpoint.name(), metadata, tokenizer.n_ids())?;
        let text = |id: Option<u32>| {
            let bytes = id.map(|id| tokenizer.bytes_of(id)).unwrap_or_default();
            String::from_utf8_lossy(bytes).into_owned()
        };
        return Ok(source.map(|source| ChatTemplate {
            source: source.to_owned(),
            bos: text(ids.bos),
            eos: text(ids.eos.first().copied()),
        }));
    }
    let config = checkpoint.side_json("tokenizer_config.json").await?.unwrap_or_default();
    let file = checkpoint.files().iter().find(|file| file.name() == "chat_template.jinja");
    let source = match file {
        Some(file) => Some(String::from_utf8_lossy(&read_all(file, MAX_FILE).await?).into_owned()),
        None => source(&config),
    };
    Ok(source.map(|source| ChatTemplate {
        source,
        bos: token(&config, "bos_token"),
        eos: token(&config, "eos_token"),
    }))
}

/// A template, or of several with names the default one.
fn source(config: &Map<String, Value>) -> Option<String> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    match config.get("chat_template")? {
        Value::Array(named) => {
            let is_default = |one: &&Value| one["name"] == "default";
            let one = named.iter().find(is_default).or(named.first())?;
            text(&one["template"])
        }
        one => text(one),
    }
}

/// A token's text, which some files wrap.
fn token(config: &Map<String, Value>, name: &str) -> String {
    let value = config.get(name).unwrap_or(&Value::Null);
    let text = value.as_str().or_else(|| value.get("content")?.as_str());
    text.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_and_tokens_are_found_in_their_forms() {
        let config = |text: &str| match serde_json::from_str(text) {
            Ok(Value::Object(config)) => config,
            _ => panic!("{text}"),
        };
        let plain = config(r#"{"chat_template": "a", "eos_token": "</s>", "bos_token": null}"#);
        assert_eq!(source(&plain).as_deref(), Some("a"));
        assert_eq!(
            (token(&plain, "eos_token"), token(&plain, "bos_token")),
            ("</s>".into(), "".into())
        );
        let several = config(
            r#"{"chat_template": [{"name": "tool", "template": "t"}, {"name": "default", "template": "d"}],
                "eos_token": {"content": "<|end|>"}}"#,
        );
        assert_eq!(source(&several).as_deref(), Some("d"));
        assert_eq!(token(&several, "eos_token"), "<|end|>");
        assert_eq!(source(&config(r#"{"chat_template": 3}"#)), None);
        assert_eq!(source(&config("{}")), None);
    }
}
