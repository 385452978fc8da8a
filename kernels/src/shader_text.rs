//! Shader text as it goes into the binary: without comments and indentation, which would be a
//! third of it. Lines stay lines, so that a driver's message names the line of the file.

/// The text of a shader file, as [`include_str!`] finds it, shortened when this is compiled.
macro_rules! wgsl {
    ($path:literal) => {{
        const TEXT: &str = include_str!($path);
        const BYTES: [u8; $crate::shader_text::shortened_len(TEXT)] =
            $crate::shader_text::shortened(TEXT);
        const SHORT: &str = match std::str::from_utf8(&BYTES) {
            Ok(text) => text,
            Err(_) => panic!("only comments hold more than ASCII"),
        };
        SHORT
    }};
}
pub(crate) use wgsl;

/// Length of the shortened text.
pub(crate) const fn shortened_len(text: &str) -> usize {
    shorten(text.as_bytes(), &mut [])
}

/// The shortened text.
pub(crate) const fn shortened<const N: usize>(text: &str) -> [u8; N] {
    let mut out = [0; N];
    shorten(text.as_bytes(), &mut out);
    out
}

/// Writes what is kept into `out`, as far as that reaches; returns how much is kept.
const fn shorten(text: &[u8], out: &mut [u8]) -> usize {
    let (mut from, mut to) = (0, 0);
    // Where the line starts, and where it ends if only blanks follow.
    let (mut start, mut end) = (0, 0);
    let mut in_comment = false;
    while from < text.len() {
        let byte = text[from];
        let is_blank = byte == b' ';
        let opens_comment = byte == b'/' && from + 1 < text.len() && text[from + 1] == b'/';
        in_comment = byte != b'\n' && (in_comment || opens_comment);
        from += 1;
        if in_comment || is_blank && to == start {
            continue;
        }
        if byte == b'\n' {
            to = end;
        }
        if to < out.len() {
            out[to] = byte;
        }
        to += 1;
        if byte == b'\n' {
            start = to;
        }
        if !is_blank {
            end = to;
        }
    }
    end
}

#[cfg(test)]
pub(crate) fn shortened_text(text: &str) -> String {
    let mut out = vec![0; shortened_len(text)];
    shorten(text.as_bytes(), &mut out);
    String::from_utf8(out).expect("only comments hold more than ASCII")
}

#[cfg(test)]
mod tests {
    use super::shortened_text;

    #[test]
    fn lines_stay_and_comments_go() {
        let text = "// Σ, said at length.\n\nfn f() {  // why\n    return a / b; \n}\n";
        assert_eq!(shortened_text(text), "\n\nfn f() {\nreturn a / b;\n}\n");
    }
}
