//! The model of a tokenizer.json: pieces, ids and merges that hold together.

use super::{At, MAX_PIECES, number, shown_value};
use crate::error::{ModelError, shown};
use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};

/// No id is above the largest embedding.
const MAX_ID: u64 = 1 << 24;
/// The longest word that WordPiece is let search through: the search is quadratic.
const MAX_WORD_CHARS: u64 = 1000;

/// The pieces by text.
pub(super) struct Vocabulary<'a> {
    pub(super) n_pieces: usize,
    pub(super) max_id: Option<u32>,
    ids: HashMap<&'a str, u32>,
    taken: HashSet<u32>,
}

impl Vocabulary<'_> {
    pub(super) fn id_of(&self, piece: &str) -> Option<u32> {
        self.ids.get(piece).copied()
    }

    pub(super) fn has_id(&self, id: u64) -> bool {
        u32::try_from(id).is_ok_and(|id| self.taken.contains(&id))
    }
}

/// The kind of a model; files of the first versions leave it out for BPE.
pub(super) fn kind(model: &Map<String, Value>) -> Option<&str> {
    match model.get("type") {
        Some(kind) => kind.as_str(),
        None if model.contains_key("merges") => Some("BPE"),
        None => None,
    }
}

pub(super) fn check<'a>(
    at: At<'_>,
    model: &'a Map<String, Value>,
) -> Result<Vocabulary<'a>, ModelError> {
    match kind(model) {
        Some("BPE") => check_bpe(at, model),
        Some("WordPiece") => {
            let limit = number(at, model, "max_input_chars_per_word")?.unwrap_or(100);
            if limit > MAX_WORD_CHARS {
                return at.refuse(format!(
                    "max_input_chars_per_word is {limit}, above the limit of {MAX_WORD_CHARS}"
                ));
            }
            let vocabulary = vocabulary_from_map(at, model)?;
            check_unk(at, model, &vocabulary)?;
            Ok(vocabulary)
        }
        Some("WordLevel") => {
            let vocabulary = vocabulary_from_map(at, model)?;
            check_unk(at, model, &vocabulary)?;
            Ok(vocabulary)
        }
        Some("Unigram") => check_unigram(at, model),
        _ => at.refuse(format!(
            "type is {}; supported: BPE, WordPiece, WordLevel, Unigram",
            model.get("type").map_or_else(|| "missing".to_owned(), shown_value)
        )),
    }
}

fn vocabulary_from_map<'a>(
    at: At<'_>,
    model: &'a Map<String, Value>,
) -> Result<Vocabulary<'a>, ModelError> {
    let Some(Value::Object(vocab)) = model.get("vocab") else {
        return at.refuse("vocab is missing or is not an object");
    };
    check_size(at, "vocab", vocab.len())?;
    let mut ids = HashMap::with_capacity(vocab.len());
    let mut taken = HashSet::with_capacity(vocab.len());
    for (piece, id) in vocab {
        let Some(id) = id.as_u64().filter(|&id| id < MAX_ID).and_then(|id| u32::try_from(id).ok())
        else {
            return at.refuse(format!(
                "vocab {} has id {}; a number below {MAX_ID} is expected",
                shown(piece),
                shown_value(id)
            ));
        };
        if !taken.insert(id) {
            return at.refuse(format!("vocab {} has id {id}, which another has", shown(piece)));
        }
        ids.insert(piece.as_str(), id);
    }
    Ok(Vocabulary { n_pieces: ids.len(), max_id: taken.iter().copied().max(), ids, taken })
}

fn check_size(at: At<'_>, what: &str, length: usize) -> Result<(), ModelError> {
    if length > MAX_PIECES {
        return at.refuse(format!("{what} has {length} entries, above the limit of {MAX_PIECES}"));
    }
    Ok(())
}

fn check_unk(
    at: At<'_>,
    model: &Map<String, Value>,
    vocabulary: &Vocabulary<'_>,
) -> Result<(), ModelError> {
    match model.get("unk_token").and_then(Value::as_str) {
        Some(unk) if vocabulary.id_of(unk).is_some() => Ok(()),
        Some(unk) => at.refuse(format!("unk_token {} is not in the vocabulary", shown(unk))),
        None => at.refuse("unk_token is missing"),
    }
}

