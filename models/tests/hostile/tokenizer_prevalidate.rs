//! tokenizer.json documents with settings that the library stumbles over: what passes the checks
//! must load or be refused, and encode and decode without a panic.

use crate::dice::Dice;
use serde_json::{Value, json};
use vitrine_models::tokenize::validate;

/// Texts that reach merges, unknown characters, added tokens and empty parts.
#[cfg(feature = "tokenize")]
const TEXTS: [&str; 8] =
    ["", " ", "abc ab  c", "<x>a<x>", "é日👩‍👧\u{0}", "aaaaaaaaab", "12 3,4\n", "\u{202e}▁Ġ##"];

/// Builds a document from `data`; true where it passed the checks.
pub fn check(data: &[u8]) -> bool {
    let mut dice = Dice::new(data);
    let mut text = generate(&mut dice).to_string().into_bytes();
    if dice.below(8) == 0 {
        dice.damage(&mut text);
    }
    let Ok(text) = String::from_utf8(text) else { return false };
    let Ok(checked) = validate::check("tokenizer.json", &text) else { return false };
    #[cfg(feature = "tokenize")]
    run(&text, checked.n_ids);
    #[cfg(not(feature = "tokenize"))]
    assert!(checked.n_ids <= 1 << 24);
    true
}

#[cfg(feature = "tokenize")]
fn run(text: &str, n_ids: usize) {
    use vitrine_models::tokenize::{HubTokenizer, Tokenizer, whole_graphemes};
    // Chains of normalizers are the one place where the library is known to lose count.
    let has_chain = text.contains("\"normalizers\"");
    let no_panic = |err: vitrine_models::ModelError| {
        assert!(has_chain || !err.to_string().contains("panicked"), "{err}\n{text}");
    };
    let tokenizer = match HubTokenizer::from_json("tokenizer.json", text) {
        Ok(tokenizer) => tokenizer,
        Err(err) => return no_panic(err),
    };
    let mut ids: Vec<u32> = (0..n_ids.min(40) as u32).collect();
    for text in TEXTS {
        for add_special in [false, true] {
            match tokenizer.encode(text, add_special) {
                Err(err) => no_panic(err),
                Ok(tokens) => {
                    assert_eq!(whole_graphemes(text, &tokens).len(), tokens.len());
                    for token in &tokens {
                        assert!((token.id as usize) < n_ids, "{} of {n_ids}", token.id);
                        assert!(text.is_char_boundary(token.start));
                        assert!(text.is_char_boundary(token.end));
                    }
                    ids.extend(tokens.iter().map(|token| token.id));
                }
            }
        }
    }
    for id in [0, 1, 7, 1 << 20, u32::MAX] {
        let bytes = tokenizer.token_bytes(id);
        assert_eq!(bytes.is_some(), tokenizer.token_text(id).is_some());
    }
    for ids in [&ids[..], &ids[..1], &[]] {
        for skip_special in [false, true] {
            let _ = tokenizer.decode(ids, skip_special).map_err(no_panic);
        }
    }
}

fn generate(dice: &mut Dice<'_>) -> Value {
    let pieces = ["a", "b", "c", "ab", "abc", "##b", "Ġ", "▁", "<0x0A>", "é", "[UNK]", " "];
    let n_pieces = 3 + dice.below(pieces.len() - 2);
    let mut vocab = serde_json::Map::new();
    for (id, piece) in pieces.iter().take(n_pieces).enumerate() {
        let id = if dice.below(50) == 0 { dice.nasty() } else { id as u64 };
        vocab.insert((*piece).to_owned(), id.into());
    }
    let model = model(dice, &vocab, &pieces);
    let added: Vec<Value> = (0..dice.below(3))
        .map(|i| {
            let content = dice.pick(&["<x>", "a", "<b>\u{202e}", "", "<x>"]);
            let known = vocab.get(content).and_then(Value::as_u64);
            let id = known.unwrap_or((n_pieces + i) as u64);
            let id = if dice.below(20) == 0 { dice.nasty() } else { id };
            json!({"id": id, "content": content, "single_word": dice.below(2) == 0,
                   "lstrip": dice.below(2) == 0, "rstrip": dice.below(2) == 0,
                   "normalized": dice.below(2) == 0, "special": dice.below(2) == 0})
        })
        .collect();
    json!({
        "version": "1.0",
        "truncation": optional(dice, |dice| json!({
            "max_length": small_or_nasty(dice), "strategy": "LongestFirst", "direction": "Right",
            "stride": small_or_nasty(dice)})),
        "padding": optional(dice, |dice| json!({
            "strategy": {"Fixed": small_or_nasty(dice)}, "direction": "Right",
            "pad_to_multiple_of": null, "pad_id": 0, "pad_type_id": 0, "pad_token": "a"})),
        "added_tokens": added,
        "normalizer": optional(dice, |dice| component(dice, "normalizers", normalizer)),
        "pre_tokenizer": optional(dice, |dice| component(dice, "pretokenizers", pre_tokenizer)),
        "post_processor": optional(dice, |dice| component(dice, "processors", post_processor)),
        "decoder": optional(dice, |dice| component(dice, "decoders", decoder)),
        "model": model,
    })
}

