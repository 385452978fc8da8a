//! SentencePiece's precompiled normalisation table: a double-array trie and its replacements.
//!
//! The library walks the trie without looking where it steps, so that every step that any text
//! can take is taken here first. Layout: four bytes of trie length, the trie's 32-bit units,
//! replacements that end in NUL.

/// The longest replacement of one character; NFKC's longest has 33 bytes.
const MAX_REPLACEMENT: usize = 256;

/// Checks a table in base64; gives the length of its longest replacement.
pub(super) fn check(base64: &str) -> Result<usize, String> {
    let bytes = decoded(base64).ok_or("is not base64")?;
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or("is shorter than 4 bytes")?;
    let n_trie = u32::from_le_bytes(*length) as usize / 4 * 4;
    let (trie, replacements) =
        rest.split_at_checked(n_trie).ok_or_else(|| format!("has no {n_trie} bytes of trie"))?;
    let replacements = std::str::from_utf8(replacements).map_err(|_| "is not UTF-8")?;
    let units: Vec<u32> =
        trie.as_chunks::<4>().0.iter().map(|&unit| u32::from_le_bytes(unit)).collect();
    let root = *units.first().ok_or("has an empty trie")?;
    let mut longest = 0;
    let mut seen = vec![false; units.len()];
    let mut nodes = vec![offset(root)];
    while let Some(node) = nodes.pop() {
        // A text's next byte flips any of the low eight bits.
        if node | 0xff >= units.len() {
            return Err(format!("leads from {node} out of its trie of {} units", units.len()));
        }
        if std::mem::replace(&mut seen[node], true) {
            continue;
        }
        for byte in 1..=0xff_usize {
            let unit = units[node ^ byte];
            if label(unit) != byte as u32 {
                continue;
            }
            let child = node ^ byte ^ offset(unit);
            if has_leaf(unit) {
                let leaf = units.get(child).ok_or("leads to a leaf out of its trie")?;
                let start = (leaf & 0x7fff_ffff) as usize;
                let replacement = replacements
                    .get(start..)
                    .ok_or_else(|| format!("names a replacement at {start}, where none is"))?;
                let end = replacement.find('\0').unwrap_or(replacement.len());
                longest = longest.max(end);
            }
            nodes.push(child);
        }
    }
    if longest > MAX_REPLACEMENT {
        return Err(format!("has a replacement of {longest} bytes, above {MAX_REPLACEMENT}"));
    }
    Ok(longest)
}

fn has_leaf(unit: u32) -> bool {
    unit >> 8 & 1 == 1
}

fn label(unit: u32) -> u32 {
    unit & (1 << 31 | 0xff)
}

fn offset(unit: u32) -> usize {
    // At most 2^22 << 8: it fits 32 bits.
    ((unit >> 10) << ((unit & (1 << 9)) >> 6)) as usize
}

/// Standard base64 with its padding.
fn decoded(base64: &str) -> Option<Vec<u8>> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [None; 256];
    for (value, &digit) in (0u32..).zip(ALPHABET) {
        values[usize::from(digit)] = Some(value);
    }
    if !base64.len().is_multiple_of(4) {
        return None;
    }
    let digits = base64.trim_end_matches('=');
    if base64.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for chunk in digits.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for &digit in chunk {
            bits = bits << 6 | values[usize::from(digit)]?;
        }
        bits <<= 6 * (4 - chunk.len());
        bytes.extend_from_slice(&bits.to_be_bytes()[1..chunk.len()]);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read() {
        assert_eq!(decoded("aGVsbG8="), Some(b"hello".to_vec()));
        assert_eq!(decoded("aGVsbG8h"), Some(b"hello!".to_vec()));
        assert_eq!(decoded("aA=="), Some(b"h".to_vec()));
        assert_eq!(decoded(""), Some(vec![]));
        for bad in ["a", "aGV?", "====", "a===", "aGVsbG8"] {
            assert_eq!(decoded(bad), None, "{bad}");
        }
    }

    #[test]
    fn offsets_fit() {
        assert_eq!(offset(u32::MAX), ((1usize << 22) - 1) << 8);
        assert_eq!(offset(0x361 << 10 | 0x161), 0x361);
    }
}
