//! A run recorded elsewhere: a safetensors file whose tensors are named like hooks, made in Python
//! with TransformerLens or transformers (docs/trace.md). Its header is held against itself before
//! anything is shown: all hooks must be of one text and one model.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{ModelError, shown};
use crate::hook::{Form, Hook, HookPoint, Stack};
use crate::trace::TraceTensor;
use crate::weights::safetensors::read_header;
use crate::weights::source::usize_from_u64;
use crate::weights::{ByteSource, TensorEntry, dequantise};

/// Longest text of a run that is taken.
const MAX_TOKENS: usize = 1 << 14;
/// Layers that a run may have.
const MAX_LAYERS: usize = 1024;
/// Bytes of a token's text that are kept.
const MAX_TOKEN_BYTES: usize = 1 << 10;
/// Names of tensors that are no hooks, as far as they are kept for messages.
const MAX_OTHERS: usize = 8;

/// A recorded run: what its header says, and the way to its tensors.
#[derive(Debug)]
pub struct Recorded<S> {
    source: S,
    entries: BTreeMap<HookPoint, TensorEntry>,
    /// Sizes that all hooks agree on; of an encoder–decoder those of the decoder.
    pub sizes: Sizes,
    /// Sizes of the encoder, where there is one.
    pub encoder: Option<Sizes>,
    /// The text's tokens, as far as the file has them; of an encoder–decoder those of the target.
    pub text: TextTokens,
    /// Those of the source.
    pub source_text: TextTokens,
    /// The text of every id, where the file has it.
    pub vocabulary: Option<Vec<String>>,
    /// What the file calls the model.
    pub model: Option<String>,
    /// Tensors that are no hooks: how many, and the first names.
    pub others: (usize, Vec<String>),
}

/// What a file says of a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextTokens {
    /// The tokens as words.
    pub words: Option<Vec<String>>,
    /// Their ids.
    pub ids: Option<Vec<u32>>,
}

/// Sizes of a recorded run; 0 where no hook says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of ModelSpec")]
pub struct Sizes {
    pub n_tokens: usize,
    pub n_layers: usize,
    pub n_heads: usize,
    pub n_kv_heads: usize,
    pub d_head: usize,
    pub d_model: usize,
    pub d_embed: usize,
    pub d_mlp: usize,
    pub d_vocab: usize,
}

/// Whether any of these names is a hook's: then the file is a recorded run rather than weights.
pub fn is_recorded<'a>(names: impl IntoIterator<Item = &'a str>) -> bool {
    names.into_iter().any(|name| HookPoint::parse(name).is_some())
}

