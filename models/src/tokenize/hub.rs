//! The tokenizers crate behind the trait.
//!
//! Files pass [`validate`] first; regular expressions are tried on texts that make bad ones
//! explode, because the crate drops what its regex engine gives up on without a word. What is
//! left are chains of normalizers in which the crate loses count on some texts and panics: that
//! is caught here, and where a panic cannot be caught (wasm) it ends the module that the host
//! runs tokenizers in, which the host reports and starts again.

use super::bytes::Spelling;
use super::{Token, Tokenizer, validate, visible};
use crate::error::{ModelError, shown};
use fancy_regex::{Regex, RegexBuilder};

/// The longest text that is taken: more than any context holds.
const MAX_TEXT: usize = 16 << 20;
/// Steps that a pattern may take back on one match. The crate's own limit, beyond which it stops
/// splitting, is a million.
const MAX_BACKTRACKS: usize = 100_000;

/// Patterns of published tokenizers: they need no look at every text.
const KNOWN_PATTERNS: &[&str] =
    &[super::gguf::LLAMA_3_PATTERN, super::gguf::QWEN_2_PATTERN, super::gguf::BLOOM_PATTERN];

/// A tokenizer.json at work.
pub struct HubTokenizer {
    file: String,
    inner: tokenizers::Tokenizer,
    n_ids: usize,
    kinds: Vec<(&'static str, String)>,
    spelling: Spelling,
    /// The patterns that are not known to be harmless.
    suspects: Vec<Regex>,
}

impl std::fmt::Debug for HubTokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HubTokenizer").field("file", &self.file).finish_non_exhaustive()
    }
}

impl HubTokenizer {
    /// Builds the tokenizer that the text of a tokenizer.json describes. Truncation and padding
    /// are left out: the session decides what fits its context.
    pub fn from_json(file: &str, text: &str) -> Result<Self, ModelError> {
        let checked = validate::check(file, text)?;
        let mut suspects = Vec::new();
        for pattern in &checked.patterns {
            let regex = tried_pattern(file, pattern)?;
            if !KNOWN_PATTERNS.contains(&pattern.as_str()) {
                suspects.push(regex);
            }
        }
        let mut inner = guarded(|| tokenizers::Tokenizer::from_bytes(text.as_bytes()))
            .map_err(|problem| ModelError::tokenizer(file, "the document", problem))?;
        inner
            .with_truncation(None)
            .map_err(|err| ModelError::tokenizer(file, "truncation", err.to_string()))?;
        inner.with_padding(None);
        check_normalized(file, &inner)?;
        Ok(Self {
            file: file.to_owned(),
            inner,
            n_ids: checked.n_ids,
            kinds: checked.kinds,
            spelling: checked.spelling,
            suspects,
        })
    }

    /// What there is to know of it, for a panel: names and values in words, each in one line.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let mut facts = vec![("tokens", self.n_ids.to_string())];
        facts.extend(self.kinds.iter().cloned());
        let added = self.inner.get_added_vocabulary().get_added_tokens_decoder();
        let mut special: Vec<u32> =
            added.iter().filter(|(_, token)| token.special).map(|(&id, _)| id).collect();
        special.sort_unstable();
        let shown = special.iter().take(MAX_SPECIAL).map(|id| {
            let text = visible(&self.token_bytes(*id).unwrap_or_default());
            format!("{} {id}", text.chars().take(24).collect::<String>())
        });
        let mut words = shown.collect::<Vec<_>>().join(", ");
        if special.len() > MAX_SPECIAL {
            words.push_str(&format!(" and {} more", special.len() - MAX_SPECIAL));
        }
        facts.push(("special tokens", if words.is_empty() { "none".into() } else { words }));
        facts
    }
}

/// Special tokens that are named.
const MAX_SPECIAL: usize = 12;

