//! A token's bytes as characters that can be seen, for labels.
//!
//! Model text is hostile: nothing here may reorder a line, vanish or pass for something else.
//! Bytes that are no whole character, controls, bidirectional and invisible characters all get
//! a visible glyph.

use std::fmt::Write;

/// The printable form of a token's bytes.
#[must_use]
pub fn visible(bytes: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            push_char(&mut shown, character);
        }
        for byte in chunk.invalid() {
            push(&mut shown, format_args!("⟨{byte:02X}⟩"));
        }
    }
    shown
}

fn push(shown: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = shown.write_fmt(text);
}

fn push_char(shown: &mut String, character: char) {
    match character {
        ' ' => shown.push('␣'),
        '\n' => shown.push('↵'),
        '\t' => shown.push('⇥'),
        '\0'..='\x1f' => {
            shown.push(char::from_u32(0x2400 + u32::from(character)).unwrap_or('␦'));
        }
        '\x7f' => shown.push('␡'),
        _ if is_joiner(character) && !shown.is_empty() => shown.push(character),
        _ if is_invisible(character) || is_joiner(character) => {
            push(shown, format_args!("⟨U+{:04X}⟩", u32::from(character)));
        }
        // A mark without a base would sit on the label before it.
        _ if is_mark(character) && shown.is_empty() => {
            shown.push('◌');
            shown.push(character);
        }
        _ => shown.push(character),
    }
}

/// Characters that hold an emoji together; shown by their number only where they start a token.
fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
}

/// Controls, spaces other than the space, bidirectional controls, fillers, tags, noncharacters.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || character.is_whitespace()
        || matches!(character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(character) & 0xfffe == 0xfffe
}

/// The blocks of combining marks that are shared by many scripts.
fn is_mark(character: char) -> bool {
    matches!(character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}'
        | '\u{64b}'..='\u{65f}' | '\u{93e}'..='\u{94d}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{e47}'..='\u{e4e}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{3099}' | '\u{309a}' | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn glyphs() {
        assert_eq!(visible(b" the"), "␣the");
        assert_eq!(visible(b"\n\t\r\0\x7f"), "↵⇥␍␀␡");
        assert_eq!(visible(&[0xf0, 0x9f, 0x98]), "⟨F0⟩⟨9F⟩⟨98⟩");
        assert_eq!(visible("\u{202e}abc\u{feff}".as_bytes()), "⟨U+202E⟩abc⟨U+FEFF⟩");
        assert_eq!(visible("\u{a0}\u{3000}\u{85}".as_bytes()), "⟨U+00A0⟩⟨U+3000⟩⟨U+0085⟩");
        assert_eq!(visible("\u{301}e\u{301}".as_bytes()), "◌\u{301}e\u{301}");
        assert_eq!(visible("👩‍👧❤\u{fe0f}".as_bytes()), "👩‍👧❤\u{fe0f}");
        assert_eq!(visible("\u{200d}".as_bytes()), "⟨U+200D⟩");
        assert_eq!(visible("<b>日本".as_bytes()), "<b>日本");
        assert_eq!(visible(b""), "");
    }

    proptest! {
        #[test]
        fn nothing_invisible_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let shown = visible(&bytes);
            prop_assert!(!shown.chars().any(is_invisible), "{:?}", shown);
            prop_assert_eq!(shown.is_empty(), bytes.is_empty());
        }
    }
}