impl<S: ByteSource> Recorded<S> {
    /// Reads the header of a file that [`is_recorded`].
    ///
    /// # Errors
    /// A damaged file; hooks that cannot be of one run: the first that does not fit, by name.
    pub async fn open(source: S) -> Result<Self, ModelError> {
        let header = read_header(&source).await?;
        let file = source.name().to_owned();
        let mut entries = BTreeMap::new();
        let mut fit =
            Fit { file: &file, sizes: [Sizes::default(); 2], known: BTreeMap::new(), first: None };
        let mut others = (0, Vec::new());
        for mut entry in header.tensors {
            let Some(point) = HookPoint::parse(&entry.name) else {
                others.0 += 1;
                if others.1.len() < MAX_OTHERS {
                    others.1.push(shown(&entry.name));
                }
                continue;
            };
            fit.take(point, &mut entry)?;
            entries.insert(point, entry);
        }
        if entries.is_empty() {
            let problem = "no tensor is named like a hook (blocks.0.attn.hook_pattern): \
                           docs/trace.md says how to make such a file";
            return Err(ModelError::malformed(&file, "header", problem));
        }
        let is_pair = fit.first.is_some_and(|point| point.stack != Stack::Only);
        let [sizes, of_encoder] = fit.sizes;
        if sizes.n_tokens == 0 || is_pair && of_encoder.n_tokens == 0 {
            let such = match (is_pair, sizes.n_tokens) {
                (false, _) => "such as blocks.0.hook_resid_pre",
                (true, 0) => "of the target, such as decoder.0.hook_resid_pre",
                (true, _) => "of the source, such as encoder.0.hook_resid_pre",
            };
            let problem = format!("no hook holds a row for each token {such}");
            return Err(ModelError::malformed(&file, "header", problem));
        }
        let metadata = Metadata { file: &file, pairs: &header.metadata };
        let text = metadata.tokens(["tokens", "token_ids"], sizes.n_tokens)?;
        let source_text = match is_pair {
            true => metadata.tokens(["source_tokens", "source_token_ids"], of_encoder.n_tokens)?,
            false => TextTokens::default(),
        };
        let n_vocabulary = (sizes.d_vocab > 0).then_some(sizes.d_vocab);
        let vocabulary = metadata.texts("vocabulary", n_vocabulary)?;
        let model = header.metadata.get("model").cloned();
        let encoder = is_pair.then_some(of_encoder);
        Ok(Self { source, entries, sizes, encoder, text, source_text, vocabulary, model, others })
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// Its hooks, in the order of a forward pass.
    pub fn points(&self) -> Vec<HookPoint> {
        let mut points: Vec<HookPoint> = self.entries.keys().copied().collect();
        points.sort_by_key(|&HookPoint { stack, hook, layer }| {
            // Logits are of no stack, and last.
            let is_last = hook == Hook::Logits;
            let part = match hook.is_per_layer() {
                true => 1,
                false => 2 * usize::from(hook > Hook::ResidPre),
            };
            (is_last, stack, part, layer, hook)
        });
        points
    }

    /// The stack that writes: the only one, or the decoder.
    pub fn main_stack(&self) -> Stack {
        if self.encoder.is_some() { Stack::Decoder } else { Stack::Only }
    }

    /// Whether a hook is there.
    pub fn has(&self, point: HookPoint) -> bool {
        self.entries.contains_key(&point)
    }

    /// Values of a hook; 0 where it is not there.
    pub fn n_values(&self, point: HookPoint) -> usize {
        self.entries.get(&point).map_or(0, |entry| entry.shape.iter().product())
    }

    /// Reads one row of a hook with a row for each token.
    ///
    /// # Errors
    /// A hook or row that is not there; the source's.
    pub async fn read_row(&self, point: HookPoint, row: usize) -> Result<Vec<f32>, ModelError> {
        let entry = self.entry(point)?;
        let row_bytes = entry.n_bytes / entry.shape.first().copied().unwrap_or(1).max(1) as u64;
        let n_bytes = usize_from_u64(self.source.name(), &entry.name, row_bytes)?;
        let offset = entry.offset + row_bytes * row as u64;
        let bytes = self.source.read_at(offset, n_bytes).await?;
        Ok(dequantise(entry.dtype, &bytes).unwrap_or_default())
    }

    /// Reads a hook, without the batch dimension.
    ///
    /// # Errors
    /// A hook that is not there; the source's.
    pub async fn read(&self, point: HookPoint) -> Result<TraceTensor, ModelError> {
        let entry = self.entry(point)?;
        let n_bytes = usize_from_u64(self.source.name(), &entry.name, entry.n_bytes)?;
        let bytes = self.source.read_at(entry.offset, n_bytes).await?;
        let values = dequantise(entry.dtype, &bytes).unwrap_or_default();
        Ok(TraceTensor { point, head: None, shape: entry.shape.clone(), values: values.into() })
    }
}

impl<S: ByteSource> Recorded<S> {
    fn entry(&self, point: HookPoint) -> Result<&TensorEntry, ModelError> {
        self.entries.get(&point).ok_or_else(|| ModelError::MissingTensor {
            file: self.source.name().to_owned(),
            tensor: point.to_string(),
        })
    }
}

/// Holds hooks against those before them.
struct Fit<'a> {
    file: &'a str,
    /// Of the only stack or the decoder, of the encoder.
    sizes: [Sizes; 2],
    /// Which hook of either said each size first.
    known: BTreeMap<(usize, &'static str), (usize, HookPoint)>,
    /// The first hook that is of a stack.
    first: Option<HookPoint>,
}

impl Fit<'_> {
    /// Takes a hook's shape into account, and the batch dimension off.
    fn take(&mut self, point: HookPoint, entry: &mut TensorEntry) -> Result<(), ModelError> {
        let file = self.file;
        let refuse =
            |problem: String| Err(ModelError::malformed(file, format!("tensor {point}"), problem));
        if point.hook != Hook::Logits {
            let first = *self.first.get_or_insert(point);
            if (first.stack == Stack::Only) != (point.stack == Stack::Only) {
                let problem = "one is of a model with one stack, one of an encoder–decoder";
                return refuse(format!("is in one file with {first}: {problem}"));
            }
        }
        if point.layer >= MAX_LAYERS {
            return refuse(format!("layers from {MAX_LAYERS} on are not taken"));
        }
        let Some(axes) = axes(point.hook.form()) else {
            let problem = "is of a recurrent model; recorded runs of transformers are opened only";
            return refuse(problem.to_owned());
        };
        if entry.shape.len() == axes.len() + 1 {
            match entry.shape.remove(0) {
                1 => {}
                n => {
                    return refuse(format!(
                        "holds a batch of {n} texts; record one, or keep one of them (value[0])"
                    ));
                }
            }
        }
        if entry.shape.len() != axes.len() {
            let names: Vec<_> = axes.iter().map(|axis| axis.name()).collect();
            return refuse(format!(
                "has the shape {:?}; [{}] is expected, perhaps behind a batch of 1",
                entry.shape,
                names.join(", ")
            ));
        }
        if dequantise(entry.dtype, &[]).is_none() || entry.dtype.engine_dtype().is_none() {
            return Err(ModelError::UnsupportedType {
                file: file.to_owned(),
                tensor: point.to_string(),
                dtype: entry.dtype.name().to_owned(),
                supported: "F32, F16, BF16".to_owned(),
            });
        }
        for (&axis, &n) in axes.iter().zip(&entry.shape) {
            self.agree(axis, n, point)?;
        }
        if point.hook.is_per_layer() {
            let sizes = &mut self.sizes[usize::from(point.stack == Stack::Encoder)];
            sizes.n_layers = sizes.n_layers.max(point.layer + 1);
        }
        Ok(())
    }

