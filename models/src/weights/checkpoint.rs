//! One view of a model's files: a GGUF file, config.json with safetensors, or a Marian model; with
//! tokenizer.json beside the latter two.

use super::config::ConfigFields;
use super::gguf::{self, GgufMetadata, GgufValue};
use super::marian;
use super::safetensors::{self, SafetensorsHeader};
use super::shortlist::{MAX_SHORTLIST, Shortlist};
use super::sniff::{self, FileKind};
use super::source::{ByteSource, read_all, usize_from_u64};
use super::{FileDType, TensorEntry, json};
use crate::error::{ModelError, shown};
use serde_json::{Map, Value};
use std::collections::HashMap;
use vitrine_kernels::{DType, Shape};

/// The longest config.json and its like.
const MAX_CONFIG: u64 = 4 << 20;
/// The longest index of shards.
const MAX_INDEX: u64 = 32 << 20;
/// The longest tokenizer.json: Gemma's has 34 MB.
pub const MAX_TOKENIZER: u64 = 64 << 20;

/// The files of one model, their headers read.
#[derive(Debug)]
pub struct Checkpoint<S> {
    files: Vec<S>,
    tensors: Vec<TensorEntry>,
    tensor_idx: HashMap<String, usize>,
    description: Description,
}

#[derive(Debug)]
enum Description {
    Gguf {
        file_idx: usize,
        metadata: GgufMetadata,
        architecture: String,
    },
    Json {
        file_idx: usize,
        config: Map<String, Value>,
    },
    /// A Marian file, with what is fixed in that format spelled as config.json spells it.
    Marian {
        file_idx: usize,
        config: Map<String, Value>,
    },
}

/// A tensor ready for the engine.
#[derive(Debug, Clone, PartialEq)]
pub struct TensorData {
    /// Its storage type.
    pub dtype: DType,
    /// Row-major; a scalar is `[1]`.
    pub shape: Shape,
    /// Its bytes as they are in the file, blocks and all.
    pub bytes: Vec<u8>,
}

impl<S: ByteSource> Checkpoint<S> {
    /// Opens the model that `files` hold: a GGUF file alone, or config.json with
    /// model.safetensors (or shards and their index) and what else the folder has.
    pub async fn open(files: Vec<S>) -> Result<Self, ModelError> {
        let roles = roles_of(&files).await?;
        match (roles.gguf.as_slice(), roles.safetensors.as_slice(), roles.marian.as_slice()) {
            ([file_idx], [], []) => Self::open_gguf(files, *file_idx).await,
            ([], [_, ..], []) => Self::open_safetensors(files, roles).await,
            ([], [], [file_idx]) => Self::open_marian(files, *file_idx).await,
            ([], [], []) => Err(nothing_to_open(&files, &roles)),
            (several, others, more) => {
                let all = several.iter().chain(others).chain(more);
                let names: Vec<String> = all.map(|&i| shown(files[i].name())).collect();
                Err(ModelError::malformed(
                    names.join(", "),
                    "files",
                    "these are several models; open one of them",
                ))
            }
        }
    }

    async fn open_gguf(files: Vec<S>, file_idx: usize) -> Result<Self, ModelError> {
        let source = &files[file_idx];
        let header = gguf::read_header(source).await?;
        let metadata = header.metadata;
        let n_splits = metadata.get("split.count").and_then(GgufValue::as_integer).unwrap_or(1);
        if n_splits > 1 {
            return Err(ModelError::malformed(
                source.name(),
                "split.count",
                format!("is {n_splits}: join the parts first with llama-gguf-split --merge"),
            ));
        }
        let architecture = metadata
            .get("general.architecture")
            .and_then(GgufValue::as_str)
            .ok_or_else(|| {
                ModelError::config(source.name(), "general.architecture", "is missing or no text")
            })?
            .to_owned();
        let mut tensors = header.tensors;
        tensors.iter_mut().for_each(|entry| entry.file_idx = file_idx);
        let description = Description::Gguf { file_idx, metadata, architecture };
        Self::assemble(files, tensors, description)
    }

