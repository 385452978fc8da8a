//! Texts and numbers in a URL: what is hostile is capped or is no number.

use super::MAX_TEXT_BYTES;
use crate::format;

pub(super) fn capped(text: &str) -> String {
    let mut end = text.len().min(MAX_TEXT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

pub(super) fn number<T: TryFrom<u32>>(text: &str, min: u32, max: u32) -> Option<T> {
    let value: u32 = text.parse().ok()?;
    if (min..=max).contains(&value) { T::try_from(value).ok() } else { None }
}

pub(super) fn fraction(text: &str, min: f32, max: f32) -> Option<f32> {
    let value = format::number(text)? as f32;
    (min..=max).contains(&value).then_some(value)
}

pub(super) fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z'
            | b'A'..=b'Z'
            | b'0'..=b'9'
            | b'-'
            | b'_'
            | b'.'
            | b'~'
            | b'/'
            | b'@'
            | b':' => out.push(byte.into()),
            b' ' => out.push('+'),
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                out.push('%');
                out.push(DIGITS[usize::from(byte >> 4)].into());
                out.push(DIGITS[usize::from(byte & 15)].into());
            }
        }
    }
}

pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let digit = |idx: usize| bytes.get(idx).and_then(|b| char::from(*b).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut idx = 0;
    while idx < bytes.len() {
        match (bytes[idx], digit(idx + 1), digit(idx + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                idx += 3;
            }
            (b'+', ..) => {
                out.push(b' ');
                idx += 1;
            }
            (byte, ..) => {
                out.push(byte);
                idx += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
