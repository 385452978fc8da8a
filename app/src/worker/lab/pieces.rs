//! Vocabularies of pieces of words, made for a run's text by the tokenizer's module.

use std::rc::Rc;

use vitrine_models::ModelError;
use vitrine_models::train::config::TokenizerKind;
use vitrine_models::train::{TrainConfig, Vocabulary};

use super::super::tokenizer::{Tokenizer, TokenizerHost};

const FILE: &str = "tokenizer.json";

/// A vocabulary for the first of two texts, and the tokens of both.
///
/// # Errors
/// What the tokenizer's module says of it.
pub(super) async fn of(
    tokenizers: &Rc<TokenizerHost>,
    config: &TrainConfig,
    texts: [&str; 2],
) -> Result<(Vocabulary, [Vec<u32>; 2]), ModelError> {
    let kind = match config.data.tokenizer {
        TokenizerKind::WordPiece => "word_piece",
        TokenizerKind::ByteBpe | TokenizerKind::Characters => "byte_bpe",
    };
    let refused = |problem: String| ModelError::tokenizer("the text", "its pieces", problem);
    let (d_vocab, has_marks) = (config.data.d_vocab as u32, config.has_marks());
    let made = tokenizers.make_pieces(texts[0], kind, d_vocab, has_marks).await;
    let json = made.map_err(refused)?;
    let tokenizer = Tokenizer::load(Rc::clone(tokenizers), FILE, &json).await.map_err(refused)?;
    let mut tokens = [Vec::new(), Vec::new()];
    for (text, tokens) in texts.into_iter().zip(&mut tokens) {
        *tokens = tokenizer.ids(text).await.map_err(refused)?;
    }
    let bytes = (0..tokenizer.n_ids() as u32).map(|id| tokenizer.bytes_of(id).to_vec()).collect();
    // The run needs no other text, and the module answers only to those who can wait.
    let encode = |_: &str| Err(ModelError::tokenizer(FILE, "a text", "is cut elsewhere"));
    Ok((Vocabulary::of_pieces(json, bytes, has_marks, Box::new(encode)), tokens))
}