    async fn open_safetensors(files: Vec<S>, roles: Roles) -> Result<Self, ModelError> {
        let config_idx = roles
            .config
            .ok_or_else(|| FileKind::Safetensors.refusal(files[roles.safetensors[0]].name()))?;
        let source = &files[config_idx];
        let config = json::parse_object(source.name(), &read_all(source, MAX_CONFIG).await?)?;
        let tensors = match roles.index {
            Some(index_idx) => read_sharded(&files, &roles, index_idx).await?,
            None => {
                let file_idx = single_weights_file(&files, &roles)?;
                shard_tensors(&files, file_idx).await?
            }
        };
        Self::assemble(files, tensors, Description::Json { file_idx: config_idx, config })
    }

    async fn open_marian(files: Vec<S>, file_idx: usize) -> Result<Self, ModelError> {
        let (header, mut config) = marian::read_header(&files[file_idx]).await?;
        let mut tensors = header.tensors;
        tensors.iter_mut().for_each(|entry| entry.file_idx = file_idx);
        config.insert("model_type".to_owned(), Value::from(marian::MODEL_TYPE));
        config.insert("eos_token_id".to_owned(), Value::from(marian::EOS));
        Self::assemble(files, tensors, Description::Marian { file_idx, config })
    }

    fn assemble(
        files: Vec<S>,
        tensors: Vec<TensorEntry>,
        description: Description,
    ) -> Result<Self, ModelError> {
        let mut tensor_idx = HashMap::with_capacity(tensors.len());
        for (entry_idx, entry) in tensors.iter().enumerate() {
            if tensor_idx.insert(entry.name.clone(), entry_idx).is_some() {
                return Err(ModelError::malformed(
                    files[entry.file_idx].name(),
                    format!("tensor {}", shown(&entry.name)),
                    "is in two shards",
                ));
            }
        }
        Ok(Self { files, tensors, tensor_idx, description })
    }

    /// The name of the file that describes the model: the GGUF, the Marian file or config.json.
    #[must_use]
    pub fn name(&self) -> &str {
        let (Description::Gguf { file_idx, .. }
        | Description::Json { file_idx, .. }
        | Description::Marian { file_idx, .. }) = &self.description;
        self.files[*file_idx].name()
    }

