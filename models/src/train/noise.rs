//! What is predicted of a text, and the noises that make sources of targets: BART's five (Lewis et
//! al. 2019, arXiv 1910.13461), T5's spans (Raffel et al. 2019, arXiv 1910.10683) with UL2's
//! mixtures R, S, X (Tay et al. 2022, arXiv 2205.05131), BERT's masks (Devlin et al. 2018).

use serde::{Deserialize, Serialize};

use super::random::{below, poisson, shuffle};
use super::vocabulary::Vocabulary;
use crate::sample::Random;

/// What is predicted of a text. Encoders predict masked tokens whatever is said here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    /// Each token from those before it (decoders).
    #[default]
    Next,
    /// The text; 15 % of its tokens are masks in the source.
    TokenMasking,
    /// The text; 15 % of its tokens are missing from the source.
    TokenDeletion,
    /// The text; spans of about three tokens, a third of all, are one mask each.
    TextInfilling,
    /// The text; its sentences come in another order.
    SentencePermutation,
    /// The text; it begins at another token.
    DocumentRotation,
    /// Short spans (3 tokens, 15 %), each behind its sentinel.
    SpansR,
    /// The second part of the text.
    SpansS,
    /// Long spans (12 tokens, half of the text).
    SpansX,
}

/// The tokens that noise puts in.
#[derive(Clone, Debug)]
pub struct Marks {
    /// The mask.
    pub mask: u32,
    /// Sentinels of spans.
    pub sentinels: Vec<u32>,
    /// Tokens after which a sentence ends.
    pub ends: Vec<u32>,
    /// Where tokens begin that are no special ones.
    pub first: u32,
    /// Where they end.
    pub d_vocab: u32,
}

impl Marks {
    /// Those of a vocabulary, where it has them.
    pub fn of(vocabulary: &Vocabulary) -> Option<Self> {
        let ends = [".", "!", "?", "\n"].iter().filter_map(|end| vocabulary.encode(end).ok());
        Some(Self {
            mask: vocabulary.mask?,
            sentinels: vocabulary.sentinels.clone(),
            ends: ends.filter(|ids| ids.len() == 1).flatten().collect(),
            first: vocabulary.sentinels.last().copied().unwrap_or(vocabulary.mask?) + 1,
            d_vocab: vocabulary.d_vocab as u32,
        })
    }
}

/// A source and its target from a text.
pub fn corrupted(
    objective: Objective,
    text: &[u32],
    marks: &Marks,
    random: &mut Random,
) -> (Vec<u32>, Vec<u32>) {
    let source = match objective {
        Objective::Next => text.to_vec(),
        Objective::TokenMasking => {
            let masked = |&id: &u32| if random.next_f32() < 0.15 { marks.mask } else { id };
            text.iter().map(masked).collect()
        }
        Objective::TokenDeletion => {
            text.iter().copied().filter(|_| random.next_f32() >= 0.15).collect()
        }
        Objective::TextInfilling => infilled(text, marks.mask, random),
        Objective::SentencePermutation => {
            let mut sentences: Vec<&[u32]> =
                text.split_inclusive(|id| marks.ends.contains(id)).collect();
            shuffle(random, &mut sentences);
            sentences.concat()
        }
        Objective::DocumentRotation => {
            let mut rotated = text.to_vec();
            rotated.rotate_left(below(random, text.len()));
            rotated
        }
        Objective::SpansR => return spans(text, 0.15, 3, &marks.sentinels, random),
        Objective::SpansX => return spans(text, 0.5, 12, &marks.sentinels, random),
        Objective::SpansS => {
            let at = 1 + below(random, text.len().saturating_sub(1));
            let sentinel = marks.sentinels.first().copied().unwrap_or(marks.mask);
            let source = [&text[..at.min(text.len())], &[sentinel]].concat();
            return (source, [&[sentinel], &text[at.min(text.len())..]].concat());
        }
    };
    (source, text.to_vec())
}

/// BERT's masks over a text: what the encoder reads, and which tokens it must tell (others `None`).
/// Of 15 % of the tokens, 8 in 10 are masks, 1 in 10 is another token, 1 in 10 is left.
pub fn masked(text: &[u32], marks: &Marks, random: &mut Random) -> (Vec<u32>, Vec<Option<u32>>) {
    let mut read = text.to_vec();
    let mut told = vec![None; text.len()];
    let n_masked = (text.len() as f32 * 0.15).round().max(1.0) as usize;
    let mut places: Vec<usize> = (0..text.len()).collect();
    shuffle(random, &mut places);
    for &at in places.iter().take(n_masked) {
        told[at] = Some(text[at]);
        let draw = random.next_f32();
        if draw < 0.8 {
            read[at] = marks.mask;
        } else if draw < 0.9 {
            read[at] = marks.first + below(random, (marks.d_vocab - marks.first) as usize) as u32;
        }
    }
    (read, told)
}

