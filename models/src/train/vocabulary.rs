//! The tokens of a run: special ones, and how a text becomes ids. Vocabularies of characters need no
//! library; those of pieces are in [`super::merges`].
//!
//! A vocabulary of characters is written as a byte-pair tokenizer without merges, so that
//! everything that reads tokenizer.json reads it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::{ModelError, shown};

/// Ids that every vocabulary has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// Fills batches up.
    pub pad: u32,
    /// Begins a target, and parts input and output where they are one sequence.
    pub start: u32,
    /// Ends a text.
    pub end: u32,
}

/// Spellings of the special tokens of vocabularies with a mask, in the order of their ids.
pub const SPECIAL: [&str; 4] = ["<pad>", "<s>", "</s>", "<mask>"];
/// Sentinels of span corruption, behind [`SPECIAL`].
pub const N_SENTINELS: usize = 16;
/// The one special token of a language model.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// How a text becomes ids.
pub type EncodeFn = dyn Fn(&str) -> Result<Vec<u32>, ModelError>;

/// The tokens of a run.
pub struct Vocabulary {
    /// tokenizer.json.
    pub json: String,
    /// Ids.
    pub d_vocab: usize,
    /// Special ids.
    pub special: Special,
    /// The mask, where there is one.
    pub mask: Option<u32>,
    /// Sentinels, where there are some.
    pub sentinels: Vec<u32>,
    /// What each id stands for in a text.
    bytes: Vec<Vec<u8>>,
    encode: Box<EncodeFn>,
}

impl Vocabulary {
    /// A vocabulary of these parts.
    fn new(json: String, bytes: Vec<Vec<u8>>, has_marks: bool, encode: Box<EncodeFn>) -> Self {
        let (n_marks, d_vocab) = (Self::marks(has_marks).len(), bytes.len());
        let (mask, special) = ((n_marks > 3).then_some(3), Self::special(has_marks));
        let sentinels = (4..n_marks.max(4) as u32).collect();
        Self { json, d_vocab, special, mask, sentinels, bytes, encode }
    }

    /// A vocabulary of pieces that a tokenizer.json describes: with the bytes that the tokenizer has for
    /// each id, and how it makes ids of a text.
    pub fn of_pieces(
        json: String,
        mut bytes: Vec<Vec<u8>>,
        has_marks: bool,
        encode: Box<EncodeFn>,
    ) -> Self {
        let document: Value = serde_json::from_str(&json).unwrap_or_default();
        if let Some(prefix) = document["model"]["continuing_subword_prefix"].as_str()
            && document["model"]["type"] == "WordPiece"
        {
            // Such pieces say what goes on with a word, not that a space came before one.
            let n_marks = Self::marks(has_marks).len() as u64;
            for (spelling, id) in document["model"]["vocab"].as_object().into_iter().flatten() {
                let id = id.as_u64().filter(|id| *id >= n_marks && !spelling.starts_with(prefix));
                if let Some(bytes) = id.and_then(|id| bytes.get_mut(id as usize)) {
                    bytes.insert(0, b' ');
                }
            }
        }
        Self::new(json, bytes, has_marks, encode)
    }

