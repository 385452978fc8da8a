//! The tokenizer's module, which is loaded when the first model needs it. It lives apart because
//! it is the largest one; and a trap in it, which a hostile tokenizer.json may cause, ends that
//! module and not the engine: the next call starts a new one.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, JsString, Promise, Uint8Array, Uint32Array};
use wasm_bindgen::{JsCast, JsValue};

use vitrine_models::tokenize::chat::ChatTemplate;

use super::js;
use super::text::Piece;

/// Stands for "no span" in what the module answers.
pub const NO_SPAN: u32 = u32::MAX;
/// Numbers that the module answers for each token: id, start, end, flags.
pub const STRIDE: usize = 4;
/// Flag of tokens that the tokenizer added.
pub const SPECIAL: u32 = 1;
/// Flag of tokens of the second text.
pub const SECOND: u32 = 2;

/// The module, or the way to get it.
pub(super) struct TokenizerHost {
    /// Starts a fresh module: `() => Promise<exports>`.
    open: Function,
    module: RefCell<Option<JsValue>>,
    /// Counts the modules that trapped.
    life: Cell<u32>,
}

impl TokenizerHost {
    /// A host that starts modules with `open`.
    pub fn new(open: Function) -> Self {
        Self { open, module: RefCell::default(), life: Cell::new(0) }
    }

    async fn module(&self) -> Result<JsValue, String> {
        if let Some(module) = self.module.borrow().clone() {
            return Ok(module);
        }
        let opening = self.open.call0(&JsValue::UNDEFINED).map_err(|thrown| js::words(&thrown))?;
        let opened = Promise::resolve(&opening).await;
        let module = opened.map_err(|thrown| {
            format!("the tokenizer's module did not load ({})", js::words(&thrown))
        })?;
        *self.module.borrow_mut() = Some(module.clone());
        Ok(module)
    }

    /// Calls the module; after a trap it is thrown away.
    async fn call(&self, method: &str, args: &[&JsValue]) -> Result<JsValue, String> {
        let module = self.module().await?;
        js::call(&module, method, args).map_err(|thrown| {
            let name = js::name_of(&thrown);
            // What Rust refuses comes as a plain Error; all else is a trap or a full stack.
            if name == "Error" {
                return js::words(&thrown);
            }
            *self.module.borrow_mut() = None;
            self.life.set(self.life.get() + 1);
            format!("the tokenizer stopped working on it ({name}: {})", js::words(&thrown))
        })
    }
}

impl TokenizerHost {
    /// Makes a vocabulary of pieces for a text; the answer is its tokenizer.json. `kind` as the trainer's
    /// configuration spells it.
    ///
    /// # Errors
    /// In words for the visitor.
    pub async fn make_pieces(
        &self,
        text: &str,
        kind: &str,
        d_vocab: u32,
        has_marks: bool,
    ) -> Result<String, String> {
        let args = [&text.into(), &kind.into(), &d_vocab.into(), &has_marks.into()];
        let json = self.call("makePieces", &args).await?;
        json.as_string().ok_or_else(|| "the tokenizer's module is another version".to_owned())
    }
}

/// One model's tokenizer.
pub(super) struct Tokenizer {
    host: Rc<TokenizerHost>,
    /// The tokenizer.json, on the script's side: to load it again after a trap.
    json: JsString,
    /// The file that it is from, for messages.
    file: String,
    /// In which life of the module it was loaded, and its handle there.
    loaded: Cell<Option<(u32, u32)>>,
    vocabulary: Vocabulary,
}

/// The bytes of every token.
#[derive(Debug, Default, PartialEq, Eq)]
struct Vocabulary {
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Vocabulary {
    /// Reads what the module answers: for each token its length as u32 and its bytes.
    fn parse(mut packed: &[u8]) -> Option<Self> {
        let mut vocabulary = Self::default();
        while !packed.is_empty() {
            let (length, rest) = packed.split_first_chunk::<4>()?;
            let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            vocabulary.bytes.extend_from_slice(bytes);
            vocabulary.ends.push(u32::try_from(vocabulary.bytes.len()).ok()?);
            packed = rest;
        }
        Some(vocabulary)
    }

    fn get(&self, id: u32) -> Option<&[u8]> {
        let idx = id as usize;
        let end = *self.ends.get(idx)? as usize;
        let start = idx.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        Some(&self.bytes[start..end])
    }
}

impl Tokenizer {
    /// Loads a tokenizer.json, which `file` holds.
    ///
    /// # Errors
    /// In words for the visitor.
    pub async fn load(host: Rc<TokenizerHost>, file: &str, json: &str) -> Result<Self, String> {
        let (json, loaded) = (JsString::from(json), Cell::new(None));
        let (file, vocabulary) = (file.to_owned(), Vocabulary::default());
        let mut tokenizer = Self { host, json, file, loaded, vocabulary };
        let handle = tokenizer.handle().await?;
        let packed = tokenizer.host.call("vocabulary", &[&handle.into()]).await?;
        let packed: Uint8Array = packed.unchecked_into();
        tokenizer.vocabulary = Vocabulary::parse(&packed.to_vec())
            .ok_or("the tokenizer's vocabulary is not understood")?;
        Ok(tokenizer)
    }

    /// Size of the vocabulary, added tokens included.
    pub fn n_ids(&self) -> usize {
        self.vocabulary.ends.len()
    }