fn check_bpe<'a>(at: At<'_>, model: &'a Map<String, Value>) -> Result<Vocabulary<'a>, ModelError> {
    let vocabulary = vocabulary_from_map(at, model)?;
    if let Some(dropout) = model.get("dropout").filter(|value| !value.is_null())
        && dropout.as_f64() != Some(0.0)
    {
        return at.refuse(format!(
            "dropout is {}: such a tokenizer gives other tokens every time",
            shown_value(dropout)
        ));
    }
    let prefix = match model.get("continuing_subword_prefix") {
        None | Some(Value::Null) => "",
        Some(Value::String(prefix)) => prefix,
        Some(other) => {
            return at.refuse(format!("continuing_subword_prefix is {}", shown_value(other)));
        }
    };
    let Some(Value::Array(merges)) = model.get("merges") else {
        return at.refuse("merges is missing or is not a list");
    };
    check_size(at, "merges", merges.len())?;
    let mut merged = String::new();
    for (merge_idx, merge) in merges.iter().enumerate() {
        let Some((left, right)) = halves(merge) else {
            return at.refuse(format!("merge {merge_idx} is {}, no pair", shown_value(merge)));
        };
        // The library cuts the prefix off by its length, without looking.
        let Some(rest) = right.strip_prefix(prefix) else {
            return at.refuse(format!(
                "merge {merge_idx}: {} does not start with {}",
                shown(right),
                shown(prefix)
            ));
        };
        merged.clear();
        merged.push_str(left);
        merged.push_str(rest);
        for piece in [left, right, &merged] {
            if vocabulary.id_of(piece).is_none() {
                return at.refuse(format!(
                    "merge {merge_idx} needs {}, which is not in the vocabulary",
                    shown(piece)
                ));
            }
        }
    }
    match model.get("unk_token") {
        // Old files write "" for none.
        None | Some(Value::Null) => {}
        Some(Value::String(unk)) if unk.is_empty() || vocabulary.id_of(unk).is_some() => {}
        Some(other) => {
            let problem = format!("unk_token {} is not in the vocabulary", shown_value(other));
            return at.refuse(problem);
        }
    }
    Ok(vocabulary)
}

/// The two sides of a merge, as a pair or as one text with a space.
fn halves(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(left), Value::String(right)] => Some((left, right)),
            _ => None,
        },
        Value::String(text) => {
            let (left, right) = text.split_once(' ')?;
            (!right.contains(' ')).then_some((left, right))
        }
        _ => None,
    }
}

fn check_unigram<'a>(
    at: At<'_>,
    model: &'a Map<String, Value>,
) -> Result<Vocabulary<'a>, ModelError> {
    const MAX_SCORE: f64 = 1e6;
    let Some(Value::Array(vocab)) = model.get("vocab") else {
        return at.refuse("vocab is missing or is not a list");
    };
    check_size(at, "vocab", vocab.len())?;
    let mut ids = HashMap::with_capacity(vocab.len());
    for (id, entry) in vocab.iter().enumerate() {
        let piece = match entry.as_array().map(Vec::as_slice) {
            Some([Value::String(piece), score])
                if score.as_f64().is_some_and(|score| score.abs() <= MAX_SCORE) =>
            {
                piece.as_str()
            }
            _ => {
                let problem = format!("vocab entry {id} is {}", shown_value(entry));
                return at.refuse(format!("{problem}, not a piece with its score"));
            }
        };
        if piece.is_empty() {
            return at.refuse(format!("vocab entry {id} is empty"));
        }
        // The size check bounds the ids.
        if ids.insert(piece, id as u32).is_some() {
            return at.refuse(format!("vocab has {} twice", shown(piece)));
        }
    }
    match number(at, model, "unk_id")? {
        Some(unk_id) if unk_id < ids.len() as u64 => {}
        Some(unk_id) => return at.refuse(format!("unk_id {unk_id} is not in the vocabulary")),
        None => return at.refuse("unk_id is missing"),
    }
    let taken: HashSet<u32> = ids.values().copied().collect();
    Ok(Vocabulary { n_pieces: ids.len(), max_id: taken.iter().copied().max(), ids, taken })
}
