//! Tokens held against Python's tokenizers on thousands of texts, and the bad input of prompts
//! and tokenizer files that a real model meets. Needs the models: `cargo xtask models`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pollster::block_on;
use serde::Deserialize;
use tokenizers::PreTokenizerWrapper;
use tokenizers::tokenizer::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};
use vitrine_models::tokenize::{
    HubTokenizer, SpecialIds, Token, Tokenizer, tokenizer_json_from_gguf, visible, whole_graphemes,
};
use vitrine_models::weights::checkpoint::open_path;
use vitrine_models::weights::gguf::{GgufArray, GgufMetadata, GgufValue};

/// A row of tests/golden/tokenizer.jsonl.
#[derive(Deserialize)]
struct Golden {
    text: String,
    smollm2: Vec<u32>,
    smollm2_spans: u32,
    minilm: Vec<u32>,
    minilm_spans: u32,
    /// Of the patterns of Llama 3, Qwen 2 and BLOOM.
    cuts: [u32; 3],
}

fn goldens() -> Vec<Golden> {
    let rows = include_str!("golden/tokenizer.jsonl");
    let rows: Vec<Golden> =
        rows.lines().map(|row| serde_json::from_str(row).expect("a row of the goldens")).collect();
    assert!(rows.len() > 3000, "{} texts", rows.len());
    rows
}

fn model(path: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/models").join(path);
    assert!(path.exists(), "{} is missing: run cargo xtask models", path.display());
    path
}

