//! What bytes a vocabulary's spelling stands for.

/// How a vocabulary spells bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Spelling {
    /// GPT-2's: every byte is one printable character (`Ġ` is a space).
    ByteLevel,
    /// SentencePiece's: `▁` is a space, `<0x0A>` a byte.
    SentencePiece,
    /// WordPiece's: a prefix marks a piece that continues a word.
    WordPiece {
        /// The prefix, mostly `##`.
        prefix: String,
    },
    /// The piece is the text.
    Plain,
}

impl Spelling {
    /// The bytes of a piece.
    pub(super) fn bytes_of(&self, piece: &str) -> Vec<u8> {
        match self {
            Spelling::ByteLevel => {
                let bytes: Option<Vec<u8>> = piece.chars().map(byte_from_char).collect();
                bytes.unwrap_or_else(|| piece.as_bytes().to_vec())
            }
            Spelling::SentencePiece => match byte_piece(piece) {
                Some(byte) => vec![byte],
                None => piece.replace('▁', " ").into_bytes(),
            },
            Spelling::WordPiece { prefix } => match piece.strip_prefix(prefix.as_str()) {
                Some(rest) if !prefix.is_empty() && !rest.is_empty() => rest.as_bytes().to_vec(),
                _ => piece.as_bytes().to_vec(),
            },
            Spelling::Plain => piece.as_bytes().to_vec(),
        }
    }
}

/// GPT-2's table: printable Latin-1 stands for itself, the other bytes follow from U+0100 on.
fn byte_from_char(character: char) -> Option<u8> {
    let code = u32::from(character);
    if code < 256 {
        return u8::try_from(code).ok().filter(|&byte| is_printable(byte));
    }
    (0..=255u8).filter(|&byte| !is_printable(byte)).nth(code as usize - 256)
}

fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff)
}

/// The byte of a `<0x0A>` piece.
pub(super) fn byte_piece(piece: &str) -> Option<u8> {
    let digits = piece.strip_prefix("<0x")?.strip_suffix('>')?;
    if digits.len() != 2 {
        return None;
    }
    // from_str_radix alone would take a sign.
    digits
        .bytes()
        .all(|digit| digit.is_ascii_hexdigit())
        .then(|| u8::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_level_table_is_one_to_one() {
        let mut seen = [false; 256];
        for code in 0..0x200 {
            if let Some(byte) = char::from_u32(code).and_then(byte_from_char) {
                assert!(!seen[usize::from(byte)], "{byte} twice");
                seen[usize::from(byte)] = true;
            }
        }
        assert!(seen.iter().all(|seen| *seen));
        assert_eq!(byte_from_char('Ġ'), Some(b' '));
        assert_eq!(byte_from_char('Ċ'), Some(b'\n'));
        assert_eq!(byte_from_char('▁'), None);
    }

    #[test]
    fn spellings() {
        assert_eq!(Spelling::ByteLevel.bytes_of("ĠðŁĺ"), [b' ', 0xf0, 0x9f, 0x98]);
        assert_eq!(Spelling::ByteLevel.bytes_of("日"), "日".as_bytes());
        assert_eq!(Spelling::SentencePiece.bytes_of("▁the"), b" the");
        assert_eq!(Spelling::SentencePiece.bytes_of("<0x0A>"), b"\n");
        assert_eq!(Spelling::SentencePiece.bytes_of("<0x+A>"), b"<0x+A>");
        let word_piece = Spelling::WordPiece { prefix: "##".to_owned() };
        assert_eq!(word_piece.bytes_of("##ing"), b"ing");
        assert_eq!(word_piece.bytes_of("##"), b"##");
    }
}