/// Spans of Poisson(3) tokens become one mask each, until 30 % are covered; one of 0 tokens puts a mask
/// in.
fn infilled(text: &[u32], mask: u32, random: &mut Random) -> Vec<u32> {
    let mut left = (text.len() as f32 * 0.3).round() as usize;
    // Whether a token is covered, and whether a span begins before it.
    let mut covered = vec![false; text.len()];
    let mut begins = vec![false; text.len() + 1];
    let mut n_tries = 0;
    while left > 0 && n_tries < 4 * text.len() {
        n_tries += 1;
        let length = poisson(random, 3.0).min(left);
        let at = below(random, text.len() - length + 1);
        let touches =
            covered[at.saturating_sub(1)..(at + length + 1).min(text.len())].contains(&true);
        if touches || begins[at] {
            continue;
        }
        covered[at..at + length].fill(true);
        begins[at] = true;
        left -= length.max(1).min(left);
    }
    let mut source = Vec::with_capacity(text.len());
    for at in 0..=text.len() {
        if begins[at] {
            source.push(mask);
        }
        if at < text.len() && !covered[at] {
            source.push(text[at]);
        }
    }
    source
}

/// Spans of about `length` tokens that make `share` of the text, behind sentinels in source and target.
fn spans(
    text: &[u32],
    share: f32,
    length: usize,
    sentinels: &[u32],
    random: &mut Random,
) -> (Vec<u32>, Vec<u32>) {
    let n_noise = ((text.len() as f32 * share).round() as usize).clamp(1, text.len().max(2) - 1);
    let n_spans = (n_noise as f32 / length as f32).round().max(1.0) as usize;
    let n_spans = n_spans.min(sentinels.len()).min(n_noise).min(text.len() - n_noise).max(1);
    let noise = parts(n_noise, n_spans, random);
    let plain = parts(text.len() - n_noise, n_spans, random);
    let (mut source, mut target, mut at) = (Vec::new(), Vec::new(), 0);
    for ((n_plain, n_noise), &sentinel) in plain.into_iter().zip(noise).zip(sentinels) {
        source.extend_from_slice(&text[at..at + n_plain]);
        source.push(sentinel);
        target.push(sentinel);
        target.extend_from_slice(&text[at + n_plain..at + n_plain + n_noise]);
        at += n_plain + n_noise;
    }
    source.extend_from_slice(&text[at..]);
    (source, target)
}

/// `n` as a sum of `n_parts` numbers above 0, each sum as likely as any other.
fn parts(n: usize, n_parts: usize, random: &mut Random) -> Vec<usize> {
    let mut is_cut: Vec<bool> = (1..n.max(1)).map(|at| at < n_parts).collect();
    shuffle(random, &mut is_cut);
    let mut parts = vec![1.min(n)];
    for is_cut in is_cut {
        match parts.last_mut() {
            Some(last) if !is_cut => *last += 1,
            _ => parts.push(1),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::random::{Purpose, stream};
    use super::*;

    fn marks() -> Marks {
        Marks { mask: 3, sentinels: (4..20).collect(), ends: vec![20], first: 20, d_vocab: 80 }
    }

    fn text() -> Vec<u32> {
        (0..60).map(|at| if at % 10 == 9 { 20 } else { 21 + at }).collect()
    }

    fn count(ids: &[u32], wanted: u32) -> usize {
        ids.iter().filter(|&&id| id == wanted).count()
    }

    fn sorted(mut ids: Vec<u32>) -> Vec<u32> {
        ids.sort_unstable();
        ids
    }

    #[test]
    fn each_noise_does_what_it_says() {
        let text = text();
        let mut random = stream(1, Purpose::Batch, 0);
        let mut noise = |objective| corrupted(objective, &text, &marks(), &mut random);
        let (source, target) = noise(Objective::TokenMasking);
        assert_eq!((source.len(), &target), (60, &text));
        assert!((2..20).contains(&count(&source, 3)));
        let (source, target) = noise(Objective::TokenDeletion);
        assert!((40..60).contains(&source.len()) && target == text);
        let (source, target) = noise(Objective::TextInfilling);
        assert!(count(&source, 3) >= 3 && source.len() < 56 && target == text, "{source:?}");
        let (source, target) = noise(Objective::SentencePermutation);
        assert!(source != text && target == text && sorted(source) == sorted(text.clone()));
        let (source, target) = noise(Objective::DocumentRotation);
        assert!(source != text && target == text && sorted(source) == sorted(text.clone()));
    }

    #[test]
    fn spans_and_their_target_make_the_text() {
        let text = text();
        for objective in [Objective::SpansR, Objective::SpansS, Objective::SpansX] {
            for seed in 0..20 {
                let mut random = stream(seed, Purpose::Batch, 0);
                let (source, target) = corrupted(objective, &text, &marks(), &mut random);
                let is_sentinel = |id: &u32| (4..20).contains(id);
                let mut rest = target.split(is_sentinel).skip(1);
                let mut whole = Vec::new();
                for id in &source {
                    match is_sentinel(id) {
                        true => whole.extend_from_slice(rest.next().expect("a span")),
                        false => whole.push(*id),
                    }
                }
                assert_eq!(whole, text, "{objective:?}");
                let n_noise = target.iter().filter(|id| !is_sentinel(id)).count();
                match objective {
                    Objective::SpansR => assert_eq!(n_noise, 9),
                    Objective::SpansX => assert_eq!(n_noise, 30),
                    _ => assert!((1..60).contains(&n_noise)),
                }
            }
        }
    }

    #[test]
    fn masks_are_told() {
        let text = text();
        let (read, told) = masked(&text, &marks(), &mut stream(1, Purpose::Batch, 0));
        assert_eq!(told.iter().flatten().count(), 9);
        for ((read, told), text) in read.iter().zip(&told).zip(&text) {
            match told {
                Some(told) => assert_eq!(told, text),
                None => assert_eq!(read, text),
            }
        }
        assert!(count(&read, 3) >= 4);
    }
}
