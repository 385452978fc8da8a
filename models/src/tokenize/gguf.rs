//! A tokenizer.json from the tokenizer arrays of a GGUF file.
//!
//! GGUF keeps pieces, scores, types and merges, and names the rest: `tokenizer.ggml.model` the
//! algorithm, `tokenizer.ggml.pre` the way BPE cuts text before merging (llama.cpp's
//! `llama-vocab.cpp` lists the names). The rules written here are those of the Hugging Face
//! tokenizers that the names stand for. An unknown name is refused: a wrong rule gives plausible
//! but wrong tokens.

use super::special::{SpecialIds, gguf_flag};
use crate::error::{ModelError, shown};
use crate::weights::gguf::{GgufArray, GgufMetadata, GgufValue};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

mod sentence_piece;
mod word_piece;

/// How Llama 3 and its kin cut text.
pub(super) const LLAMA_3_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How Qwen 2 and 3 cut text: digits one by one.
pub(super) const QWEN_2_PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How BLOOM cuts text: before spaces and at sentence marks.
pub(super) const BLOOM_PATTERN: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";

/// How BPE cuts text before merging.
#[derive(Clone, Copy)]
enum Rule {
    /// GPT-2's pattern, which the library has built in.
    Gpt2,
    /// Every digit by itself, then GPT-2's pattern.
    DigitsThenGpt2,
    /// A pattern of its own.
    Pattern(&'static str),
    /// A pattern of its own, after Unicode composition.
    ComposedPattern(&'static str),
}

/// A name in `tokenizer.ggml.pre`, its rule, and whether a whole word that is a piece is taken
/// without merging (as Llama 3 does) and a text begins with BOS unless the file says otherwise.
struct PreTokenizer {
    name: &'static str,
    rule: Rule,
    is_llama_3: bool,
}

const fn pre(name: &'static str, rule: Rule) -> PreTokenizer {
    PreTokenizer { name, rule, is_llama_3: false }
}

const fn llama_3(name: &'static str) -> PreTokenizer {
    PreTokenizer { name, rule: Rule::Pattern(LLAMA_3_PATTERN), is_llama_3: true }
}

static PRE_TOKENIZERS: [PreTokenizer; 17] = [
    pre("gpt-2", Rule::Gpt2),
    pre("phi-2", Rule::Gpt2),
    pre("roberta-bpe", Rule::Gpt2),
    pre("mpt", Rule::Gpt2),
    pre("olmo", Rule::Gpt2),
    pre("smollm", Rule::DigitsThenGpt2),
    pre("starcoder", Rule::DigitsThenGpt2),
    pre("refact", Rule::DigitsThenGpt2),
    pre("codeshell", Rule::DigitsThenGpt2),
    pre("command-r", Rule::DigitsThenGpt2),
    llama_3("llama-bpe"),
    llama_3("llama3"),
    llama_3("llama-v3"),
    pre("qwen2", Rule::ComposedPattern(QWEN_2_PATTERN)),
    pre("deepseek-r1-qwen", Rule::ComposedPattern(QWEN_2_PATTERN)),
    pre("megrez", Rule::ComposedPattern(QWEN_2_PATTERN)),
    pre("bloom", Rule::Pattern(BLOOM_PATTERN)),
];

/// The kinds in `tokenizer.ggml.token_type`.
const UNKNOWN: i32 = 2;
const CONTROL: i32 = 3;
const USER_DEFINED: i32 = 4;

/// The tokenizer arrays of a file, checked against each other.
struct Arrays<'a> {
    file: &'a str,
    metadata: &'a GgufMetadata,
    tokens: &'a [String],
    types: Option<&'a [i32]>,
    ids: HashMap<&'a str, u32>,
    special: SpecialIds,
}

/// The text of a tokenizer.json that does what the file's tokenizer does.
pub fn tokenizer_json_from_gguf(file: &str, metadata: &GgufMetadata) -> Result<String, ModelError> {
    const KEY: &str = "tokenizer.ggml.model";
    let model = match metadata.get(KEY) {
        Some(GgufValue::String(model)) => model.as_str(),
        Some(other) => {
            return Err(ModelError::tokenizer(file, KEY, format!("is {other}, not a text")));
        }
        None => return Err(ModelError::tokenizer(file, KEY, "is missing")),
    };
    let arrays = Arrays::read(file, metadata)?;
    let document = match model {
        "gpt2" => byte_level_bpe(&arrays)?,
        "llama" => sentence_piece::document(&arrays)?,
        "bert" => word_piece::document(&arrays)?,
        other => {
            let problem = format!("is {}; supported: gpt2, llama, bert", shown(other));
            return Err(ModelError::tokenizer(file, KEY, problem));
        }
    };
    Ok(document.to_string())
}

impl<'a> Arrays<'a> {
    fn read(file: &'a str, metadata: &'a GgufMetadata) -> Result<Self, ModelError> {
        const TOKENS: &str = "tokenizer.ggml.tokens";
        const TYPES: &str = "tokenizer.ggml.token_type";
        let tokens = match metadata.get(TOKENS) {
            Some(GgufValue::Array(GgufArray::String(tokens))) if !tokens.is_empty() => tokens,
            found => return Err(wrong_array(file, TOKENS, found, "texts")),
        };
        let types = match metadata.get(TYPES) {
            None => None,
            Some(GgufValue::Array(GgufArray::I32(types))) => {
                same_length(file, TYPES, types.len(), tokens.len())?;
                Some(types.as_slice())
            }
            found => return Err(wrong_array(file, TYPES, found, "32-bit integers")),
        };
        let mut ids = HashMap::with_capacity(tokens.len());
        for (id, token) in (0u32..).zip(tokens) {
            if let Some(other) = ids.insert(token.as_str(), id) {
                let problem = format!("has {} at {other} and at {id}", shown(token));
                return Err(ModelError::tokenizer(file, TOKENS, problem));
            }
        }
        let special = SpecialIds::from_gguf(file, metadata, tokens.len())?;
        Ok(Self { file, metadata, tokens, types, ids, special })
    }