impl Tokenizer for HubTokenizer {
    fn encode(&self, text: &str, add_special: bool) -> Result<Vec<Token>, ModelError> {
        if text.len() > MAX_TEXT {
            return Err(ModelError::Limit {
                file: "the text".to_owned(),
                field: "length in bytes".to_owned(),
                value: text.len() as u64,
                limit: MAX_TEXT as u64,
            });
        }
        for regex in &self.suspects {
            run_pattern(regex, text).map_err(|err| {
                let problem = format!("{} gives up on this text: {err}", shown(regex.as_str()));
                ModelError::tokenizer(&self.file, "pattern", problem)
            })?;
        }
        let encoding = guarded(|| self.inner.encode(text, add_special))
            .map_err(|problem| ModelError::tokenizer(&self.file, "encode", problem))?;
        let is_inserted = encoding.get_special_tokens_mask().iter().map(|&flag| flag == 1);
        let tokens = encoding.get_ids().iter().zip(encoding.get_offsets()).zip(is_inserted);
        Ok(tokens
            .map(|((&id, &(start, end)), is_inserted)| {
                let start = text.floor_char_boundary(start.min(text.len()));
                let end = text.ceil_char_boundary(end.min(text.len())).max(start);
                Token { id, start, end, is_inserted }
            })
            .collect())
    }

    fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, ModelError> {
        // A decoder of the crate counts back from the last token without looking for one.
        let is_text = |id: &&u32| {
            !(skip_special && self.is_special(**id)) && self.inner.id_to_token(**id).is_some()
        };
        let ids: Vec<u32> = ids.iter().filter(is_text).copied().collect();
        if ids.is_empty() {
            return Ok(String::new());
        }
        guarded(|| self.inner.decode(&ids, false))
            .map_err(|problem| ModelError::tokenizer(&self.file, "decode", problem))
    }

    fn token_text(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    fn token_bytes(&self, id: u32) -> Option<Vec<u8>> {
        let is_added =
            self.inner.get_added_vocabulary().get_added_tokens_decoder().contains_key(&id);
        let piece = self.inner.id_to_token(id)?;
        Some(if is_added { piece.into_bytes() } else { self.spelling.bytes_of(&piece) })
    }

    fn n_ids(&self) -> usize {
        self.n_ids
    }

    fn is_special(&self, id: u32) -> bool {
        let added = self.inner.get_added_vocabulary().get_added_tokens_decoder();
        added.get(&id).is_some_and(|token| token.special)
    }
}

/// A call of the library whose errors and panics become words.
fn guarded<T>(call: impl FnOnce() -> tokenizers::Result<T>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(err)) => Err(shown(&err.to_string())),
        Err(_) => Err("the tokenizers library panicked".to_owned()),
    }
}

/// Refuses an added token of which the normalizer leaves nothing: the crate would find it between
/// any two bytes of a text, and cut characters in half there.
fn check_normalized(file: &str, inner: &tokenizers::Tokenizer) -> Result<(), ModelError> {
    use tokenizers::{NormalizedString, Normalizer};
    let Some(normalizer) = inner.get_normalizer() else { return Ok(()) };
    let added = inner.get_added_vocabulary().get_added_tokens_decoder().values();
    for token in added.filter(|token| token.normalized) {
        let mut content = NormalizedString::from(token.content.as_str());
        guarded(|| normalizer.normalize(&mut content))
            .map_err(|problem| ModelError::tokenizer(file, "normalizer", problem))?;
        if content.get().is_empty() {
            let problem = format!("the normalizer leaves nothing of {}", shown(&token.content));
            return Err(ModelError::tokenizer(file, "added_tokens", problem));
        }
    }
    Ok(())
}

/// Compiles a pattern and runs it on the texts that make exponential ones explode.
fn tried_pattern(file: &str, pattern: &str) -> Result<Regex, ModelError> {
    let refuse = |problem: String| {
        ModelError::tokenizer(file, "pattern", format!("{} {problem}", shown(pattern)))
    };
    let regex = RegexBuilder::new(pattern)
        .backtrack_limit(MAX_BACKTRACKS)
        .delegate_size_limit(1 << 20)
        .build()
        .map_err(|err| refuse(format!("is not a regular expression: {err}")))?;
    for unit in ["a", " ", "1", "\n", "é", "日", ".", "aA1 ", "\"'", "ab"] {
        let mut probe = unit.repeat(400);
        for tail in ["", "!", "\u{0}"] {
            probe.push_str(tail);
            run_pattern(&regex, &probe).map_err(|err| refuse(format!("takes too long: {err}")))?;
        }
    }
    Ok(regex)
}

fn run_pattern(regex: &Regex, text: &str) -> Result<(), Box<fancy_regex::Error>> {
    regex.find_iter(text).try_for_each(|found| found.map(|_| ()).map_err(Box::new))
}
