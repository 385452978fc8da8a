//! Text to token ids and back, with every token's place in the text.
//!
//! One trait, so that a view never knows which library made the tokens. The implementation over
//! the tokenizers crate is large and lies behind the feature `tokenize`; what needs no library
//! (building a tokenizer.json from GGUF metadata, refusing a hostile one, printable forms) is
//! always there.

use crate::error::ModelError;

pub mod gguf;
pub mod special;
pub mod validate;
pub mod visible;

mod bytes;
#[cfg(feature = "tokenize")]
pub mod chat;
#[cfg(feature = "tokenize")]
mod graphemes;
#[cfg(feature = "tokenize")]
mod hub;

pub use gguf::tokenizer_json_from_gguf;
#[cfg(feature = "tokenize")]
pub use graphemes::whole_graphemes;
#[cfg(feature = "tokenize")]
pub use hub::HubTokenizer;
pub use special::SpecialIds;
pub use visible::visible;

/// One token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Its id: a row of the embedding.
    pub id: u32,
    /// The byte of the text where it starts, on a character boundary. Tokens that share a
    /// character (bytes of an emoji) all cover the whole of it.
    pub start: usize,
    /// The byte of the text after its last one, on a character boundary.
    pub end: usize,
    /// Whether the tokenizer put it there by itself (`[CLS]`): then it covers no text.
    pub is_inserted: bool,
}

/// A text split into tokens by a model's own rules.
pub trait Tokenizer {
    /// Splits a text; `add_special` lets the tokenizer add what the model expects around it.
    fn encode(&self, text: &str, add_special: bool) -> Result<Vec<Token>, ModelError>;

    /// The text of a row of ids.
    fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String, ModelError>;

    /// A token as the vocabulary spells it (`Ġthe`, `##ing`).
    fn token_text(&self, id: u32) -> Option<String>;

    /// The bytes that a token adds to a text; they can be a part of a character.
    fn token_bytes(&self, id: u32) -> Option<Vec<u8>>;

    /// One more than the largest id.
    fn n_ids(&self) -> usize;

    /// Whether an id stands for a control token (`<|endoftext|>`) rather than for text.
    fn is_special(&self, id: u32) -> bool;
}

/// Holds a tokenizer against the rows of an embedding: more ids than rows is an error, more rows
/// than ids is padding, whose number is returned.
pub fn check_rows(file: &str, n_ids: usize, n_rows: usize) -> Result<usize, ModelError> {
    n_rows.checked_sub(n_ids).ok_or_else(|| {
        ModelError::tokenizer(
            file,
            "vocabulary",
            format!("has ids up to {}, but the embedding has {n_rows} rows", n_ids - 1),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_cover_ids() {
        assert_eq!(check_rows("t", 10, 16), Ok(6));
        assert_eq!(check_rows("t", 16, 16), Ok(0));
        assert!(check_rows("t", 17, 16).unwrap_err().to_string().contains("up to 16"));
    }
}