fn model(dice: &mut Dice<'_>, vocab: &serde_json::Map<String, Value>, pieces: &[&str]) -> Value {
    match dice.below(5) {
        0 => json!({"type": "WordPiece", "vocab": vocab, "unk_token": dice.pick(&["a", "zz"]),
                    "continuing_subword_prefix": dice.pick(&["##", ""]),
                    "max_input_chars_per_word": small_or_nasty(dice)}),
        1 => json!({"type": "WordLevel", "vocab": vocab, "unk_token": dice.pick(&["a", "zz"])}),
        2 => {
            let entries: Vec<Value> = vocab
                .keys()
                .map(|piece| {
                    let empty = dice.below(40) == 0;
                    let score = dice.pick(&[-1.0, -2.5, 0.0, 1e300]);
                    json!([if empty { "" } else { piece.as_str() }, score])
                })
                .collect();
            json!({"type": "Unigram", "vocab": entries, "byte_fallback": dice.below(2) == 0,
                   "unk_id": dice.pick(&[Some(0), Some(0), Some(1), Some(99), None])})
        }
        _ => {
            let merges: Vec<Value> = (0..dice.below(4))
                .map(|_| {
                    if dice.below(6) == 0 {
                        json!([dice.pick(pieces), dice.pick(pieces)])
                    } else {
                        dice.pick(&[["a", "b"], ["ab", "c"]]).into()
                    }
                })
                .collect();
            json!({"type": "BPE", "vocab": vocab, "merges": merges,
                   "unk_token": dice.pick(&[None, None, Some("a"), Some("zz")]),
                   "dropout": dice.pick(&[None, None, None, Some(0.5)]),
                   "continuing_subword_prefix": dice.pick(&[None, None, Some("##"), Some("é")]),
                   "end_of_word_suffix": dice.pick(&[None, None, Some("b")]),
                   "fuse_unk": dice.below(2) == 0, "byte_fallback": dice.below(2) == 0,
                   "ignore_merges": dice.below(2) == 0})
        }
    }
}

fn optional(dice: &mut Dice<'_>, make: impl Fn(&mut Dice<'_>) -> Value) -> Value {
    if dice.below(3) == 0 { make(dice) } else { Value::Null }
}

fn small_or_nasty(dice: &mut Dice<'_>) -> u64 {
    if dice.below(3) == 0 { dice.nasty() } else { 1 + dice.below(100) as u64 }
}

fn component(dice: &mut Dice<'_>, parts: &str, make: fn(&mut Dice<'_>) -> Value) -> Value {
    let mut component = make(dice);
    for _ in 0..dice.pick(&[0, 0, 0, 1, 2, 5]) {
        component = json!({"type": "Sequence", parts: [component, make(dice)]});
    }
    component
}

fn pattern(dice: &mut Dice<'_>) -> Value {
    match dice.below(3) {
        0 => json!({"String": dice.pick(&["", " ", "a", "▁"])}),
        _ => json!({"Regex": dice.pick(&[
            "", r"\s+", "(a", r"(?=(a+)+$)b", r"(?<!x)\w+", r"\p{L}+| ?\d", "a{1000}{1000}", r"(.*)*\1",
        ])}),
    }
}

fn normalizer(dice: &mut Dice<'_>) -> Value {
    match dice.below(7) {
        0 => {
            json!({"type": dice.pick(&["NFC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"])})
        }
        1 => json!({"type": "Strip", "strip_left": true, "strip_right": dice.below(2) == 0}),
        2 => json!({"type": "Prepend", "prepend": dice.pick(&["▁", "", "aaaa"])}),
        3 => json!({"type": "Precompiled", "precompiled_charsmap": charsmap(dice)}),
        4 => json!({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                    "strip_accents": null, "lowercase": true}),
        5 => json!({"type": "Unknown"}),
        _ => {
            let content = "x".repeat(dice.pick(&[0, 1, 3, 90]));
            json!({"type": "Replace", "pattern": pattern(dice), "content": content})
        }
    }
}

