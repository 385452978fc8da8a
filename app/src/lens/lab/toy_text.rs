//! A small text to train on where the visitor has none at hand: sentences of a little grammar, drawn
//! with a seed, so that it needs no download. Spelling, words, agreement in number and the end of
//! a sentence are there to be learned, in this order.

const MANY: &[&str] = &["the foxes", "two kings", "the old women", "seven ravens", "the millers"];
const ONE: &[&str] = &[
    "the fox",
    "a king",
    "the old woman",
    "his daughter",
    "the raven",
    "a poor miller",
    "the wolf",
    "the youngest brother",
];
const DOES: &[(&str, &str)] = &[
    ("sees", "see"),
    ("follows", "follow"),
    ("asks", "ask"),
    ("finds", "find"),
    ("carries", "carry"),
    ("fears", "fear"),
];
const PLACES: &[&str] =
    &["in the forest", "by the well", "behind the mountain", "at the gate", "under the tree"];
const TIMES: &[&str] = &["One day", "At night", "In winter", "Then", "Once more", "Early"];

/// So many paragraphs of the text.
pub fn text(n_paragraphs: usize) -> String {
    let mut draws = Draws(0x9e37_79b9);
    let mut out = String::new();
    for _ in 0..n_paragraphs {
        let n_sentences = 3 + draws.below(4);
        for at in 0..n_sentences {
            if at > 0 {
                out.push(' ');
            }
            sentence(&mut draws, &mut out);
        }
        out.push_str("\n\n");
    }
    out
}

fn sentence(draws: &mut Draws, out: &mut String) {
    let start = out.len();
    let has_time = draws.below(3) == 0;
    if has_time {
        out.push_str(draws.one(TIMES));
        out.push(' ');
    }
    let is_many = draws.below(3) == 0;
    out.push_str(draws.one(if is_many { MANY } else { ONE }));
    let (one, many) = DOES[draws.below(DOES.len())];
    for word in [if is_many { many } else { one }, draws.one(ONE)] {
        out.push(' ');
        out.push_str(word);
    }
    if draws.below(2) == 0 {
        out.push(' ');
        out.push_str(draws.one(PLACES));
    }
    out.push('.');
    // The first letter of a sentence is one byte.
    out[start..=start].make_ascii_uppercase();
}

/// Numbers by Marsaglia's xorshift (2003).
struct Draws(u32);

impl Draws {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        ((u64::from(self.0) * n as u64) >> 32) as usize
    }

    fn one(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_agree_and_end() {
        let text = text(50);
        assert_eq!(text.matches("\n\n").count(), 50);
        assert!(text.is_ascii() && text.starts_with(|c: char| c.is_ascii_uppercase()));
        for sentence in text.split_terminator(['.', '\n']).map(str::trim) {
            for (subject, verb) in [("foxes", "sees"), ("kings", "finds"), ("miller", "ask ")] {
                let wrong = format!("{subject} {verb}");
                assert!(!sentence.contains(&wrong), "{sentence}");
            }
        }
        let letters: std::collections::BTreeSet<char> = text.chars().collect();
        assert!(letters.len() > 25, "{letters:?}");
    }
}
