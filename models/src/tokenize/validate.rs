//! Refusing a tokenizer.json that would crash, hang or mislead the library that runs it.
//!
//! The tokenizers crate (0.23) trusts its files: a merge longer than any piece writes past a
//! buffer, a template that names an unknown token, a chunk length of 0 and a decoder that strips
//! the end all panic, an empty Unigram piece loops for ever, duplicates and shifted ids only
//! warn. In the page a panic is a trap of the whole module, so that all of this is looked at
//! before. Components are taken by name from the lists below; what is not listed is refused.

use crate::error::{ModelError, shown};
use crate::weights::json;
use serde_json::{Map, Value};

mod charsmap;
mod components;
mod model;
mod pattern;

/// The most pieces of a vocabulary, and the most merges.
const MAX_PIECES: usize = 1 << 21;
const MAX_ADDED: usize = 1 << 16;
/// A truncation or padding beyond any context is a mistake or an attack.
const MAX_LENGTH: u64 = 1 << 24;

/// What the checks found out on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// One more than the largest id.
    pub n_ids: usize,
    /// The regular expressions that the file brings along, to be tried before they are used.
    pub patterns: Vec<String>,
    /// What its parts are, for people: names and kinds.
    pub kinds: Vec<(&'static str, String)>,
    /// How pieces spell bytes.
    pub(super) spelling: super::bytes::Spelling,
}

/// A place in the file, for messages.
#[derive(Clone, Copy)]
struct At<'a> {
    file: &'a str,
    field: &'a str,
}

impl At<'_> {
    fn refuse<T>(self, problem: impl Into<String>) -> Result<T, ModelError> {
        Err(ModelError::tokenizer(self.file, self.field, problem))
    }
}

/// Checks the text of a tokenizer.json.
pub fn check(file: &str, text: &str) -> Result<Checked, ModelError> {
    let root = json::parse_object(file, text.as_bytes())?;
    check_lengths(file, &root)?;
    let model = object(At { file, field: "model" }, root.get("model"))?;
    let vocabulary = model::check(At { file, field: "model" }, model)?;
    let n_ids = check_added(At { file, field: "added_tokens" }, &root, &vocabulary)?;
    let mut found = components::Found::default();
    components::check_all(file, &root, n_ids, &mut found)?;
    let spelling = found.spelling(model);
    Ok(Checked { n_ids, patterns: found.patterns, kinds: kinds(&root), spelling })
}

/// What cuts the text, and what is done to it before and after.
fn kinds(root: &Map<String, Value>) -> Vec<(&'static str, String)> {
    let part = |name: &str| root.get(name).unwrap_or(&Value::Null);
    let model = root.get("model").and_then(Value::as_object);
    let mut kinds =
        vec![("cut by", model.and_then(model::kind).unwrap_or("unnamed rules").to_owned())];
    if let Some(merges) = part("model").get("merges").and_then(Value::as_array) {
        kinds.push(("merges", merges.len().to_string()));
    }
    kinds.push(("normalizer", kind_of(part("normalizer"))));
    kinds.push(("pre-tokenizer", kind_of(part("pre_tokenizer"))));
    kinds.push(("post-processor", kind_of(part("post_processor"))));
    kinds
}

/// The kind of a component, or of those in a sequence. All are in the lists of [`components`].
fn kind_of(component: &Value) -> String {
    let lists = ["normalizers", "pretokenizers", "processors"];
    match lists.iter().find_map(|list| component.get(list)?.as_array()) {
        Some(parts) => parts.iter().map(kind_of).collect::<Vec<_>>().join(", "),
        None => component.get("type").and_then(Value::as_str).unwrap_or("none").to_owned(),
    }
}

