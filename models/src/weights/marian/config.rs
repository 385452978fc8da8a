//! The configuration in a Marian file: the part of YAML that Marian writes, and no more.
//!
//! A line is `key: value`, or `key:` followed by indented `- item` lines. Values are plain words,
//! numbers, truth values, quoted texts without escapes, and empty lists. Anything else (nested maps,
//! anchors, tags, blocks of text, tabs) is refused with its line.

use crate::error::{ModelError, shown};
use serde_json::{Map, Number, Value};

/// Parses `special:model.yml` (zeros behind it do not count).
pub fn parse_config(file: &str, bytes: &[u8]) -> Result<Map<String, Value>, ModelError> {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    let text = std::str::from_utf8(&bytes[..end])
        .map_err(|_| refusal(file, 1, "is not UTF-8 text".to_owned()))?;
    let mut config = Map::new();
    let mut open: Option<String> = None;
    for (idx, line) in text.lines().enumerate() {
        let refuse = |problem: &str| refusal(file, idx + 1, format!("{problem}: {}", shown(line)));
        let trimmed = line.trim_end_matches([' ', '\r']);
        let content = trimmed.trim_start_matches(' ');
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        if let Some(item) = content.strip_prefix("- ") {
            let list = open.as_ref().and_then(|key| config.get_mut(key));
            match list {
                Some(Value::Array(items)) => {
                    items.push(scalar(item).ok_or_else(|| refuse("is no plain value"))?);
                }
                Some(value @ Value::Null) => {
                    let first = scalar(item).ok_or_else(|| refuse("is no plain value"))?;
                    *value = Value::Array(vec![first]);
                }
                _ => return Err(refuse("is an item without a list")),
            }
            continue;
        }
        if content.len() != trimmed.len() {
            return Err(refuse("is indented, but no item of a list"));
        }
        let (key, value) = match content.split_once(": ") {
            Some((key, value)) => (key, value.trim_start_matches(' ')),
            None => (content.strip_suffix(':').ok_or_else(|| refuse("is no `key: value`"))?, ""),
        };
        if key.is_empty() || key.contains(|c: char| !c.is_ascii_alphanumeric() && c != '-') {
            return Err(refuse("has no plain key"));
        }
        let value = match value {
            "" => Value::Null,
            value => scalar(value).ok_or_else(|| refuse("has no plain value"))?,
        };
        open = value.is_null().then(|| key.to_owned());
        if config.insert(key.to_owned(), value).is_some() {
            return Err(refuse("has a key that was there before"));
        }
    }
    Ok(config)
}

fn refusal(file: &str, line: usize, problem: String) -> ModelError {
    ModelError::malformed(file, format!("special:model.yml, line {line}"), problem)
}

/// A value of one line; `None` for what Marian does not write.
fn scalar(text: &str) -> Option<Value> {
    for quote in ['"', '\''] {
        if let Some(rest) = text.strip_prefix(quote) {
            let inner = rest.strip_suffix(quote)?;
            return (!inner.contains(['"', '\'', '\\'])).then(|| Value::from(inner));
        }
    }
    if text.contains(": ") || text.contains(" #") || text.contains(|c: char| c.is_control()) {
        return None;
    }
    match text {
        "[]" => Some(Value::Array(Vec::new())),
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        "~" | "null" => Some(Value::Null),
        _ if text.starts_with(['[', '{', '&', '*', '!', '|', '>', '%', '@', '`', '-', '?'])
            && text.parse::<f64>().is_err() =>
        {
            None
        }
        _ => Some(number(text).map_or_else(|| Value::from(text), Value::Number)),
    }
}

fn number(text: &str) -> Option<Number> {
    if let Ok(integer) = text.parse::<i64>() {
        return Some(Number::from(integer));
    }
    // Words such as "inf" are words.
    let is_decimal = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    text.parse().ok().filter(|_| is_decimal).and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Map<String, Value>, String> {
        parse_config("m.bin", text.as_bytes()).map_err(|err| err.to_string())
    }

    #[test]
    fn what_marian_writes_is_read() {
        let text = "dim-emb: 256\ndim-vocabs:\n  - 32000\n  - 32000\ninput-types: []\n\
                    skip: false\ntransformer-preprocess: \"\"\ntransformer-postprocess: dan\n\
                    label-smoothing: 0.1\nversion: v1.9.56 94aeaa46 2021-04-28 00:28:35 +0100 \0\0";
        let config = parse(text).unwrap();
        assert_eq!(config["dim-emb"], 256);
        assert_eq!(config["dim-vocabs"], serde_json::json!([32000, 32000]));
        assert_eq!(config["input-types"], serde_json::json!([]));
        assert_eq!(config["skip"], false);
        assert_eq!(config["transformer-preprocess"], "");
        assert_eq!(config["transformer-postprocess"], "dan");
        assert_eq!(config["label-smoothing"], 0.1);
        assert_eq!(config["version"], "v1.9.56 94aeaa46 2021-04-28 00:28:35 +0100");
    }

    #[test]
    fn what_marian_does_not_write_is_refused_with_its_line() {
        for (text, words) in [
            ("a: 1\na: 2", "line 2"),
            ("- 1", "item without a list"),
            ("a: 1\n  - 2", "item without a list"),
            ("a:\n  b: 1", "line 2"),
            ("a: {b: 1}", "plain value"),
            ("a: [1, 2]", "plain value"),
            ("a: &x 1", "plain value"),
            ("a: |", "plain value"),
            ("a: \"\\x\"", "plain value"),
            ("a: \"b", "plain value"),
            ("a: b: c", "plain value"),
            ("<b>: 1", "plain key"),
            ("\ta: 1", "plain key"),
            ("words", "key: value"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(words), "{text:?}: {message}");
        }
        assert!(parse_config("m.bin", b"a: \xff").is_err());
    }
}