    fn agree(&mut self, axis: Axis, n: usize, point: HookPoint) -> Result<(), ModelError> {
        let refuse = |problem: String| {
            Err(ModelError::malformed(self.file, format!("tensor {point}"), problem))
        };
        let is_of_source = point.stack == Stack::Encoder || axis == Axis::SourceTokens;
        let place = usize::from(is_of_source);
        let (name, size) = (axis.name(), axis.of(&mut self.sizes[place]));
        let Some(size) = size else {
            return if n == axis.fixed() {
                Ok(())
            } else {
                refuse(format!("has {n} columns where {} is expected", axis.fixed()))
            };
        };
        if n == 0 {
            return refuse(format!("has no values: {name} is 0"));
        }
        if matches!(axis, Axis::Tokens | Axis::SourceTokens) && n > MAX_TOKENS {
            return refuse(format!("has {n} tokens, at most {MAX_TOKENS} are taken"));
        }
        *size = n;
        match self.known.insert((place, name), (n, point)) {
            Some((before, other)) if before != n => {
                refuse(format!("{name} is {n}, but {other} has {before}"))
            }
            _ => Ok(()),
        }
    }
}

/// What an axis of a hook counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Axis {
    Tokens,
    /// Tokens of the source, for a decoder.
    SourceTokens,
    Heads,
    KvHeads,
    HeadWidth,
    Width,
    EmbedWidth,
    MlpWidth,
    Vocabulary,
    One,
    Two,
}

impl Axis {
    fn name(self) -> &'static str {
        match self {
            Self::Tokens | Self::SourceTokens => "tokens",
            Self::Heads => "n_heads",
            Self::KvHeads => "n_kv_heads",
            Self::HeadWidth => "d_head",
            Self::Width => "d_model",
            Self::EmbedWidth => "d_embed",
            Self::MlpWidth => "d_mlp",
            Self::Vocabulary => "d_vocab",
            Self::One => "1",
            Self::Two => "2",
        }
    }

    fn of(self, sizes: &mut Sizes) -> Option<&mut usize> {
        Some(match self {
            Self::Tokens | Self::SourceTokens => &mut sizes.n_tokens,
            Self::Heads => &mut sizes.n_heads,
            Self::KvHeads => &mut sizes.n_kv_heads,
            Self::HeadWidth => &mut sizes.d_head,
            Self::Width => &mut sizes.d_model,
            Self::EmbedWidth => &mut sizes.d_embed,
            Self::MlpWidth => &mut sizes.d_mlp,
            Self::Vocabulary => &mut sizes.d_vocab,
            Self::One | Self::Two => return None,
        })
    }

    fn fixed(self) -> usize {
        if self == Self::Two { 2 } else { 1 }
    }
}

