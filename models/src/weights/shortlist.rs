//! Lexical shortlists: which words of the target language can come up for the words of a source.
//!
//! Marian's binary form (`BinaryShortlistGenerator` in `src/data/shortlist.h` of
//! <https://github.com/browsermt/marian-dev>): six numbers of 64 bits (magic, checksum, how many of
//! the most frequent words are always in, how many a word brings, the lengths of the two tables), the
//! table of where each source word's list begins, the lists of target words.

use crate::error::ModelError;

/// What a file begins with.
const MAGIC: u64 = 0xF11A_48D5_0134_17F5;
/// The longest file taken.
pub const MAX_SHORTLIST: u64 = 64 << 20;
/// The largest vocabulary taken.
const MAX_VOCAB: u64 = 1 << 24;
/// Bytes before the tables.
const HEAD_BYTES: u64 = 48;
/// How many words a translation chooses from is a multiple of this.
const MULTIPLE: usize = 8;

/// A shortlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortlist {
    /// This many of the first words of the target vocabulary are always in.
    n_frequent: usize,
    /// Where each source word's list begins; one more than there are words.
    starts: Vec<u32>,
    /// The lists of target words, one after another.
    words: Vec<u32>,
}

impl Shortlist {
    /// Parses a file.
    ///
    /// # Errors
    /// If it is none, is cut short, or its lists do not follow one another.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, ModelError> {
        let malformed = |field: &str, problem: String| ModelError::malformed(file, field, problem);
        let word = |idx: usize| {
            let word = bytes.get(idx * 8..idx * 8 + 8).and_then(|word| word.try_into().ok());
            word.map(u64::from_le_bytes).ok_or_else(|| ModelError::Truncated {
                file: file.to_owned(),
                what: "the header".to_owned(),
                needed: HEAD_BYTES,
                available: bytes.len() as u64,
            })
        };
        if word(0)? != MAGIC {
            return Err(malformed("magic", format!("is {:#x}; this is no shortlist", word(0)?)));
        }
        let (n_frequent, n_starts, n_words) = (word(2)?, word(4)?, word(5)?);
        for (field, value) in [("frequent words", n_frequent), ("source words", n_starts)] {
            if value > MAX_VOCAB {
                let (file, field) = (file.to_owned(), field.to_owned());
                return Err(ModelError::Limit { file, field, value, limit: MAX_VOCAB });
            }
        }
        let starts_end = HEAD_BYTES + n_starts * 8;
        let needed = n_words.checked_mul(4).and_then(|n_bytes| n_bytes.checked_add(starts_end));
        if needed != Some(bytes.len() as u64) {
            let problem =
                format!("{n_starts} words and {n_words} entries do not make {} bytes", bytes.len());
            return Err(malformed("lengths", problem));
        }
        let (starts, words) = bytes[HEAD_BYTES as usize..].split_at((n_starts * 8) as usize);
        let starts: Vec<u64> =
            starts.as_chunks::<8>().0.iter().copied().map(u64::from_le_bytes).collect();
        let words: Vec<u32> =
            words.as_chunks::<4>().0.iter().copied().map(u32::from_le_bytes).collect();
        if starts.last().is_none_or(|&end| end > n_words) || !starts.is_sorted() {
            let problem = "do not follow one another within the entries".to_owned();
            return Err(malformed("lists", problem));
        }
        if let Some(word) = words.iter().find(|&&word| u64::from(word) >= MAX_VOCAB) {
            return Err(malformed("lists", format!("hold the word {word}")));
        }
        let starts = starts.into_iter().map(|start| start as u32).collect();
        Ok(Self { n_frequent: n_frequent as usize, starts, words })
    }

    /// The target words that a translation of `source` chooses from, in order: the frequent ones,
    /// those of each source word, and as many more as make a multiple of eight.
    #[must_use]
    pub fn candidates(&self, source: &[u32], d_vocab: usize) -> Vec<u32> {
        let mut is_in = vec![false; d_vocab];
        is_in[..self.n_frequent.min(d_vocab)].fill(true);
        for &word in source {
            let list =
                self.starts.get(word as usize..).and_then(|starts| starts.first_chunk::<2>());
            for &target in
                list.map_or(&[][..], |&[start, end]| &self.words[start as usize..end as usize])
            {
                if let Some(is_in) = is_in.get_mut(target as usize) {
                    *is_in = true;
                }
            }
        }
        let n_in = is_in.iter().filter(|&&is_in| is_in).count();
        let mut n_missing = n_in.next_multiple_of(MULTIPLE) - n_in;
        for is_in in is_in.iter_mut().skip(self.n_frequent) {
            if n_missing > 0 && !*is_in {
                *is_in = true;
                n_missing -= 1;
            }
        }
        (0..d_vocab as u32).filter(|&word| is_in[word as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(head: [u64; 6], starts: &[u64], words: &[u32]) -> Vec<u8> {
        let mut bytes: Vec<u8> = head.iter().chain(starts).flat_map(|n| n.to_le_bytes()).collect();
        bytes.extend(words.iter().flat_map(|n| n.to_le_bytes()));
        bytes
    }

    fn parse(bytes: &[u8]) -> Result<Shortlist, String> {
        Shortlist::parse("lex.bin", bytes).map_err(|err| err.to_string())
    }

    #[test]
    fn frequent_words_lists_and_filling() {
        let bytes = file([MAGIC, 0, 2, 50, 4, 3], &[0, 2, 2, 3], &[9, 30, 4]);
        let shortlist = parse(&bytes).unwrap();
        assert_eq!(shortlist.candidates(&[0, 2], 40), [0, 1, 2, 3, 4, 5, 9, 30]);
        // Words without a list, or beyond the target vocabulary, bring nothing.
        assert_eq!(shortlist.candidates(&[1, 3, 7, u32::MAX], 40), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(shortlist.candidates(&[0], 3), [0, 1, 2]);
    }

    #[test]
    fn damaged_files_are_refused() {
        assert!(parse(b"").unwrap_err().contains("cut short"));
        for (head, starts, words) in [
            ([1, 0, 2, 50, 1, 0], &[0][..], &[][..]),
            ([MAGIC, 0, 1 << 40, 50, 1, 0], &[0], &[]),
            ([MAGIC, 0, 2, 50, 1 << 60, 0], &[0], &[]),
            ([MAGIC, 0, 2, 50, 1, 1 << 62], &[0], &[]),
            ([MAGIC, 0, 2, 50, 1, 1], &[0], &[]),
            ([MAGIC, 0, 2, 50, 0, 0], &[], &[]),
            ([MAGIC, 0, 2, 50, 2, 1], &[1, 0], &[5]),
            ([MAGIC, 0, 2, 50, 2, 1], &[0, 2], &[5]),
            ([MAGIC, 0, 2, 50, 2, 1], &[0, 1], &[u32::MAX]),
        ] {
            assert!(parse(&file(head, starts, words)).is_err(), "{head:?} {starts:?} {words:?}");
        }
    }
}
