//! Tokenizers from metadata made by hand.

use super::*;
use crate::tokenize::validate;

/// Metadata from pairs.
fn metadata(pairs: Vec<(&str, GgufValue)>) -> GgufMetadata {
    let mut metadata = GgufMetadata::default();
    for (key, value) in pairs {
        assert!(metadata.insert(format!("tokenizer.ggml.{key}"), value), "{key}");
    }
    metadata
}

fn text(text: &str) -> GgufValue {
    GgufValue::String(text.to_owned())
}

fn texts(texts: &[&str]) -> GgufValue {
    GgufValue::Array(GgufArray::String(texts.iter().map(|&text| text.to_owned()).collect()))
}

fn types(types: &[i32]) -> GgufValue {
    GgufValue::Array(GgufArray::I32(types.to_vec()))
}

fn bpe() -> Vec<(&'static str, GgufValue)> {
    vec![
        ("model", text("gpt2")),
        ("pre", text("smollm")),
        ("tokens", texts(&["<|end|>", "a", "b", "Ġ", "ab", "Ġa", "1", "2"])),
        ("token_type", types(&[3, 1, 1, 1, 1, 1, 1, 1])),
        ("merges", texts(&["a b", "Ġ a"])),
        ("eos_token_id", GgufValue::U32(0)),
    ]
}