    fn type_of(&self, token_idx: usize) -> Option<i32> {
        self.types.map(|types| types[token_idx])
    }

    fn flag(&self, key: &str) -> Result<Option<bool>, ModelError> {
        gguf_flag(self.file, self.metadata, &format!("tokenizer.ggml.{key}"))
    }

    fn token(&self, id: u32) -> &'a str {
        &self.tokens[id as usize]
    }

    /// The pieces with their ids, as tokenizer.json lists them.
    fn vocabulary(&self) -> Map<String, Value> {
        (0u32..).zip(self.tokens).map(|(id, token)| (token.clone(), Value::from(id))).collect()
    }

    /// Control and user-defined tokens, which are cut out of the text before anything else.
    fn added_tokens(&self, is_special: fn(i32) -> bool) -> Vec<Value> {
        let is_added = |kind: i32| is_special(kind) || kind == USER_DEFINED;
        (0..self.tokens.len())
            .filter_map(|id| Some((id, self.type_of(id).filter(|&kind| is_added(kind))?)))
            .filter(|(id, _)| !self.tokens[*id].is_empty())
            .map(|(id, kind)| {
                json!({
                    "id": id, "content": self.tokens[id], "single_word": false, "lstrip": false,
                    "rstrip": false, "normalized": false, "special": is_special(kind),
                })
            })
            .collect()
    }

    /// BOS before and EOS after a text, where the file asks for them.
    fn template(&self, bos_by_default: bool) -> Result<Value, ModelError> {
        let add_bos = self.flag("add_bos_token")?.unwrap_or(bos_by_default);
        let add_eos = self.flag("add_eos_token")?.unwrap_or(false);
        let bos = self.special.bos.filter(|_| add_bos);
        let eos = self.special.eos.first().copied().filter(|_| add_eos);
        if bos.is_none() && eos.is_none() {
            return Ok(Value::Null);
        }
        Ok(template_json(self, bos, eos))
    }
}

/// A TemplateProcessing with a token before and one after each text.
fn template_json(arrays: &Arrays<'_>, before: Option<u32>, after: Option<u32>) -> Value {
    let special = |id: u32, type_id: u32| json!({"SpecialToken": {"id": arrays.token(id), "type_id": type_id}});
    let sequence = |name: &str, type_id: u32| json!({"Sequence": {"id": name, "type_id": type_id}});
    let mut single: Vec<Value> = before.iter().map(|&id| special(id, 0)).collect();
    single.push(sequence("A", 0));
    single.extend(after.iter().map(|&id| special(id, 0)));
    let mut pair = single.clone();
    pair.push(sequence("B", 1));
    pair.extend(after.iter().map(|&id| special(id, 1)));
    let tokens: Map<String, Value> = before
        .iter()
        .chain(after.iter())
        .map(|&id| {
            let text = arrays.token(id);
            (text.to_owned(), json!({"id": text, "ids": [id], "tokens": [text]}))
        })
        .collect();
    json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens})
}