/// A table that writes "b" for "a", now and then with a unit that leads astray.
fn charsmap(dice: &mut Dice<'_>) -> String {
    if dice.below(4) == 0 {
        return dice.pick(&["", "AAAA", "?"]).to_owned();
    }
    let mut units = vec![0u32; 1024];
    units[0] = 0x100 << 10;
    units[0x161] = 0x361 << 10 | 0x100 | 0x61;
    units[0x200] = 1 << 31;
    if dice.below(2) == 0 {
        let unit_idx = dice.pick(&[0, 0x100, 0x161, 0x161, 0x200]);
        units[unit_idx] ^= 1 << dice.below(32);
    }
    let mut table = (units.len() as u32 * 4).to_le_bytes().to_vec();
    table.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    table.extend(dice.pick(&["b\0", "b", "", "é\0"]).as_bytes());
    dice.damage(&mut table);
    base64(&table)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut bits = 0u32;
        for place in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(place).copied().unwrap_or(0));
        }
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

fn pre_tokenizer(dice: &mut Dice<'_>) -> Value {
    match dice.below(8) {
        0 => json!({"type": dice.pick(&["Whitespace", "WhitespaceSplit", "BertPreTokenizer",
                                        "UnicodeScripts"])}),
        1 => json!({"type": "Digits", "individual_digits": dice.below(2) == 0}),
        2 => json!({"type": "FixedLength", "length": dice.pick(&[0, 1, 5, usize::MAX])}),
        3 => json!({"type": "Metaspace", "replacement": "▁", "split": dice.below(2) == 0,
                    "prepend_scheme": dice.pick(&["always", "never", "first"])}),
        4 => json!({"type": "Punctuation", "behavior": dice.pick(&["Isolated", "Removed"])}),
        5 => json!({"type": "CharDelimiterSplit", "delimiter": dice.pick(&[" ", "é", ""])}),
        6 => json!({"type": "ByteLevel", "add_prefix_space": dice.below(2) == 0,
                    "trim_offsets": dice.below(2) == 0, "use_regex": dice.below(2) == 0}),
        _ => json!({"type": "Split", "pattern": pattern(dice), "invert": dice.below(2) == 0,
                    "behavior": dice.pick(&["Isolated", "Removed", "MergedWithNext",
                                            "MergedWithPrevious", "Contiguous"])}),
    }
}

fn post_processor(dice: &mut Dice<'_>) -> Value {
    let id = dice.pick(&[0u64, 1, 2, 1 << 40]);
    match dice.below(4) {
        0 => json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                    "use_regex": true}),
        1 => json!({"type": "BertProcessing", "sep": ["a", id], "cls": ["b", 1]}),
        2 => json!({"type": "RobertaProcessing", "sep": ["a", id], "cls": ["b", 0],
                    "trim_offsets": dice.below(2) == 0, "add_prefix_space": dice.below(2) == 0}),
        _ => {
            let named = dice.pick(&["a", "a", "zz"]);
            let sequence = dice.pick(&["A", "A", "B", "C"]);
            let ids: Vec<u64> = vec![id; dice.pick(&[1, 1, 0, 2])];
            json!({"type": "TemplateProcessing",
                   "single": [{"SpecialToken": {"id": named, "type_id": 0}},
                              {"Sequence": {"id": sequence, "type_id": 0}}],
                   "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                            {"Sequence": {"id": "B", "type_id": 1}}],
                   "special_tokens": {"a": {"id": "a", "ids": ids, "tokens": ["a"]}}})
        }
    }
}

fn decoder(dice: &mut Dice<'_>) -> Value {
    match dice.below(7) {
        0 => json!({"type": dice.pick(&["ByteFallback", "Fuse", "Other"])}),
        1 => json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                    "use_regex": true}),
        2 => json!({"type": "WordPiece", "prefix": dice.pick(&["##", ""]), "cleanup": true}),
        3 => json!({"type": "Strip", "content": "a", "start": dice.pick(&[0, 1, usize::MAX]),
                    "stop": dice.pick(&[0, 0, 1, 99])}),
        4 => json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}),
        5 => json!({"type": "BPEDecoder", "suffix": dice.pick(&["", "</w>"])}),
        _ => json!({"type": "Replace", "pattern": pattern(dice), "content": "x"}),
    }
}