    /// The bytes that a token stands for; empty for ids without one (padded vocabularies).
    pub fn bytes_of(&self, id: u32) -> &[u8] {
        self.vocabulary.get(id).unwrap_or_default()
    }

    /// The token of these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<u32> {
        (0..self.n_ids() as u32).find(|&id| self.bytes_of(id) == bytes)
    }

    /// Cuts a text (or a pair) into tokens, with those that the model expects around it.
    ///
    /// # Errors
    /// In words for the visitor.
    pub async fn encode(&self, text: &str, pair: Option<&str>) -> Result<Vec<Piece>, String> {
        let handle = self.handle().await?;
        let pair = pair.map_or(JsValue::UNDEFINED, JsValue::from);
        let args = [&handle.into(), &text.into(), &pair];
        let packed: Uint32Array = self.host.call("encode", &args).await?.unchecked_into();
        Ok(pieces(&packed.to_vec()))
    }

    /// The ids of a text, without those that a model expects around it.
    ///
    /// # Errors
    /// In words for the visitor.
    pub async fn ids(&self, text: &str) -> Result<Vec<u32>, String> {
        let handle = self.handle().await?;
        let packed = self.host.call("encode_whole", &[&handle.into(), &text.into()]).await?;
        let packed: Uint32Array = packed.unchecked_into();
        Ok(pieces(&packed.to_vec()).into_iter().map(|piece| piece.id).collect())
    }

    /// Writes a conversation by a template, and cuts it into tokens.
    ///
    /// # Errors
    /// In words for the visitor.
    pub async fn encode_chat(
        &self,
        template: &ChatTemplate,
        turns: &[(String, String)],
    ) -> Result<Vec<Piece>, String> {
        let handle = self.handle().await?;
        let words: js_sys::Array =
            turns.iter().flat_map(|(role, words)| [role, words]).map(JsValue::from).collect();
        let ChatTemplate { source, bos, eos } = template;
        let file: JsValue = self.file.as_str().into();
        let args = [&file, &source.into(), &bos.into(), &eos.into(), &words.into()];
        let text = self.host.call("chat", &args).await?;
        let packed: Uint32Array =
            self.host.call("encode_whole", &[&handle.into(), &text]).await?.unchecked_into();
        // Places in the template's text are no places in the visitor's.
        Ok(pieces(&packed.to_vec())
            .into_iter()
            .map(|piece| Piece { span: None, ..piece })
            .collect())
    }

    /// What there is to know of it: names and values.
    ///
    /// # Errors
    /// In words for the visitor.
    pub async fn facts(&self) -> Result<Vec<(String, String)>, String> {
        let handle = self.handle().await?;
        let facts = self.host.call("facts", &[&handle.into()]).await?;
        let lines = facts.as_string().unwrap_or_default();
        let pairs = lines.lines().filter_map(|line| line.split_once('\t'));
        Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// The handle in the module that lives now.
    async fn handle(&self) -> Result<u32, String> {
        self.host.module().await?;
        let life = self.host.life.get();
        if let Some((loaded_in, handle)) = self.loaded.get()
            && loaded_in == life
        {
            return Ok(handle);
        }
        let handle = self.host.call("load", &[&self.json, &self.file.as_str().into()]).await?;
        let handle = handle.as_f64().ok_or("the tokenizer's module is another version")? as u32;
        self.loaded.set(Some((life, handle)));
        Ok(handle)
    }
}

impl Drop for Tokenizer {
    fn drop(&mut self) {
        let Some((life, handle)) = self.loaded.get() else { return };
        if life == self.host.life.get()
            && let Some(module) = self.host.module.borrow().as_ref()
        {
            // A module that fails at this has nothing left to free.
            let _freed = js::call(module, "release", &[&handle.into()]);
        }
    }
}

fn pieces(packed: &[u32]) -> Vec<Piece> {
    packed
        .chunks_exact(STRIDE)
        .map(|numbers| Piece {
            id: numbers[0],
            span: Some((numbers[1], numbers[2])).filter(|span| span.0 != NO_SPAN),
            special: numbers[3] & SPECIAL != 0,
            second: numbers[3] & SECOND != 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vocabularies_unpack() {
        let packed = [&[1, 0, 0, 0][..], b"a", &[0; 4], &[2, 0, 0, 0], b"bc"].concat();
        let vocabulary = Vocabulary::parse(&packed).unwrap();
        assert_eq!(vocabulary.get(0), Some(&b"a"[..]));
        assert_eq!(vocabulary.get(1), Some(&b""[..]));
        assert_eq!(vocabulary.get(2), Some(&b"bc"[..]));
        assert_eq!(vocabulary.get(3), None);
        assert_eq!(Vocabulary::parse(&packed[..packed.len() - 1]), None);
    }

    #[test]
    fn tokens_unpack() {
        let packed = [7, 0, 3, 0, 101, NO_SPAN, NO_SPAN, SPECIAL, 9, 0, 2, SECOND];
        let pieces = pieces(&packed);
        assert_eq!(pieces[0], Piece { id: 7, span: Some((0, 3)), special: false, second: false });
        assert!(pieces[1].special && pieces[1].span.is_none());
        assert!(pieces[2].second && pieces[2].span == Some((0, 2)));
    }
}
