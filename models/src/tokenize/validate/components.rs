//! Normalizer, pre-tokenizer, post-processor and decoder: known kinds with harmless settings.

use super::{At, MAX_LENGTH, charsmap, number, object, pattern, shown_value};
use crate::error::{ModelError, shown};
use crate::tokenize::bytes::Spelling;
use serde_json::{Map, Value};

/// Sequences within sequences, and the parts of one.
const MAX_DEPTH: usize = 3;
const MAX_PARTS: usize = 64;
const MAX_PATTERN: usize = 8192;
/// The largest known (Jais 2's) has 1,100; twice this compiles in half a second.
const MAX_PARTS_OF_PATTERN: usize = 1500;
/// How much longer all replacements together may make a text.
const MAX_GROWTH: usize = 4096;

const NORMALIZERS: &[&str] = &[
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "Prepend",
    "Replace",
    "Strip",
    "StripAccents",
];
const PRE_TOKENIZERS: &[&str] = &[
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "FixedLength",
    "Metaspace",
    "Punctuation",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
];
const POST_PROCESSORS: &[&str] =
    &["BertProcessing", "ByteLevel", "RobertaProcessing", "TemplateProcessing"];
const DECODERS: &[&str] = &[
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "CTC",
    "Fuse",
    "Metaspace",
    "Replace",
    "Strip",
    "WordPiece",
];

/// What the components bring along.
#[derive(Default)]
pub(super) struct Found {
    pub(super) patterns: Vec<String>,
    decoders: Vec<String>,
    word_prefix: Option<String>,
    growth: usize,
}

impl Found {
    /// How pieces spell bytes, by the decoders that turn them back.
    pub(super) fn spelling(&self, model: &Map<String, Value>) -> Spelling {
        let has = |name: &str| self.decoders.iter().any(|decoder| decoder == name);
        if has("ByteLevel") {
            Spelling::ByteLevel
        } else if has("WordPiece") {
            let prefix = self
                .word_prefix
                .clone()
                .or_else(|| model.get("continuing_subword_prefix")?.as_str().map(str::to_owned));
            Spelling::WordPiece { prefix: prefix.unwrap_or_else(|| "##".to_owned()) }
        } else if has("Metaspace") || has("ByteFallback") {
            Spelling::SentencePiece
        } else {
            Spelling::Plain
        }
    }
}

/// A kind of component, with what may follow.
struct Kind {
    field: &'static str,
    names: &'static [&'static str],
    /// The field of a Sequence that lists its parts.
    parts: &'static str,
}

const KINDS: [Kind; 4] = [
    Kind { field: "normalizer", names: NORMALIZERS, parts: "normalizers" },
    Kind { field: "pre_tokenizer", names: PRE_TOKENIZERS, parts: "pretokenizers" },
    Kind { field: "post_processor", names: POST_PROCESSORS, parts: "processors" },
    Kind { field: "decoder", names: DECODERS, parts: "decoders" },
];

pub(super) fn check_all(
    file: &str,
    root: &Map<String, Value>,
    n_ids: usize,
    found: &mut Found,
) -> Result<(), ModelError> {
    for kind in &KINDS {
        match root.get(kind.field) {
            None | Some(Value::Null) => {}
            Some(component) => {
                found.growth = 1;
                let at = At { file, field: kind.field };
                check_component(at, kind, component, n_ids, 0, found)?;
            }
        }
    }
    Ok(())
}

fn check_component(
    at: At<'_>,
    kind: &Kind,
    component: &Value,
    n_ids: usize,
    depth: usize,
    found: &mut Found,
) -> Result<(), ModelError> {
    let component = object(at, Some(component))?;
    let name = match component.get("type") {
        Some(Value::String(name)) => name.as_str(),
        other => {
            let name = other.map_or_else(|| "missing".to_owned(), shown_value);
            return at.refuse(format!("type is {name}, not a name"));
        }
    };
    if name == "Sequence" {
        if depth == MAX_DEPTH {
            return at.refuse(format!("nests more than {MAX_DEPTH} sequences"));
        }
        let Some(Value::Array(parts)) = component.get(kind.parts) else {
            return at.refuse(format!("Sequence has no list {}", kind.parts));
        };
        if parts.len() > MAX_PARTS {
            return at.refuse(format!("has {} parts, above {MAX_PARTS}", parts.len()));
        }
        for part in parts {
            check_component(at, kind, part, n_ids, depth + 1, found)?;
        }
        return Ok(());
    }
    if !kind.names.contains(&name) {
        return at.refuse(format!(
            "type is {}; supported: Sequence, {}",
            shown(name),
            kind.names.join(", ")
        ));
    }
    match (kind.field, name) {
        ("decoder", _) => {
            found.decoders.push(name.to_owned());
            if name == "WordPiece" {
                found.word_prefix =
                    component.get("prefix").and_then(Value::as_str).map(str::to_owned);
            }
            // The library counts back from the end without looking where it begins.
            if name == "Strip" && number(at, component, "stop")?.unwrap_or(0) > 0 {
                return at.refuse("Strip with a stop above 0 is not supported");
            }
            if name == "Strip" && number(at, component, "start")?.unwrap_or(0) > MAX_LENGTH {
                return at.refuse("Strip with that start is not supported");
            }
        }
        // Of nothing put in, or put in everywhere, the library loses count.
        ("normalizer", "Prepend") if text_of(component, "prepend").is_empty() => {
            return at.refuse("Prepend has nothing to prepend");
        }
        ("normalizer", "Replace") if matches_nothing(component) => {
            return at.refuse("Replace has an empty pattern");
        }
        ("pre_tokenizer", "FixedLength") if number(at, component, "length")? == Some(0) => {
            return at.refuse("FixedLength has length 0");
        }
        ("post_processor", "TemplateProcessing") => check_template(at, component, n_ids)?,
        ("post_processor", "BertProcessing" | "RobertaProcessing") => {
            for role in ["sep", "cls"] {
                let id = component.get(role).and_then(|pair| pair.get(1)).and_then(Value::as_u64);
                check_id(at, role, id, n_ids)?;
            }
        }
        _ => {}
    }
    check_pattern(at, component, found)?;
    check_growth(at, name, component, found)
}

