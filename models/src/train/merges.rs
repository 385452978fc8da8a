//! Vocabularies of pieces, made for the text at hand by the tokenizers crate: byte pairs (Sennrich et al.
//! 2015, arXiv 1508.07909, over bytes as in GPT-2) and WordPiece (Schuster and Nakajima 2012).

use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainerBuilder};
use tokenizers::normalizers::BertNormalizer;
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{AddedToken, TokenizerBuilder};

use super::config::TokenizerKind;
use super::vocabulary::Vocabulary;
use crate::error::ModelError;
use crate::tokenize::{HubTokenizer, Tokenizer};

/// A vocabulary of `d_vocab` tokens for `text`.
///
/// # Errors
/// If the library refuses.
pub fn vocabulary_of(
    text: &str,
    kind: TokenizerKind,
    d_vocab: usize,
    has_marks: bool,
) -> Result<Vocabulary, ModelError> {
    match pieces_of(text, kind, d_vocab, has_marks)? {
        Some(json) => restored(&json, has_marks),
        None => Ok(Vocabulary::of_characters(text, has_marks)),
    }
}

/// The tokenizer.json of a vocabulary of pieces for `text`; none of characters.
///
/// # Errors
/// If the library refuses.
pub fn pieces_of(
    text: &str,
    kind: TokenizerKind,
    d_vocab: usize,
    has_marks: bool,
) -> Result<Option<String>, ModelError> {
    let marks = Vocabulary::marks(has_marks);
    let json = match kind {
        TokenizerKind::Characters => return Ok(None),
        TokenizerKind::ByteBpe => byte_pairs(text, d_vocab, &marks),
        TokenizerKind::WordPiece => word_pieces(text, d_vocab, &marks),
    };
    let refused = |err: tokenizers::Error| {
        ModelError::tokenizer("the text", "training a vocabulary", err.to_string())
    };
    json.map(Some).map_err(refused)
}

/// The vocabulary that a tokenizer.json of [`vocabulary_of`] describes.
///
/// # Errors
/// A tokenizer that cannot be opened.
pub fn restored(json: &str, has_marks: bool) -> Result<Vocabulary, ModelError> {
    let hub = HubTokenizer::from_json("tokenizer.json", json)?;
    let ids = 0..hub.n_ids() as u32;
    let bytes = ids.map(|id| hub.token_bytes(id).unwrap_or_default()).collect();
    let encode =
        move |text: &str| Ok(hub.encode(text, false)?.into_iter().map(|token| token.id).collect());
    Ok(Vocabulary::of_pieces(json.to_owned(), bytes, has_marks, Box::new(encode)))
}

fn added(marks: &[String]) -> Vec<AddedToken> {
    marks.iter().map(|mark| AddedToken::from(mark.as_str(), true)).collect()
}

fn byte_pairs(text: &str, d_vocab: usize, marks: &[String]) -> tokenizers::Result<String> {
    let mut trainer = BpeTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(d_vocab)
        .min_frequency(2)
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .special_tokens(added(marks))
        .build();
    let level = || ByteLevel::new(false, true, true);
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(BPE::default())
        .with_normalizer(None::<tokenizers::NormalizerWrapper>)
        .with_pre_tokenizer(Some(level()))
        .with_post_processor(None::<tokenizers::PostProcessorWrapper>)
        .with_decoder(Some(level()))
        .build()?;
    tokenizer.train(&mut trainer, text.lines().map(|line| format!("{line}\n")))?;
    tokenizer.to_string(false)
}

fn word_pieces(text: &str, d_vocab: usize, marks: &[String]) -> tokenizers::Result<String> {
    let unknown = "[UNK]".to_owned();
    let mut special = added(marks);
    special.push(AddedToken::from(unknown.as_str(), true));
    let mut trainer = WordPieceTrainerBuilder::new()
        .show_progress(false)
        .vocab_size(d_vocab)
        .min_frequency(2)
        .special_tokens(special)
        .build();
    let mut tokenizer = TokenizerBuilder::new()
        .with_model(WordPiece::builder().unk_token(unknown).build()?)
        .with_normalizer(Some(BertNormalizer::default()))
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_post_processor(None::<tokenizers::PostProcessorWrapper>)
        .with_decoder(Some(WordPieceDecoder::default()))
        .build()?;
    tokenizer.train(&mut trainer, text.lines().map(str::to_owned))?;
    tokenizer.to_string(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "In olden times when wishing still helped one, there lived a king.\n\
        In olden times there lived a king whose daughters were all beautiful.\n";

    #[test]
    fn byte_pairs_cover_any_text() {
        let vocabulary = vocabulary_of(TEXT, TokenizerKind::ByteBpe, 300, false).expect("trains");
        assert!(vocabulary.d_vocab <= 300 && vocabulary.d_vocab > 257, "{}", vocabulary.d_vocab);
        let hub = HubTokenizer::from_json("tokenizer.json", &vocabulary.json).expect("opens");
        for text in [TEXT, "naïve 🦊\n\tx"] {
            let ids = vocabulary.encode(text).expect("encodes");
            assert_eq!(hub.decode(&ids, true).expect("decodes"), text);
        }
        assert!(vocabulary.encode(TEXT).expect("encodes").len() < TEXT.len() / 2);
        let again = vocabulary_of(TEXT, TokenizerKind::ByteBpe, 300, false).expect("trains");
        assert_eq!(again.json, vocabulary.json);
    }

    #[test]
    fn pieces_are_written_as_a_text() {
        for (kind, shown) in
            [(TokenizerKind::ByteBpe, "a king whose"), (TokenizerKind::WordPiece, " a king whose")]
        {
            let vocabulary = vocabulary_of(TEXT, kind, 300, false).expect("trains");
            let ids = vocabulary.encode("a king whose").expect("encodes");
            assert_eq!(vocabulary.text(&ids), shown);
            assert_eq!(vocabulary.text(&[vocabulary.special.end]), "<|endoftext|>");
        }
    }

    #[test]
    fn word_pieces_lower_case() {
        let vocabulary = vocabulary_of(TEXT, TokenizerKind::WordPiece, 90, true).expect("trains");
        let hub = HubTokenizer::from_json("tokenizer.json", &vocabulary.json).expect("opens");
        let ids = vocabulary.encode("A king lived.").expect("encodes");
        assert_eq!(hub.decode(&ids, true).expect("decodes"), "a king lived.");
        assert_eq!(vocabulary.mask, Some(3));
    }
}