fn smollm2() -> HubTokenizer {
    let path = model("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let checkpoint = block_on(open_path(&path)).unwrap();
    let metadata = checkpoint.gguf_metadata().unwrap();
    let json = tokenizer_json_from_gguf("SmolLM2", metadata).unwrap();
    HubTokenizer::from_json("SmolLM2", &json).unwrap()
}

fn minilm() -> HubTokenizer {
    let checkpoint = block_on(open_path(&model("all-minilm-l6-v2"))).unwrap();
    let json = block_on(checkpoint.tokenizer_file()).unwrap().unwrap();
    HubTokenizer::from_json("MiniLM", &json).unwrap()
}

/// FNV-1a over 32-bit words, as tests/golden/tokenizer.py has it.
fn fnv(numbers: impl IntoIterator<Item = usize>) -> u32 {
    numbers
        .into_iter()
        .fold(0x811c_9dc5, |state: u32, number| (state ^ number as u32).wrapping_mul(0x0100_0193))
}

/// Python counts characters, Rust bytes.
fn in_chars(text: &str, byte: usize) -> usize {
    text[..byte].chars().count()
}

/// The first rows that differ, and how many.
fn differences(
    tokenizer: &HubTokenizer,
    expected: impl Fn(&Golden) -> (&[u32], u32),
) -> (usize, Vec<String>) {
    let mut shown = Vec::new();
    let mut n_different = 0;
    for golden in goldens() {
        let tokens = tokenizer.encode(&golden.text, true).unwrap();
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        let spans = fnv(tokens.iter().flat_map(|token| {
            [in_chars(&golden.text, token.start), in_chars(&golden.text, token.end)]
        }));
        let (expected_ids, expected_spans) = expected(&golden);
        if ids != expected_ids || spans != expected_spans {
            n_different += 1;
            if shown.len() < 10 {
                shown.push(format!("{:?}: {ids:?}, Python {expected_ids:?}", golden.text));
            }
        }
    }
    (n_different, shown)
}

#[test]
fn smollm2_tokens_and_offsets_are_those_of_python() {
    let (n, shown) = differences(&smollm2(), |row| (&row.smollm2, row.smollm2_spans));
    assert_eq!(n, 0, "{}", shown.join("\n"));
}

#[test]
fn minilm_tokens_and_offsets_are_those_of_python() {
    let (n, shown) = differences(&minilm(), |row| (&row.minilm, row.minilm_spans));
    assert_eq!(n, 0, "{}", shown.join("\n"));
}

/// The comparison must notice a wrong id and a shifted offset.
#[test]
fn checker_fails() {
    let (n, _) = differences(&minilm(), |row| (&row.minilm, row.minilm_spans ^ 1));
    assert_eq!(n, goldens().len());
    let (n, _) = differences(&minilm(), |row| (&row.smollm2, row.minilm_spans));
    assert!(n > 3000, "{n}");
}

/// The pre-tokenizer that GGUF metadata of a given `tokenizer.ggml.pre` leads to.
fn pre_tokenizer(pre: &str) -> PreTokenizerWrapper {
    let mut metadata = GgufMetadata::default();
    let texts = |texts: &[&str]| {
        GgufValue::Array(GgufArray::String(texts.iter().map(|&text| text.into()).collect()))
    };
    for (key, value) in [
        ("model", GgufValue::String("gpt2".into())),
        ("pre", GgufValue::String(pre.into())),
        ("tokens", texts(&["a"])),
        ("merges", texts(&[])),
    ] {
        assert!(metadata.insert(format!("tokenizer.ggml.{key}"), value));
    }
    let json = tokenizer_json_from_gguf("m.gguf", &metadata).unwrap();
    let document: serde_json::Value = serde_json::from_str(&json).unwrap();
    // The pattern alone: the byte-level step after it cuts nothing.
    serde_json::from_value(document["pre_tokenizer"]["pretokenizers"][0].clone()).unwrap()
}

#[test]
fn published_patterns_cut_where_oniguruma_cuts() {
    for (pattern_idx, pre) in ["llama-bpe", "qwen2", "bloom"].into_iter().enumerate() {
        let pre_tokenizer = pre_tokenizer(pre);
        let mut different = Vec::new();
        for golden in goldens() {
            let mut text = PreTokenizedString::from(golden.text.as_str());
            pre_tokenizer.pre_tokenize(&mut text).unwrap();
            let splits = text.get_splits(OffsetReferential::Original, OffsetType::Char);
            let cuts = fnv(splits.iter().flat_map(|(_, (start, end), _)| [*start, *end]));
            if cuts != golden.cuts[pattern_idx] {
                different.push(golden.text);
            }
        }
        assert!(different.is_empty(), "{pre}: {} texts: {different:?}", different.len());
    }
}

/// What must hold for the tokens of any text.
fn check_tokens(tokenizer: &HubTokenizer, text: &str) -> Vec<Token> {
    let tokens = tokenizer.encode(text, true).unwrap();
    let graphemes = whole_graphemes(text, &tokens);
    for (token, (start, end)) in tokens.iter().zip(graphemes) {
        assert!((token.id as usize) < tokenizer.n_ids());
        assert!(token.start <= token.end && token.end <= text.len());
        assert!(text.is_char_boundary(token.start) && text.is_char_boundary(token.end));
        assert!(start <= token.start && token.end <= end || token.start == token.end);
        assert!(text.is_char_boundary(start) && text.is_char_boundary(end));
        assert!(tokenizer.token_text(token.id).is_some());
        assert!(tokenizer.token_bytes(token.id).is_some());
    }
    tokens
}

#[test]
fn prompts_of_every_kind() {
    for tokenizer in [smollm2(), minilm()] {
        for golden in goldens() {
            check_tokens(&tokenizer, &golden.text);
        }
        let long = "The quick brown fox jumps over 13 lazy dogs. ".repeat(24_000);
        assert!(long.len() > 1_000_000);
        let started = Instant::now();
        assert!(tokenizer.encode(&long, true).unwrap().len() > 200_000);
        // One word, so that nothing cuts it.
        assert!(!tokenizer.encode(&"x".repeat(1_000_000), true).unwrap().is_empty());
        assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
        let huge = " ".repeat((16 << 20) + 1);
        assert!(tokenizer.encode(&huge, true).unwrap_err().to_string().contains("16777216"));
    }
}

#[test]
fn bytes_of_the_tokens_make_the_text() {
    let tokenizer = smollm2();
    // Controls that no piece stands for are left out by the model's own vocabulary.
    let known =
        |byte: u8| !tokenizer.encode(&char::from(byte).to_string(), false).unwrap().is_empty();
    let missing: Vec<char> = (0..128u8).filter(|&byte| !known(byte)).map(char::from).collect();
    assert!(missing.len() < 10, "{missing:?}");
    let mut n_whole = 0;
    for golden in goldens() {
        let tokens = tokenizer.encode(&golden.text, false).unwrap();
        let bytes: Vec<u8> =
            tokens.iter().flat_map(|token| tokenizer.token_bytes(token.id).unwrap()).collect();
        if !golden.text.contains(missing.as_slice()) && bytes == golden.text.as_bytes() {
            n_whole += 1;
        }
        let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
        let decoded = tokenizer.decode(&ids, false).unwrap();
        assert_eq!(decoded, String::from_utf8_lossy(&bytes), "{:?}", golden.text);
    }
    assert!(n_whole > 2900, "{n_whole} texts came back whole");
    assert_eq!(visible(&tokenizer.token_bytes(253).unwrap()), "␣a");
}

#[test]
fn special_ids_of_the_models() {
    let path = model("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let checkpoint = block_on(open_path(&path)).unwrap();
    let tokenizer = smollm2();
    let metadata = checkpoint.gguf_metadata().unwrap();
    let special = SpecialIds::from_gguf("SmolLM2", metadata, tokenizer.n_ids()).unwrap();
    assert_eq!((special.bos, special.eos.as_slice(), special.pad), (Some(1), &[2u32][..], Some(2)));
    assert_eq!(tokenizer.n_ids(), 49_152);
    assert_eq!(checkpoint.entry("token_embd.weight").unwrap().shape, [49_152, 576]);
    assert!(tokenizer.is_special(2) && !tokenizer.is_special(17));

    let tokenizer = minilm();
    let tokens = tokenizer.encode("Hi", true).unwrap();
    let inserted: Vec<bool> = tokens.iter().map(|token| token.is_inserted).collect();
    assert_eq!(inserted, [true, false, true]);
    assert_eq!(tokenizer.encode("Hi", false).unwrap().len(), 1);
}