/// A field's text; empty where it has none.
fn text_of<'a>(component: &'a Map<String, Value>, field: &str) -> &'a str {
    component.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn matches_nothing(component: &Map<String, Value>) -> bool {
    let pattern = component.get("pattern").and_then(Value::as_object);
    pattern.is_some_and(|texts| texts.values().any(|text| text.as_str() == Some("")))
}

/// Patterns as `{"Regex": …}` or `{"String": …}`.
fn check_pattern(
    at: At<'_>,
    component: &Map<String, Value>,
    found: &mut Found,
) -> Result<(), ModelError> {
    let Some(texts) = component.get("pattern").and_then(Value::as_object) else {
        return Ok(());
    };
    for text in texts.values().filter_map(Value::as_str) {
        if text.len() > MAX_PATTERN {
            let problem = format!("a pattern of {} bytes is above {MAX_PATTERN}", text.len());
            return at.refuse(problem);
        }
    }
    if let Some(regex) = texts.get("Regex").and_then(Value::as_str) {
        let n_parts = pattern::n_parts(regex);
        if n_parts > MAX_PARTS_OF_PATTERN {
            return at.refuse(format!(
                "the pattern {} has {n_parts} parts when its counts are copied out, above the \
                 limit of {MAX_PARTS_OF_PATTERN}",
                shown(regex)
            ));
        }
        found.patterns.push(regex.to_owned());
    }
    Ok(())
}

/// Replacements that follow each other multiply.
fn check_growth(
    at: At<'_>,
    name: &str,
    component: &Map<String, Value>,
    found: &mut Found,
) -> Result<(), ModelError> {
    let length = match name {
        "Replace" => text_of(component, "content").len(),
        "Prepend" => text_of(component, "prepend").len(),
        "Precompiled" => match charsmap::check(text_of(component, "precompiled_charsmap")) {
            Ok(longest) => longest,
            Err(problem) => return at.refuse(format!("precompiled_charsmap {problem}")),
        },
        _ => return Ok(()),
    };
    found.growth = found.growth.saturating_mul(length.max(1));
    if found.growth > MAX_GROWTH {
        return at.refuse(format!(
            "its replacements make a text up to {} times longer, above the limit of {MAX_GROWTH}",
            found.growth
        ));
    }
    Ok(())
}

/// A template may only name tokens that it defines, with ids that exist.
fn check_template(
    at: At<'_>,
    template: &Map<String, Value>,
    n_ids: usize,
) -> Result<(), ModelError> {
    let special = object(at, template.get("special_tokens"))?;
    for (name, token) in special {
        let token = object(at, Some(token))?;
        let ids = token.get("ids").and_then(Value::as_array);
        let texts = token.get("tokens").and_then(Value::as_array);
        let (Some(ids), Some(texts)) = (ids, texts) else {
            return at.refuse(format!("special token {} has no ids or tokens", shown(name)));
        };
        if ids.is_empty() || ids.len() != texts.len() || ids.len() > MAX_PARTS {
            return at.refuse(format!(
                "special token {} has {} ids and {} tokens",
                shown(name),
                ids.len(),
                texts.len()
            ));
        }
        for id in ids {
            check_id(at, name, id.as_u64(), n_ids)?;
        }
    }
    for side in ["single", "pair"] {
        let Some(Value::Array(pieces)) = template.get(side) else {
            return at.refuse(format!("{side} is missing or is not a list"));
        };
        if pieces.len() > MAX_PARTS {
            return at.refuse(format!("{side} has {} parts, above {MAX_PARTS}", pieces.len()));
        }
        for piece in pieces {
            if let Some(token) = piece.get("SpecialToken") {
                let name = token.get("id").and_then(Value::as_str).unwrap_or_default();
                if !special.contains_key(name) {
                    let problem = format!("{side} names {}, which is not defined", shown(name));
                    return at.refuse(problem);
                }
                continue;
            }
            let sequence = piece.get("Sequence").and_then(|part| part.get("id")?.as_str());
            match (side, sequence) {
                (_, Some("A")) | ("pair", Some("B")) => {}
                _ => return at.refuse(format!("{side} has a part {}", shown_value(piece))),
            }
        }
    }
    Ok(())
}

fn check_id(at: At<'_>, name: &str, id: Option<u64>, n_ids: usize) -> Result<(), ModelError> {
    match id {
        Some(id) if id < n_ids as u64 => Ok(()),
        Some(id) => at.refuse(format!("{} has id {id}; ids end at {n_ids}", shown(name))),
        None => at.refuse(format!("{} has no id", shown(name))),
    }
}