fn byte_level_bpe(arrays: &Arrays<'_>) -> Result<Value, ModelError> {
    let pre_tokenizer = pre_tokenizer(arrays)?;
    let byte_level = |use_regex: bool| {
        json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
               "use_regex": use_regex})
    };
    let split = |pattern: &str| {
        let split = json!({"type": "Split", "pattern": {"Regex": pattern},
                           "behavior": "Isolated", "invert": false});
        json!({"type": "Sequence", "pretokenizers": [split, byte_level(false)]})
    };
    let (normalizer, cut) = match pre_tokenizer.rule {
        Rule::Gpt2 => (Value::Null, byte_level(true)),
        Rule::DigitsThenGpt2 => {
            let digits = json!({"type": "Digits", "individual_digits": true});
            let parts = json!([digits, byte_level(true)]);
            (Value::Null, json!({"type": "Sequence", "pretokenizers": parts}))
        }
        Rule::Pattern(pattern) => (Value::Null, split(pattern)),
        Rule::ComposedPattern(pattern) => (json!({"type": "NFC"}), split(pattern)),
    };
    Ok(json!({
        "version": "1.0",
        "added_tokens": arrays.added_tokens(|kind| kind == CONTROL || kind == UNKNOWN),
        "normalizer": normalizer,
        "pre_tokenizer": cut,
        "post_processor": arrays.template(pre_tokenizer.is_llama_3)?,
        "decoder": byte_level(true),
        "model": {
            "type": "BPE", "fuse_unk": false, "byte_fallback": false,
            "ignore_merges": pre_tokenizer.is_llama_3,
            "vocab": arrays.vocabulary(), "merges": merges(arrays)?,
        },
    }))
}

fn pre_tokenizer(arrays: &Arrays<'_>) -> Result<&'static PreTokenizer, ModelError> {
    const KEY: &str = "tokenizer.ggml.pre";
    let found = arrays.metadata.get(KEY);
    let name = found.and_then(GgufValue::as_str);
    PRE_TOKENIZERS.iter().find(|pre| Some(pre.name) == name).ok_or_else(|| {
        let names: Vec<&str> = PRE_TOKENIZERS.iter().map(|pre| pre.name).collect();
        let found = found.map_or_else(|| "missing".to_owned(), GgufValue::to_string);
        let problem = format!("is {found}; supported: {}", names.join(", "));
        ModelError::tokenizer(arrays.file, KEY, problem)
    })
}

fn merges<'a>(arrays: &Arrays<'a>) -> Result<Vec<[&'a str; 2]>, ModelError> {
    const KEY: &str = "tokenizer.ggml.merges";
    let merges = match arrays.metadata.get(KEY) {
        Some(GgufValue::Array(GgufArray::String(merges))) => merges,
        found => return Err(wrong_array(arrays.file, KEY, found, "texts")),
    };
    merges
        .iter()
        .enumerate()
        .map(|(merge_idx, merge)| match merge.split_once(' ') {
            Some((left, right)) if !left.is_empty() && !right.is_empty() => Ok([left, right]),
            _ => {
                let problem = format!("entry {merge_idx} is {}, no pair", shown(merge));
                Err(ModelError::tokenizer(arrays.file, KEY, problem))
            }
        })
        .collect()
}

fn wrong_array(file: &str, key: &str, found: Option<&GgufValue>, of: &str) -> ModelError {
    let found = found.map_or_else(|| "missing".to_owned(), GgufValue::to_string);
    ModelError::tokenizer(file, key, format!("is {found}; a list of {of} is expected"))
}

fn same_length(file: &str, key: &str, length: usize, n_tokens: usize) -> Result<(), ModelError> {
    if length == n_tokens {
        return Ok(());
    }
    let problem = format!("has {length} entries for {n_tokens} tokens");
    Err(ModelError::tokenizer(file, key, problem))
}

#[cfg(test)]
mod tests;
