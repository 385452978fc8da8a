//! How tokens are labelled.

use crate::protocol::TokenView;

/// A token as its label shows it, cut after some characters; bidi controls cannot get in, since
/// the tokenizer's side replaces control characters by glyphs, and are dropped here once more.
pub fn label(text: &str, max_chars: usize) -> String {
    let is_shown = |c: &char| !c.is_control() && !is_bidi_control(*c);
    let mut chars = text.chars().filter(is_shown);
    let mut label: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() {
        label.pop();
        label.push('…');
    }
    label
}

/// Stands on maps for a token that the model did not get.
pub const MASKED: &str = "[mask]";

/// Labels of all tokens: as the model got them.
pub fn labels(tokens: &[TokenView], max_chars: usize) -> Vec<String> {
    tokens
        .iter()
        .map(|token| label(if token.masked { MASKED } else { &token.text }, max_chars))
        .collect()
}

/// `0x20 0x66`.
pub fn bytes_text(bytes: &[u8]) -> String {
    let shown: Vec<String> = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let more = if bytes.len() > 16 { " …" } else { "" };
    format!("{}{more}", shown.join(" "))
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_and_harmless() {
        assert_eq!(label("␣fox", 8), "␣fox");
        assert_eq!(label("internationalisation", 6), "inter…");
        assert_eq!(label("a\u{202e}b\u{0}c", 8), "abc");
        assert_eq!(bytes_text(" f".as_bytes()), "20 66");
    }
}