/// The axes of a hook's tensor; none for what recurrent models and fast weights leave behind.
fn axes(form: Form) -> Option<&'static [Axis]> {
    use Axis::{
        EmbedWidth, HeadWidth, Heads, KvHeads, MlpWidth, One, SourceTokens, Tokens, Two,
        Vocabulary, Width,
    };
    Some(match form {
        Form::Model => &[Tokens, Width],
        Form::Embed => &[Tokens, EmbedWidth],
        Form::Heads => &[Tokens, Heads, HeadWidth],
        Form::KvHeads => &[Tokens, KvHeads, HeadWidth],
        Form::SourceHeads => &[SourceTokens, KvHeads, HeadWidth],
        Form::Mlp => &[Tokens, MlpWidth],
        Form::Stat | Form::Score => &[Tokens, One],
        Form::Map => &[Heads, Tokens, Tokens],
        Form::CrossMap => &[Heads, Tokens, SourceTokens],
        Form::Vocab => &[Tokens, Vocabulary],
        Form::Pooled => &[Width],
        Form::Pair => &[Two],
        Form::Hidden
        | Form::Gates
        | Form::Start
        | Form::PerHead
        | Form::Features
        | Form::FastWeights => return None,
    })
}

/// The free texts of the header, some of which are JSON.
struct Metadata<'a> {
    file: &'a str,
    pairs: &'a BTreeMap<String, String>,
}