fn refused(pairs: Vec<(&str, GgufValue)>, words: &[&str]) {
    let message = tokenizer_json_from_gguf("m.gguf", &metadata(pairs)).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

fn replaced(
    mut pairs: Vec<(&'static str, GgufValue)>,
    key: &str,
    value: GgufValue,
) -> Vec<(&'static str, GgufValue)> {
    pairs.iter_mut().filter(|(name, _)| *name == key).for_each(|pair| pair.1 = value.clone());
    pairs
}

fn without(pairs: Vec<(&'static str, GgufValue)>, key: &str) -> Vec<(&'static str, GgufValue)> {
    pairs.into_iter().filter(|(name, _)| *name != key).collect()
}

#[test]
fn what_is_made_passes_the_checks() {
    for (pre, _) in PRE_TOKENIZERS.iter().map(|pre| (pre.name, ())) {
        let pairs = replaced(bpe(), "pre", text(pre));
        let json = tokenizer_json_from_gguf("m.gguf", &metadata(pairs)).unwrap();
        assert_eq!(validate::check("m.gguf", &json).unwrap().n_ids, 8, "{pre}");
    }
}

#[test]
fn arrays_of_the_wrong_type_or_length() {
    refused(without(bpe(), "model"), &["tokenizer.ggml.model", "missing"]);
    refused(replaced(bpe(), "model", text("rwkv")), &["\"rwkv\"", "gpt2, llama, bert"]);
    refused(without(bpe(), "pre"), &["tokenizer.ggml.pre", "missing", "smollm"]);
    refused(replaced(bpe(), "pre", text("new-one")), &["\"new-one\"", "smollm"]);
    refused(without(bpe(), "tokens"), &["tokenizer.ggml.tokens", "missing"]);
    refused(replaced(bpe(), "tokens", types(&[1])), &["tokens", "1 × i32"]);
    refused(replaced(bpe(), "token_type", types(&[1])), &["token_type", "1 entries for 8"]);
    refused(replaced(bpe(), "token_type", texts(&["a"])), &["token_type", "1 × string"]);
    refused(replaced(bpe(), "merges", texts(&["ab"])), &["merges", "entry 0", "\"ab\""]);
    refused(without(bpe(), "merges"), &["merges", "missing"]);
    refused(replaced(bpe(), "eos_token_id", GgufValue::U32(8)), &["eos_token_id", "is 8"]);
    let twice = texts(&["a", "a", "b", "c", "d", "e", "f", "g"]);
    refused(replaced(bpe(), "tokens", twice), &["\"a\" at 0 and at 1"]);
}

fn bert() -> Vec<(&'static str, GgufValue)> {
    vec![
        ("model", text("bert")),
        ("tokens", texts(&["[PAD]", "[UNK]", "[CLS]", "[SEP]", "▁play", "ing", "▁."])),
        ("token_type", types(&[3, 2, 3, 3, 1, 1, 1])),
        ("seperator_token_id", GgufValue::U32(3)),
        ("unknown_token_id", GgufValue::U32(1)),
    ]
}

fn llama() -> Vec<(&'static str, GgufValue)> {
    let scores = vec![0.0, 0.0, 0.0, -1.0, -2.0, -3.0, -4.0, -5.0, 0.0];
    vec![
        ("model", text("llama")),
        ("tokens", texts(&["<unk>", "<s>", "</s>", "ab", "▁a", "▁", "a", "b", "<0x0A>"])),
        ("token_type", types(&[2, 3, 3, 1, 1, 1, 1, 1, 6])),
        ("scores", GgufValue::Array(GgufArray::F32(scores))),
        ("bos_token_id", GgufValue::U32(1)),
        ("unknown_token_id", GgufValue::U32(0)),
    ]
}

#[test]
fn scores_are_checked() {
    let scores = |scores: Vec<f32>| GgufValue::Array(GgufArray::F32(scores));
    refused(without(llama(), "scores"), &["scores", "missing"]);
    refused(replaced(llama(), "scores", scores(vec![0.0; 3])), &["3 entries for 9"]);
    refused(replaced(llama(), "scores", scores(vec![f32::NAN; 9])), &["entry 0 is NaN"]);
}

#[cfg(feature = "tokenize")]
mod working {
    use super::*;
    use crate::tokenize::{HubTokenizer, Tokenizer};

    fn tokenizer(pairs: Vec<(&str, GgufValue)>) -> HubTokenizer {
        let json = tokenizer_json_from_gguf("m.gguf", &metadata(pairs)).unwrap();
        HubTokenizer::from_json("m.gguf", &json).unwrap()
    }

    fn ids(tokenizer: &HubTokenizer, text: &str) -> Vec<u32> {
        tokenizer.encode(text, true).unwrap().iter().map(|token| token.id).collect()
    }

    #[test]
    fn byte_level() {
        let tokenizer = tokenizer(bpe());
        assert_eq!(ids(&tokenizer, "ab a<|end|>12"), [4, 5, 0, 6, 7]);
        assert_eq!(tokenizer.token_bytes(5).unwrap(), b" a");
        assert!(tokenizer.is_special(0) && !tokenizer.is_special(4));
        assert_eq!(tokenizer.decode(&[4, 5], false).unwrap(), "ab a");
    }

    #[test]
    fn word_piece() {
        let tokenizer = tokenizer(bert());
        assert_eq!(ids(&tokenizer, "Playing."), [2, 4, 5, 6, 3]);
        assert_eq!(ids(&tokenizer, "xyz"), [2, 1, 3]);
        assert_eq!(tokenizer.token_bytes(5).unwrap(), b"ing");
        let spans: Vec<(usize, usize, bool)> = tokenizer
            .encode("Playing.", true)
            .unwrap()
            .iter()
            .map(|token| (token.start, token.end, token.is_inserted))
            .collect();
        assert_eq!(spans[1..4], [(0, 4, false), (4, 7, false), (7, 8, false)]);
        assert!(spans[0].2 && spans[4].2);
    }

    #[test]
    fn sentence_piece_joins_the_best_score_first() {
        let tokenizer = tokenizer(llama());
        // "▁ab": joining "ab" (-1) goes before joining "▁a" (-2).
        assert_eq!(ids(&tokenizer, "ab"), [1, 5, 3]);
        assert_eq!(ids(&tokenizer, "a\n"), [1, 4, 8]);
        assert_eq!(tokenizer.token_bytes(8).unwrap(), b"\n");
        assert_eq!(tokenizer.token_bytes(4).unwrap(), b" a");
        assert_eq!(tokenizer.decode(&[1, 4, 5, 3], true).unwrap(), "a ab");
    }

    /// SentencePiece's own rule, naively: join the neighbours whose piece scores highest.
    fn joined(text: &str, scores: &HashMap<String, f32>) -> Vec<String> {
        let mut parts: Vec<String> = text.chars().map(String::from).collect();
        loop {
            let best = (1..parts.len())
                .filter_map(|i| {
                    let piece = format!("{}{}", parts[i - 1], parts[i]);
                    scores.get(&piece).map(|score| (*score, std::cmp::Reverse(i)))
                })
                .max_by(|a, b| a.partial_cmp(b).unwrap());
            let Some((_, std::cmp::Reverse(i))) = best else { return parts };
            let right = parts.remove(i);
            parts[i - 1].push_str(&right);
        }
    }

    proptest::proptest! {
        #[test]
        fn merges_from_scores_do_what_sentence_piece_does(
            pieces in proptest::collection::hash_set("[abc]{2,4}", 1..12),
            text in "[abc]{1,12}",
        ) {
            let mut tokens: Vec<String> =
                ["<unk>", "a", "b", "c"].map(str::to_owned).to_vec();
            tokens.extend(pieces);
            let scores: Vec<f32> = (0..tokens.len()).map(|i| -(i as f32)).collect();
            let by_piece: HashMap<String, f32> =
                tokens.iter().cloned().zip(scores.iter().copied()).collect();
            let kinds = vec![1; tokens.len()];
            let pairs = vec![
                ("model", super::text("llama")),
                ("tokens", GgufValue::Array(GgufArray::String(tokens.clone()))),
                ("token_type", types(&kinds)),
                ("scores", GgufValue::Array(GgufArray::F32(scores))),
                ("add_space_prefix", GgufValue::Bool(false)),
                ("add_bos_token", GgufValue::Bool(false)),
                ("unknown_token_id", GgufValue::U32(0)),
            ];
            let found: Vec<String> = ids(&tokenizer(pairs), &text)
                .iter()
                .map(|&id| tokens[id as usize].clone())
                .collect();
            proptest::prop_assert_eq!(found, joined(&text, &by_piece));
        }
    }
}