/// Truncation and padding are not used here, but hostile ones are refused all the same.
fn check_lengths(file: &str, root: &Map<String, Value>) -> Result<(), ModelError> {
    if let Some(truncation) = root.get("truncation").filter(|value| !value.is_null()) {
        let at = At { file, field: "truncation" };
        let truncation = object(at, Some(truncation))?;
        let max_length = number(at, truncation, "max_length")?.unwrap_or(0);
        let stride = number(at, truncation, "stride")?.unwrap_or(0);
        if max_length > 0 && stride >= max_length {
            return at.refuse(format!("stride {stride} is not below max_length {max_length}"));
        }
    }
    if let Some(padding) = root.get("padding").filter(|value| !value.is_null()) {
        let at = At { file, field: "padding" };
        let padding = object(at, Some(padding))?;
        if let Some(Value::Object(strategy)) = padding.get("strategy") {
            let length = number(at, strategy, "Fixed")?.unwrap_or(0);
            if length > MAX_LENGTH {
                return at.refuse(format!("to {length} tokens is above the limit of {MAX_LENGTH}"));
            }
        }
        let multiple = number(at, padding, "pad_to_multiple_of")?.unwrap_or(0);
        if multiple > MAX_LENGTH {
            return at.refuse(format!("to a multiple of {multiple} is above {MAX_LENGTH}"));
        }
    }
    Ok(())
}

/// Added tokens must get the ids that they claim: the library deals them out in order, from the
/// number of pieces on. Returns one more than the largest id.
fn check_added(
    at: At<'_>,
    root: &Map<String, Value>,
    vocabulary: &model::Vocabulary<'_>,
) -> Result<usize, ModelError> {
    let mut n_ids = vocabulary.max_id.map_or(0, |id| id as usize + 1);
    let mut next_id = vocabulary.n_pieces as u64;
    let mut dealt: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
    let tokens = match root.get("added_tokens") {
        None | Some(Value::Null) => return Ok(n_ids),
        Some(Value::Array(tokens)) => tokens,
        Some(other) => return at.refuse(format!("is {}, not a list", json::kind_of(other))),
    };
    if tokens.len() > MAX_ADDED {
        return at.refuse(format!("are {}, above the limit of {MAX_ADDED}", tokens.len()));
    }
    for token in tokens {
        let token = object(at, Some(token))?;
        let Some(content) = token.get("content").and_then(Value::as_str) else {
            return at.refuse("has a token without content");
        };
        let Some(id) = number(at, token, "id")? else {
            return at.refuse(format!("{} has no id", shown(content)));
        };
        if content.is_empty() {
            return at.refuse(format!("the token of id {id} is empty"));
        }
        let expected = match vocabulary.id_of(content) {
            Some(known) => u64::from(known),
            None => *dealt.entry(content).or_insert_with(|| {
                next_id += 1;
                next_id - 1
            }),
        };
        if id != expected {
            return at.refuse(format!(
                "{} claims id {id}, but its place gives it id {expected}",
                shown(content)
            ));
        }
        let is_new = vocabulary.id_of(content).is_none();
        if is_new && vocabulary.has_id(id) {
            return at.refuse(format!("{} has id {id}, which a piece has too", shown(content)));
        }
        n_ids = n_ids.max(id as usize + 1);
    }
    Ok(n_ids)
}

fn object<'a>(at: At<'_>, value: Option<&'a Value>) -> Result<&'a Map<String, Value>, ModelError> {
    match value {
        Some(Value::Object(object)) => Ok(object),
        Some(other) => at.refuse(format!("is {}, not an object", json::kind_of(other))),
        None => at.refuse("is missing"),
    }
}

/// A number that is an unsigned integer; `None` where it is missing or null.
fn number(at: At<'_>, object: &Map<String, Value>, field: &str) -> Result<Option<u64>, ModelError> {
    match object.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match value.as_u64() {
            Some(number) => Ok(Some(number)),
            None => {
                at.refuse(format!("{field} is {}, not an unsigned integer", shown_value(value)))
            }
        },
    }
}

fn shown_value(value: &Value) -> String {
    shown(&value.to_string())
}