impl Metadata<'_> {
    /// A list of `n` items (of any number, if nobody says how many); none if the key is not there,
    /// or its items are of another kind.
    fn list<T>(
        &self,
        key: &str,
        n: Option<usize>,
        item: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<Vec<T>>, ModelError> {
        let Some(text) = self.pairs.get(key) else { return Ok(None) };
        let field = || format!("__metadata__: {key}");
        let Ok(Value::Array(items)) = serde_json::from_str(text) else {
            let problem = format!("is {}, not a JSON list", shown(text));
            return Err(ModelError::malformed(self.file, field(), problem));
        };
        if n.is_some_and(|n| n != items.len()) {
            let problem =
                format!("has {} entries, the hooks have {}", items.len(), n.unwrap_or_default());
            return Err(ModelError::malformed(self.file, field(), problem));
        }
        Ok(items.iter().map(item).collect())
    }

    fn texts(&self, key: &str, n: Option<usize>) -> Result<Option<Vec<String>>, ModelError> {
        self.list(key, n, |value| {
            let text = value.as_str()?;
            Some(text[..text.floor_char_boundary(text.len().min(MAX_TOKEN_BYTES))].to_owned())
        })
    }

    /// The tokens of a text of `n` of them: texts and ids.
    fn tokens(&self, [texts, ids]: [&str; 2], n: usize) -> Result<TextTokens, ModelError> {
        let words = self.texts(texts, Some(n))?;
        let ids = match self.ids(ids, n)? {
            Some(ids) => Some(ids),
            // What this program exports has ids under `tokens`.
            None if words.is_none() => self.ids(texts, n)?,
            None => None,
        };
        Ok(TextTokens { words, ids })
    }

    fn ids(&self, key: &str, n: usize) -> Result<Option<Vec<u32>>, ModelError> {
        self.list(key, Some(n), |value| u32::try_from(value.as_u64()?).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Trace;
    use crate::weights::MemorySource;
    use pollster::block_on;

    /// A file of these tensors, all zeros.
    fn file(tensors: &[(&str, &str, &[usize])], metadata: &[(&str, &str)]) -> MemorySource {
        let mut header = serde_json::Map::new();
        let pairs = metadata.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
        header.insert("__metadata__".into(), Value::Object(pairs.collect()));
        let mut at = 0;
        for (name, dtype, shape) in tensors {
            let width = if *dtype == "F64" || *dtype == "I64" { 8 } else { 4 };
            let end = at + width * shape.iter().product::<usize>();
            let entry =
                serde_json::json!({"dtype": dtype, "shape": shape, "data_offsets": [at, end]});
            header.insert((*name).to_owned(), entry);
            at = end;
        }
        let header = Value::Object(header).to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.resize(bytes.len() + at, 0);
        MemorySource::new("run.safetensors", bytes)
    }

    fn refusal(tensors: &[(&str, &str, &[usize])], metadata: &[(&str, &str)]) -> String {
        block_on(Recorded::open(file(tensors, metadata))).unwrap_err().to_string()
    }

    #[test]
    fn sizes_come_from_the_shapes_and_the_batch_goes() {
        let tensors: &[(&str, &str, &[usize])] = &[
            ("blocks.0.attn.hook_pattern", "F32", &[1, 2, 3, 3]),
            ("blocks.1.attn.hook_q", "F32", &[3, 2, 4]),
            ("blocks.0.hook_resid_pre", "F32", &[1, 3, 8]),
            ("blocks.0.ln1.hook_scale", "F32", &[1, 3, 1]),
            ("blocks.0.attn.hook_result", "I64", &[1]),
            ("logits", "F32", &[3, 11]),
        ];
        let ids = [("tokens", r#"["a", " b", "c"]"#), ("token_ids", "[1, 2, 10]")];
        let run = block_on(Recorded::open(file(tensors, &ids))).unwrap();
        let Sizes { n_tokens, n_layers, n_heads, d_head, d_model, d_vocab, .. } = run.sizes;
        assert_eq!((n_tokens, n_layers, n_heads), (3, 2, 2));
        assert_eq!((d_head, d_model, d_vocab), (4, 8, 11));
        assert_eq!(run.text.words.as_deref().unwrap()[1], " b");
        assert_eq!(run.text.ids.as_deref(), Some(&[1, 2, 10][..]));
        assert_eq!((run.encoder, run.main_stack()), (None, Stack::Only));
        assert_eq!(run.others, (1, vec!["\"blocks.0.attn.hook_result\"".to_owned()]));
        let names: Vec<String> = run.points().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "blocks.0.hook_resid_pre",
                "blocks.0.ln1.hook_scale",
                "blocks.0.attn.hook_pattern",
                "blocks.1.attn.hook_q",
                "logits"
            ]
        );
        let pattern = block_on(run.read(HookPoint::layer(Hook::Pattern, 0))).unwrap();
        assert_eq!((pattern.shape, pattern.values.len()), (vec![2, 3, 3], 18));
        assert!(block_on(run.read(HookPoint::layer(Hook::Pattern, 1))).is_err());
    }

    const PAIR: &[(&str, &str, &[usize])] = &[
        ("decoder.0.cross_attn.hook_pattern", "F32", &[2, 3, 4]),
        ("encoder.0.attn.hook_pattern", "F32", &[1, 3, 4, 4]),
        ("decoder.0.attn.hook_pattern", "F32", &[2, 3, 3]),
        ("decoder.0.cross_attn.hook_k", "F32", &[4, 2, 5]),
        ("encoder.1.hook_resid_post", "F32", &[4, 10]),
        ("logits", "F32", &[3, 7]),
        ("encoder_final_ln.hook_scale", "F32", &[4, 1]),
    ];

    #[test]
    fn an_encoder_and_a_decoder_have_sizes_of_their_own() {
        let metadata =
            [("tokens", r#"["<s>", "x", "y"]"#), ("source_tokens", r#"["a", "b", "c", "</s>"]"#)];
        let run = block_on(Recorded::open(file(PAIR, &metadata))).unwrap();
        let encoder = run.encoder.unwrap();
        assert_eq!((run.sizes.n_tokens, run.sizes.n_heads, run.sizes.n_layers), (3, 2, 1));
        assert_eq!((encoder.n_tokens, encoder.n_heads, encoder.n_layers), (4, 3, 2));
        assert_eq!(run.main_stack(), Stack::Decoder);
        assert_eq!(run.source_text.words.as_deref().unwrap()[3], "</s>");
        let names: Vec<String> = run.points().iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "encoder.0.attn.hook_pattern",
                "encoder.1.hook_resid_post",
                "encoder_final_ln.hook_scale",
                "decoder.0.attn.hook_pattern",
                "decoder.0.cross_attn.hook_k",
                "decoder.0.cross_attn.hook_pattern",
                "logits"
            ]
        );
    }

    #[test]
    fn what_cannot_be_of_one_run_is_refused_by_name() {
        let pattern = ("blocks.0.attn.hook_pattern", "F32", &[2, 3, 3][..]);
        let with = |name: &'static str, shape: &'static [usize]| {
            refusal(&[pattern, (name, "F32", shape)], &[])
        };
        for (said, expected) in [
            (
                with("blocks.0.hook_resid_pre", &[4, 8]),
                "tokens is 4, but blocks.0.attn.hook_pattern has 3",
            ),
            (with("blocks.1.attn.hook_pattern", &[2, 3, 4]), "tokens is 4"),
            (with("blocks.1.attn.hook_pattern", &[5, 3, 3]), "n_heads is 5"),
            (with("blocks.1.attn.hook_pattern", &[3, 3]), "[n_heads, tokens, tokens] is expected"),
            (with("blocks.1.attn.hook_pattern", &[2, 2, 3, 3]), "a batch of 2"),
            (with("blocks.0.ln1.hook_scale", &[3, 2]), "2 columns where 1 is expected"),
            (with("blocks.5000.hook_resid_pre", &[3, 8]), "layers from 1024 on"),
            (with("encoder.0.hook_resid_pre", &[3, 8]), "one of an encoder–decoder"),
            (refusal(&[("decoder.0.hook_resid_pre", "F32", &[3, 8])], &[]), "of the source"),
            (refusal(&[("encoder.0.hook_resid_pre", "F32", &[3, 8])], &[]), "of the target"),
            (refusal(PAIR, &[("source_tokens", r#"["a"]"#)]), "has 1 entries, the hooks have 4"),
            (
                refusal(
                    &[PAIR[0], PAIR[1], ("decoder.1.cross_attn.hook_pattern", "F32", &[2, 3, 5])],
                    &[],
                ),
                "tokens is 5, but",
            ),
            (refusal(&[("blocks.0.hook_resid_pre", "F32", &[0, 8])], &[]), "tokens is 0"),
            (refusal(&[("blocks.0.hook_resid_pre", "F32", &[20_000, 1])], &[]), "at most 16384"),
            (refusal(&[("blocks.0.hook_resid_pre", "I64", &[3, 8])], &[]), "I64"),
            (refusal(&[("<img src=x>", "F32", &[1])], &[]), "named like a hook"),
            (refusal(&[("nsp_logits", "F32", &[2])], &[]), "a row for each token"),
            (refusal(&[pattern], &[("tokens", r#"["a"]"#)]), "has 1 entries, the hooks have 3"),
            (refusal(&[pattern], &[("tokens", "{")]), "not a JSON list"),
            (refusal(&[pattern], &[("token_ids", "[1]")]), "has 1 entries"),
        ] {
            assert!(said.contains(expected), "{said} / {expected}");
        }
    }

    #[test]
    fn what_this_program_exports_opens_again() {
        let tensor = TraceTensor {
            point: HookPoint::layer(Hook::ResidPre, 0),
            head: None,
            shape: vec![2, 2],
            values: vec![1.0, f32::NAN, -2.0, 0.5].into(),
        };
        let metadata = BTreeMap::from([("tokens".to_owned(), "[7, 8]".to_owned())]);
        let bytes = Trace::new(vec![tensor]).to_safetensors(&metadata).unwrap();
        let run = block_on(Recorded::open(MemorySource::new("t", bytes))).unwrap();
        assert_eq!((run.text.ids.as_deref(), run.text.words), (Some(&[7, 8][..]), None));
        let source = MemorySource::new("t", vec![0u8; 4]);
        assert!(block_on(Recorded::open(source)).is_err());
        assert!(is_recorded(["x", "blocks.0.hook_resid_pre"]) && !is_recorded(["wte.weight"]));
    }
}
