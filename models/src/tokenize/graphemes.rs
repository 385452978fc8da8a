//! Tokens widened to what a reader sees as one character.

use super::Token;
use unicode_segmentation::UnicodeSegmentation;

/// For each token the bytes of the whole grapheme clusters (family emoji, letter with its marks,
/// CR LF) that it touches; an empty range for a token without text.
#[must_use]
pub fn whole_graphemes(text: &str, tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut boundaries: Vec<usize> = text.grapheme_indices(true).map(|(start, _)| start).collect();
    boundaries.push(text.len());
    tokens
        .iter()
        .map(|token| {
            if token.start >= token.end {
                return (token.start, token.start);
            }
            let first = boundaries.partition_point(|&boundary| boundary <= token.start);
            let last = boundaries.partition_point(|&boundary| boundary < token.end);
            let start = boundaries[first.saturating_sub(1)];
            (start, boundaries.get(last).copied().unwrap_or(text.len()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_never_cut() {
        let text = "a👩‍👩‍👧e\u{301}\r\nz";
        let token = |start, end| Token { id: 0, start, end, is_inserted: false };
        let family = "👩‍👩‍👧".len();
        let tokens = [
            token(0, 1),
            token(1, 5),
            token(5, 8),
            token(1 + family, 2 + family),
            token(2 + family, 4 + family),
            token(4 + family, 5 + family),
            token(0, 0),
            token(0, text.len()),
        ];
        let accent = (1 + family, 4 + family);
        let expected = [
            (0, 1),
            (1, 1 + family),
            (1, 1 + family),
            accent,
            accent,
            (4 + family, 6 + family),
            (0, 0),
            (0, text.len()),
        ];
        assert_eq!(whole_graphemes(text, &tokens), expected);
    }
}