    /// The ids of a text, without special ones.
    ///
    /// # Errors
    /// Characters that the vocabulary lacks.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        (self.encode)(text)
    }

    /// tokenizer.json of a model that reads sources: like those of a batch, they end with the end.
    pub fn json_for_sources(&self) -> String {
        let mut document: Value = serde_json::from_str(&self.json).unwrap_or_default();
        let end = SPECIAL[2];
        let text = |id: &str| json!({ "Sequence": { "id": id, "type_id": 0 } });
        let mark = json!({ "SpecialToken": { "id": end, "type_id": 0 } });
        document["post_processor"] = json!({
            "type": "TemplateProcessing",
            "single": [text("A"), mark],
            "pair": [text("A"), mark, text("B"), mark],
            "special_tokens": { end: { "id": end, "ids": [self.special.end], "tokens": [end] } },
        });
        document.to_string()
    }

    /// What an id stands for: a part of a text in UTF-8, which need not be whole characters.
    pub fn bytes_of(&self, id: u32) -> &[u8] {
        self.bytes.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The text of some ids.
    pub fn text(&self, ids: &[u32]) -> String {
        let bytes: Vec<u8> = ids.iter().flat_map(|&id| self.bytes_of(id)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The special tokens of a vocabulary: what a language model needs, or (`has_marks`) mask and
    /// sentinels too.
    pub fn marks(has_marks: bool) -> Vec<String> {
        if !has_marks {
            return vec![END_OF_TEXT.to_owned()];
        }
        let sentinels = (0..N_SENTINELS).map(|idx| format!("<extra_id_{idx}>"));
        SPECIAL.iter().map(|mark| (*mark).to_owned()).chain(sentinels).collect()
    }

    /// Their ids.
    fn special(has_marks: bool) -> Special {
        match has_marks {
            true => Special { pad: 0, start: 1, end: 2 },
            false => Special { pad: 0, start: 0, end: 0 },
        }
    }

    /// A token a character, in the order of the alphabet.
    pub fn of_characters(alphabet: &str, has_marks: bool) -> Self {
        let marks = Self::marks(has_marks);
        let characters: std::collections::BTreeSet<char> = alphabet.chars().collect();
        let n_marks = marks.len() as u32;
        let ids: BTreeMap<char, u32> = characters.iter().copied().zip(n_marks..).collect();
        let mut vocab = Map::new();
        for (id, mark) in marks.iter().enumerate() {
            vocab.insert(mark.clone(), Value::from(id));
        }
        for (character, id) in &ids {
            vocab.insert(character.to_string(), Value::from(*id));
        }
        let added: Vec<Value> = marks
            .iter()
            .enumerate()
            .map(|(id, content)| {
                json!({
                    "id": id, "content": content, "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": true,
                })
            })
            .collect();
        let document = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
            "normalizer": null, "pre_tokenizer": null, "post_processor": null,
            "decoder": { "type": "Fuse" },
            "model": {
                "type": "BPE", "dropout": null, "unk_token": null,
                "continuing_subword_prefix": null, "end_of_word_suffix": null,
                "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": vocab, "merges": [],
            },
        });
        let mut bytes: Vec<_> = marks.iter().map(|mark| mark.clone().into_bytes()).collect();
        bytes.extend(characters.iter().map(|character| character.to_string().into_bytes()));
        let encode = move |text: &str| {
            let id = |character: char| {
                ids.get(&character).copied().ok_or_else(|| {
                    let problem = format!("{} is not in it", shown(&character.to_string()));
                    ModelError::input("the vocabulary", problem)
                })
            };
            text.chars().map(id).collect()
        };
        Self::new(document.to_string(), bytes, has_marks, Box::new(encode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokenize::{HubTokenizer, Tokenizer};

    #[test]
    fn a_source_ends_with_the_end() {
        let vocabulary = Vocabulary::of_characters("abc", true);
        let json = vocabulary.json_for_sources();
        let hub = HubTokenizer::from_json("tokenizer.json", &json).expect("opens");
        let ids = |adds: bool| {
            let tokens = hub.encode("cab", adds).expect("encodes");
            tokens.iter().map(|token| token.id).collect::<Vec<_>>()
        };
        let plain = vocabulary.encode("cab").expect("known");
        assert_eq!(ids(true), [&plain[..], &[vocabulary.special.end]].concat());
        assert_eq!(ids(false), plain);
    }

    #[test]
    fn characters_open_as_a_tokenizer() {
        for has_marks in [false, true] {
            let vocabulary = Vocabulary::of_characters("hello wörld", has_marks);
            let hub = HubTokenizer::from_json("tokenizer.json", &vocabulary.json).expect("opens");
            assert_eq!(hub.n_ids(), vocabulary.d_vocab);
            let ids = vocabulary.encode("wörld hello").expect("known");
            let tokens = hub.encode("wörld hello", false).expect("encodes");
            assert_eq!(ids, tokens.iter().map(|token| token.id).collect::<Vec<_>>());
            assert_eq!(hub.decode(&ids, true).expect("decodes"), "wörld hello");
            assert!(hub.is_special(vocabulary.special.end));
            assert_eq!(vocabulary.sentinels.len(), if has_marks { N_SENTINELS } else { 0 });
            assert!(vocabulary.encode("z").is_err());
            assert_eq!(vocabulary.text(&ids), "wörld hello");
            assert!((0..hub.n_ids() as u32).all(|id| !vocabulary.bytes_of(id).is_empty()));
        }
    }
}