    /// The configuration's fields.
    #[must_use]
    pub fn config(&self) -> ConfigFields<'_> {
        match &self.description {
            Description::Gguf { metadata, architecture, .. } => {
                ConfigFields::from_gguf(self.name(), metadata, architecture)
            }
            Description::Json { config, .. } | Description::Marian { config, .. } => {
                ConfigFields::from_json(self.name(), config)
            }
        }
    }

    /// What the file calls its architecture: `model_type` of config.json, or
    /// `general.architecture`.
    pub fn architecture(&self) -> Result<&str, ModelError> {
        match &self.description {
            Description::Gguf { architecture, .. } => Ok(architecture),
            Description::Json { .. } | Description::Marian { .. } => {
                self.config().text("model_type")
            }
        }
    }

    /// The metadata of a GGUF file.
    #[must_use]
    pub fn gguf_metadata(&self) -> Option<&GgufMetadata> {
        match &self.description {
            Description::Gguf { metadata, .. } => Some(metadata),
            Description::Json { .. } | Description::Marian { .. } => None,
        }
    }

    /// The whole config.json, or a Marian file's configuration.
    #[must_use]
    pub fn config_json(&self) -> Option<&Map<String, Value>> {
        match &self.description {
            Description::Gguf { .. } => None,
            Description::Json { config, .. } | Description::Marian { config, .. } => Some(config),
        }
    }

    /// The tensors, file by file.
    #[must_use]
    pub fn tensors(&self) -> &[TensorEntry] {
        &self.tensors
    }

    /// The files that the checkpoint was opened from.
    #[must_use]
    pub fn files(&self) -> &[S] {
        &self.files
    }

    /// A tensor's entry.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&TensorEntry> {
        self.tensor_idx.get(name).map(|&entry_idx| &self.tensors[entry_idx])
    }

    /// A tensor's entry; an error where the file has none of that name.
    pub fn entry(&self, name: &str) -> Result<&TensorEntry, ModelError> {
        self.find(name).ok_or_else(|| ModelError::MissingTensor {
            file: self.name().to_owned(),
            tensor: name.to_owned(),
        })
    }

    /// The engine's type and shape of a tensor, refused where it has none.
    pub fn engine_type(&self, entry: &TensorEntry) -> Result<(DType, Shape), ModelError> {
        let file = self.files[entry.file_idx].name();
        let dtype = entry.dtype.engine_dtype().ok_or_else(|| ModelError::UnsupportedType {
            file: file.to_owned(),
            tensor: shown(&entry.name),
            dtype: entry.dtype.name().to_owned(),
            supported: FileDType::supported_names(),
        })?;
        let shape = match entry.shape.as_slice() {
            [] => Shape::new(&[1]),
            dims @ ([_] | [_, _] | [_, _, _] | [_, _, _, _]) => Shape::new(dims),
            dims => {
                return Err(ModelError::malformed(
                    file,
                    format!("tensor {}", shown(&entry.name)),
                    format!("has {} axes, the engine takes 4", dims.len()),
                ));
            }
        };
        Ok((dtype, shape))
    }

    /// Reads one tensor.
    pub async fn load(&self, name: &str) -> Result<TensorData, ModelError> {
        let entry = self.entry(name)?;
        if entry.dtype == FileDType::INTGEMM8 {
            return self.load_intgemm8(entry).await;
        }
        let (dtype, shape) = self.engine_type(entry)?;
        let bytes = self.load_part(entry, 0, entry.n_bytes).await?;
        Ok(TensorData { dtype, shape, bytes })
    }

    /// Reads a matrix of Marian's bytes, with the factor behind it.
    async fn load_intgemm8(&self, entry: &TensorEntry) -> Result<TensorData, ModelError> {
        let source = &self.files[entry.file_idx];
        let n_bytes = usize_from_u64(source.name(), &entry.name, entry.n_bytes)?;
        let bytes = source.read_at(entry.offset, n_bytes.saturating_add(4)).await?;
        let n_cols = entry.shape.last().copied().unwrap_or(1);
        let bytes = marian::blocks_from_intgemm8(source.name(), &entry.name, n_cols, &bytes)?;
        let shape = if entry.shape.is_empty() { &[1] } else { entry.shape.as_slice() };
        Ok(TensorData { dtype: DType::I8, shape: Shape::new(shape), bytes })
    }

    /// Reads `n_bytes` bytes of a tensor from its byte `start`, of any type.
    pub async fn load_part(
        &self,
        entry: &TensorEntry,
        start: u64,
        n_bytes: u64,
    ) -> Result<Vec<u8>, ModelError> {
        let source = &self.files[entry.file_idx];
        if start.checked_add(n_bytes).is_none_or(|end| end > entry.n_bytes) {
            return Err(ModelError::malformed(
                source.name(),
                format!("tensor {}", shown(&entry.name)),
                format!("has {} bytes; {n_bytes} from {start} were asked for", entry.n_bytes),
            ));
        }
        let length = usize_from_u64(source.name(), &entry.name, n_bytes)?;
        source.read_at(entry.offset + start, length).await
    }

    /// Holds the tensors against what the configuration promises: the first ten differences,
    /// then a count.
    pub fn check_shapes(
        &self,
        expected: impl IntoIterator<Item = (String, Vec<usize>)>,
    ) -> Result<(), ModelError> {
        const MAX_SHOWN: usize = 10;
        let mut differences = Vec::new();
        let mut n_more = 0usize;
        for (name, shape) in expected {
            let difference = match self.find(&name) {
                None => format!("{name}: expected {shape:?}, the file has no such tensor"),
                Some(entry) if entry.shape != shape => {
                    format!("{name}: expected {shape:?}, found {:?}", entry.shape)
                }
                Some(_) => continue,
            };
            if differences.len() < MAX_SHOWN {
                differences.push(difference);
            } else {
                n_more += 1;
            }
        }
        if n_more > 0 {
            differences.push(format!("and {n_more} more"));
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(ModelError::WeightsMismatch { file: self.name().to_owned(), differences })
    }

    /// Reads another JSON file of the folder, such as `generation_config.json`.
    pub async fn side_json(&self, name: &str) -> Result<Option<Map<String, Value>>, ModelError> {
        match self.files.iter().find(|file| file.name() == name) {
            None => Ok(None),
            Some(file) => json::parse_object(name, &read_all(file, MAX_CONFIG).await?).map(Some),
        }
    }

    /// The folder's lexical shortlist (`lex.….bin`), by which translations choose from few words.
    pub async fn shortlist(&self) -> Result<Option<Shortlist>, ModelError> {
        match self.files.iter().find(|file| is_shortlist(file.name())) {
            None => Ok(None),
            Some(file) => {
                let bytes = read_all(file, MAX_SHORTLIST).await?;
                Shortlist::parse(file.name(), &bytes).map(Some)
            }
        }
    }

    /// The text of the folder's tokenizer.json.
    pub async fn tokenizer_file(&self) -> Result<Option<String>, ModelError> {
        const NAME: &str = "tokenizer.json";
        match self.files.iter().find(|file| file.name() == NAME) {
            None => Ok(None),
            Some(file) => {
                let bytes = read_all(file, MAX_TOKENIZER).await?;
                json::utf8(NAME, &bytes).map(|text| Some(text.to_owned()))
            }
        }
    }
}

