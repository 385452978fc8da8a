//! Tokens as they are shown, and texts cut to what a model takes. Pure.

use vitrine_models::tokenize::visible;

use crate::protocol::TokenView;

/// Of longer texts only so many bytes are tokenised: many times what any context holds.
const MAX_TEXT_BYTES: usize = 256 << 10;

/// What the tokenizer says of one token of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Vocabulary index.
    pub id: u32,
    /// Byte range in the text; none for added tokens.
    pub span: Option<(u32, u32)>,
    /// Added by the tokenizer, not typed.
    pub special: bool,
    /// Belongs to the second text of a pair.
    pub second: bool,
}

/// The part of a text that is tokenised, and where it begins. Models that continue a text get
/// its end, others its beginning.
pub(super) fn clipped(text: &str, keep_end: bool) -> (&str, usize) {
    if text.len() <= MAX_TEXT_BYTES {
        return (text, 0);
    }
    if keep_end {
        let start = text.ceil_char_boundary(text.len() - MAX_TEXT_BYTES);
        (&text[start..], start)
    } else {
        (&text[..text.floor_char_boundary(MAX_TEXT_BYTES)], 0)
    }
}

/// Cuts tokens to `n_ctx`: from the front where the end is kept, else before the closing special
/// tokens. Added tokens at either end stay. Returns how many were left out.
pub(super) fn cut_to_context(pieces: &mut Vec<Piece>, n_ctx: usize, keep_end: bool) -> usize {
    let n_over = pieces.len().saturating_sub(n_ctx);
    if n_over == 0 {
        return 0;
    }
    let is_edge = |piece: &&Piece| piece.special;
    let start = if keep_end {
        pieces.iter().take_while(is_edge).count().min(n_ctx.saturating_sub(1))
    } else {
        let n_closing = pieces.iter().rev().take_while(is_edge).count();
        pieces.len().saturating_sub(n_closing.min(n_ctx.saturating_sub(1)) + n_over)
    };
    pieces.drain(start..start + n_over);
    n_over
}

/// A token for the page.
pub(super) fn view(piece: Piece, bytes: &[u8], generated: bool) -> TokenView {
    TokenView {
        id: piece.id,
        text: visible(bytes),
        bytes: bytes.to_vec(),
        // The page marks spans in the first text.
        span: piece.span.filter(|_| !piece.second),
        special: piece.special,
        generated,
        second: piece.second,
        masked: false,
    }
}

/// A name out of a file, short and without what is invisible.
pub(super) fn shown_title(title: &str) -> String {
    shown_words(title, 80)
}

/// Words out of a file, at most so many characters, without what is invisible.
pub(super) fn shown_words(text: &str, max_chars: usize) -> String {
    // What is cut off anyway is not looked at.
    let end = text.floor_char_boundary(text.len().min(16 * max_chars));
    let words: Vec<String> =
        text[..end].split_whitespace().map(|word| visible(word.as_bytes())).collect();
    let words = words.join(" ");
    let is_cut = end < text.len() || words.chars().count() > max_chars;
    let mut shown: String = words.chars().take(max_chars).collect();
    if is_cut {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(id: u32, special: bool) -> Piece {
        Piece { id, span: None, special, second: false }
    }

    fn ids(pieces: &[Piece]) -> Vec<u32> {
        pieces.iter().map(|piece| piece.id).collect()
    }

    #[test]
    fn titles_are_short_and_visible() {
        assert_eq!(shown_title("  a\u{202e} b\n c "), "a⟨U+202E⟩ b c");
        assert_eq!(shown_title(&"x".repeat(1000)), format!("{}…", "x".repeat(79)));
    }

    #[test]
    fn long_texts_are_clipped_between_characters() {
        let long = "é".repeat(MAX_TEXT_BYTES);
        let (end, start) = clipped(&long, true);
        assert!(end.len() <= MAX_TEXT_BYTES && start + end.len() == long.len());
        let (begin, start) = clipped(&long, false);
        assert!(begin.len() <= MAX_TEXT_BYTES && start == 0);
        assert_eq!(clipped("abc", true), ("abc", 0));
    }

    #[test]
    fn cuts_keep_the_chosen_side_and_the_added_tokens() {
        let text = |n| (0..n).map(|id| piece(id, false)).collect::<Vec<_>>();
        let mut causal = text(6);
        assert_eq!(cut_to_context(&mut causal, 4, true), 2);
        assert_eq!(ids(&causal), [2, 3, 4, 5]);
        let mut with_bos = [vec![piece(100, true)], text(5)].concat();
        assert_eq!(cut_to_context(&mut with_bos, 4, true), 2);
        assert_eq!(ids(&with_bos), [100, 2, 3, 4]);
        let mut encoder = [vec![piece(101, true)], text(5), vec![piece(102, true)]].concat();
        assert_eq!(cut_to_context(&mut encoder, 4, false), 3);
        assert_eq!(ids(&encoder), [101, 0, 1, 102]);
        let mut short = text(3);
        assert_eq!(cut_to_context(&mut short, 3, true), 0);
        let mut all_special: Vec<_> = (0..5).map(|id| piece(id, true)).collect();
        assert_eq!(cut_to_context(&mut all_special, 2, false), 3);
        assert_eq!(all_special.len(), 2);
    }
}
