//! Entry point of the tokenizer's module: the tokenizers crate, called by the engine through
//! plain numbers and bytes. A trap ends this module only; see `worker/tokenizer.rs`.

use std::cell::RefCell;

use vitrine_app::worker::tokenizer::{NO_SPAN, SECOND, SPECIAL};
use vitrine_models::tokenize::chat::{ChatTemplate, Turn, render};
use vitrine_models::tokenize::{HubTokenizer, Token, Tokenizer};
use vitrine_models::train::TrainConfig;
use vitrine_models::train::merges::pieces_of;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    static LOADED: RefCell<Vec<Option<HubTokenizer>>> = const { RefCell::new(Vec::new()) };
}

/// Loads a tokenizer.json, which `file` holds; the answer is its handle.
///
/// # Errors
/// What is wrong with the file.
#[wasm_bindgen]
pub fn load(json: &str, file: &str) -> Result<u32, JsError> {
    let tokenizer = HubTokenizer::from_json(file, json)?;
    LOADED.with_borrow_mut(|loaded| {
        let vacant = loaded.iter().position(Option::is_none).unwrap_or(loaded.len());
        if vacant == loaded.len() {
            loaded.push(None);
        }
        loaded[vacant] = Some(tokenizer);
        Ok(vacant as u32)
    })
}

/// Makes a vocabulary of pieces for a text; the answer is its tokenizer.json. `kind` is a field of the
/// trainer's configuration: `byte_bpe` or `word_piece`.
///
/// # Errors
/// If the kind is unknown, or the library refuses the text.
#[wasm_bindgen(js_name = makePieces)]
pub fn make_pieces(
    text: &str,
    kind: &str,
    d_vocab: u32,
    has_marks: bool,
) -> Result<String, JsError> {
    let config = TrainConfig::from_query(&format!("data.tokenizer={kind}"))?;
    let json = pieces_of(text, config.data.tokenizer, d_vocab as usize, has_marks)?;
    json.ok_or_else(|| JsError::new("characters are no pieces"))
}

/// Frees a tokenizer.
#[wasm_bindgen]
pub fn release(handle: u32) {
    LOADED.with_borrow_mut(|loaded| {
        if let Some(place) = loaded.get_mut(handle as usize) {
            *place = None;
        }
    });
}

/// The bytes of every token, in order of the ids: for each its length (u32) and its bytes.
///
/// # Errors
/// If nothing is loaded under the handle.
#[wasm_bindgen]
pub fn vocabulary(handle: u32) -> Result<Vec<u8>, JsError> {
    with(handle, |tokenizer| {
        let mut packed = Vec::new();
        for id in 0..tokenizer.n_ids() {
            let bytes = tokenizer.token_bytes(id as u32).unwrap_or_default();
            packed.extend((bytes.len() as u32).to_le_bytes());
            packed.extend(bytes);
        }
        Ok(packed)
    })
}

/// What there is to know of a tokenizer: lines of a name, a tab and a value.
///
/// # Errors
/// If nothing is loaded under the handle.
#[wasm_bindgen]
pub fn facts(handle: u32) -> Result<String, JsError> {
    with(handle, |tokenizer| {
        let facts = tokenizer.facts().into_iter();
        Ok(facts.map(|(name, value)| format!("{name}\t{value}\n")).collect())
    })
}

/// Cuts a text, or a pair of texts, into tokens: four numbers each (id, start, end, flags).
///
/// # Errors
/// What is wrong with the text.
#[wasm_bindgen]
pub fn encode(handle: u32, text: &str, pair: Option<String>) -> Result<Vec<u32>, JsError> {
    with(handle, |tokenizer| {
        let mut packed = Vec::new();
        tokenizer.encode(text, true)?.iter().for_each(|token| push(&mut packed, token, 0));
        if let Some(pair) = pair {
            // The second text follows without the tokens that open a first one.
            let tokens = tokenizer.encode(&pair, true)?;
            let opening = tokens.iter().take_while(|token| token.is_inserted).count();
            let is_empty = opening == tokens.len();
            let rest = if is_empty { &tokens[opening.min(1)..] } else { &tokens[opening..] };
            rest.iter().for_each(|token| push(&mut packed, token, SECOND));
        }
        Ok(packed)
    })
}

/// Cuts a text that holds all its special tokens already.
///
/// # Errors
/// What is wrong with the text.
#[wasm_bindgen]
pub fn encode_whole(handle: u32, text: &str) -> Result<Vec<u32>, JsError> {
    with(handle, |tokenizer| {
        let mut packed = Vec::new();
        tokenizer.encode(text, false)?.iter().for_each(|token| push(&mut packed, token, 0));
        Ok(packed)
    })
}

/// Writes a conversation as a chat template has it. `turns` are roles and words in turns.
///
/// # Errors
/// What the template cannot take, or what is wrong with it.
#[wasm_bindgen]
pub fn chat(
    file: &str,
    source: String,
    bos: String,
    eos: String,
    turns: Vec<String>,
) -> Result<String, JsError> {
    let turns: Vec<Turn> = turns
        .chunks_exact(2)
        .map(|turn| Turn { role: turn[0].clone(), content: turn[1].clone() })
        .collect();
    Ok(render(file, &ChatTemplate { source, bos, eos }, &turns)?)
}

fn push(packed: &mut Vec<u32>, token: &Token, flags: u32) {
    let (start, end) = match token.is_inserted {
        true => (NO_SPAN, NO_SPAN),
        false => (token.start as u32, token.end as u32),
    };
    let special = if token.is_inserted { SPECIAL } else { 0 };
    packed.extend([token.id, start, end, flags | special]);
}

fn with<T>(
    handle: u32,
    work: impl FnOnce(&HubTokenizer) -> Result<T, JsError>,
) -> Result<T, JsError> {
    LOADED.with_borrow(|loaded| match loaded.get(handle as usize).and_then(Option::as_ref) {
        Some(tokenizer) => work(tokenizer),
        None => Err(JsError::new("no tokenizer is loaded")),
    })
}

fn main() {}