/// Which file is what.
#[derive(Default)]
struct Roles {
    gguf: Vec<usize>,
    safetensors: Vec<usize>,
    marian: Vec<usize>,
    config: Option<usize>,
    index: Option<usize>,
    /// Files of other kinds, for the refusal.
    others: Vec<(usize, FileKind)>,
}

/// Sorts files by name, and by their first bytes where the name says nothing.
async fn roles_of<S: ByteSource>(files: &[S]) -> Result<Roles, ModelError> {
    let mut roles = Roles::default();
    for (file_idx, file) in files.iter().enumerate() {
        let name = file.name();
        if name == "config.json" {
            roles.config = Some(file_idx);
        } else if name.ends_with(".safetensors.index.json") {
            roles.index = Some(file_idx);
        } else if name.ends_with(".safetensors") {
            roles.safetensors.push(file_idx);
        } else if name.ends_with(".gguf") {
            roles.gguf.push(file_idx);
        } else if !is_side_file(name) {
            let n_head = file.n_bytes().min(sniff::SNIFF_BYTES as u64) as usize;
            match sniff::sniff(&file.read_at(0, n_head).await?) {
                FileKind::Gguf => roles.gguf.push(file_idx),
                FileKind::Safetensors => roles.safetensors.push(file_idx),
                FileKind::Marian => roles.marian.push(file_idx),
                kind => roles.others.push((file_idx, kind)),
            }
        }
    }
    Ok(roles)
}

/// Files that lie beside a model and need no look inside.
fn is_side_file(name: &str) -> bool {
    const ENDS: [&str; 9] =
        [".json", ".txt", ".md", ".model", ".jinja", ".py", ".gitattributes", ".yml", ".spm"];
    is_shortlist(name) || ENDS.iter().any(|end| name.ends_with(end))
}

/// Shortlists have no other mark than their name before they are read.
fn is_shortlist(name: &str) -> bool {
    name.starts_with("lex.") && name.ends_with(".bin")
}

fn nothing_to_open<S: ByteSource>(files: &[S], roles: &Roles) -> ModelError {
    if let Some((file_idx, kind)) = roles.others.first() {
        return kind.refusal(files[*file_idx].name());
    }
    match roles.config.or(if files.is_empty() { None } else { Some(0) }) {
        Some(file_idx) => ModelError::WrongKind {
            file: files[file_idx].name().to_owned(),
            found: "a description without weights".to_owned(),
            advice: FileKind::Json.advice().to_owned(),
        },
        None => ModelError::WrongKind {
            file: "the selection".to_owned(),
            found: "no file at all".to_owned(),
            advice: FileKind::Unknown.advice().to_owned(),
        },
    }
}

