//! `tokenizer.ggml.model` = `llama`: SentencePiece BPE with byte fallback, as Llama 2 has it.
//!
//! SentencePiece keeps a score a piece instead of merges and joins the two neighbours whose
//! joined piece scores highest. The same follows from merges ordered by that score: every way to
//! cut a piece into two pieces is a merge.

use super::{Arrays, CONTROL, UNKNOWN, same_length, wrong_array};
use crate::error::ModelError;
use crate::order::sorted;
use crate::tokenize::bytes::byte_piece;
use crate::weights::gguf::{GgufArray, GgufValue};
use serde_json::{Value, json};

const BYTE: i32 = 6;

pub(super) fn document(arrays: &Arrays<'_>) -> Result<Value, ModelError> {
    let merges = merges_from_scores(arrays, scores(arrays)?);
    let add_space = arrays.flag("add_space_prefix")?.unwrap_or(true);
    let spaces = json!({"type": "Replace", "pattern": {"String": " "}, "content": "▁"});
    let prepend = json!({"type": "Prepend", "prepend": "▁"});
    let normalizers = if add_space { json!([prepend, spaces]) } else { json!([spaces]) };
    let mut decoders = vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ];
    if add_space {
        decoders.push(json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}));
    }
    let has_bytes = (0..arrays.tokens.len())
        .any(|id| arrays.type_of(id) == Some(BYTE) && byte_piece(&arrays.tokens[id]).is_some());
    let unk = arrays.special.unk.map(|id| arrays.token(id));
    Ok(json!({
        "version": "1.0",
        "added_tokens": arrays.added_tokens(|kind| kind == CONTROL || kind == UNKNOWN),
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": null,
        "post_processor": arrays.template(true)?,
        "decoder": {"type": "Sequence", "decoders": decoders},
        "model": {
            "type": "BPE", "unk_token": unk, "fuse_unk": true, "byte_fallback": has_bytes,
            "ignore_merges": false, "vocab": arrays.vocabulary(), "merges": merges,
        },
    }))
}

fn scores<'a>(arrays: &Arrays<'a>) -> Result<&'a [f32], ModelError> {
    const KEY: &str = "tokenizer.ggml.scores";
    match arrays.metadata.get(KEY) {
        Some(GgufValue::Array(GgufArray::F32(scores))) => {
            same_length(arrays.file, KEY, scores.len(), arrays.tokens.len())?;
            if let Some(token_idx) = scores.iter().position(|score| !score.is_finite()) {
                let problem = format!("entry {token_idx} is {}", scores[token_idx]);
                return Err(ModelError::tokenizer(arrays.file, KEY, problem));
            }
            Ok(scores)
        }
        found => Err(wrong_array(arrays.file, KEY, found, "32-bit floats")),
    }
}

/// Every cut of every piece into two pieces, best score first.
fn merges_from_scores<'a>(arrays: &Arrays<'a>, scores: &[f32]) -> Vec<[&'a str; 2]> {
    /// Longer pieces are rows of spaces or rules; cutting them everywhere is quadratic.
    const MAX_PIECE: usize = 512;
    let mut found: Vec<(f32, [u32; 2], [&'a str; 2])> = Vec::new();
    for (piece, score) in arrays.tokens.iter().zip(scores) {
        if piece.len() > MAX_PIECE {
            continue;
        }
        for (cut, _) in piece.char_indices().skip(1) {
            let (left, right) = piece.split_at(cut);
            if let (Some(&left_id), Some(&right_id)) = (arrays.ids.get(left), arrays.ids.get(right))
            {
                found.push((*score, [left_id, right_id], [left, right]));
            }
        }
    }
    let order = sorted(found.len(), &mut |a, b| {
        let (a, b) = (&found[a], &found[b]);
        b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
    });
    order.into_iter().map(|idx| found[idx].2).collect()
}