/// The weights file of a folder without an index.
fn single_weights_file<S: ByteSource>(files: &[S], roles: &Roles) -> Result<usize, ModelError> {
    let named = roles.safetensors.iter().find(|&&i| files[i].name() == "model.safetensors");
    match (named, roles.safetensors.as_slice()) {
        (Some(&file_idx), _) | (None, &[file_idx]) => Ok(file_idx),
        (None, several) => {
            let names: Vec<String> = several.iter().map(|&i| shown(files[i].name())).collect();
            Err(ModelError::malformed(
                names.join(", "),
                "files",
                "are several weights files without model.safetensors.index.json: add the index",
            ))
        }
    }
}

async fn read_sharded<S: ByteSource>(
    files: &[S],
    roles: &Roles,
    index_idx: usize,
) -> Result<Vec<TensorEntry>, ModelError> {
    let index_file = files[index_idx].name();
    let index_bytes = read_all(&files[index_idx], MAX_INDEX).await?;
    let weight_map = safetensors::parse_index(index_file, &index_bytes)?;
    let mut shards: HashMap<&str, usize> = HashMap::new();
    let mut tensors: Vec<TensorEntry> = Vec::new();
    let mut file_of: HashMap<String, usize> = HashMap::new();
    for shard in weight_map.values() {
        if shards.contains_key(shard.as_str()) {
            continue;
        }
        let file_idx =
            roles.safetensors.iter().copied().find(|&i| files[i].name() == shard).ok_or_else(
                || {
                    let problem = "is named in the index but is not among the files";
                    ModelError::malformed(index_file, shown(shard), problem)
                },
            )?;
        shards.insert(shard, file_idx);
        for entry in shard_tensors(files, file_idx).await? {
            file_of.entry(entry.name.clone()).or_insert(file_idx);
            tensors.push(entry);
        }
    }
    for (tensor, shard) in &weight_map {
        let has_it =
            file_of.get(tensor).is_some_and(|file_idx| shards[shard.as_str()] == *file_idx);
        if !has_it {
            return Err(ModelError::malformed(
                index_file,
                format!("weight_map {}", shown(tensor)),
                format!("{} has no such tensor", shown(shard)),
            ));
        }
    }
    Ok(tensors)
}

async fn shard_tensors<S: ByteSource>(
    files: &[S],
    file_idx: usize,
) -> Result<Vec<TensorEntry>, ModelError> {
    let SafetensorsHeader { mut tensors, .. } = safetensors::read_header(&files[file_idx]).await?;
    tensors.iter_mut().for_each(|entry| entry.file_idx = file_idx);
    Ok(tensors)
}

/// Opens a model on disk: a .gguf file, or a folder that holds one model.
#[cfg(not(target_arch = "wasm32"))]
pub async fn open_path(
    path: &std::path::Path,
) -> Result<Checkpoint<super::FileSource>, ModelError> {
    use super::FileSource;
    let io_error = |err: std::io::Error| ModelError::Io {
        file: path.display().to_string(),
        problem: err.to_string(),
    };
    if !std::fs::metadata(path).map_err(io_error)?.is_dir() {
        return Checkpoint::open(vec![FileSource::open(path)?]).await;
    }
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io_error)? {
        let entry_path = entry.map_err(io_error)?.path();
        if entry_path.is_file() {
            paths.push(entry_path);
        }
    }
    if paths.is_empty() {
        return Err(ModelError::WrongKind {
            file: path.display().to_string(),
            found: "a folder without files".to_owned(),
            advice: FileKind::Unknown.advice().to_owned(),
        });
    }
    paths.sort();
    let files = paths.iter().map(|path| FileSource::open(path));
    Checkpoint::open(files.collect::<Result<Vec<FileSource>, ModelError>>()?).await
}
