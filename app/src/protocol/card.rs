//! What the page is told of a model that is loaded.

use serde::{Deserialize, Serialize};

use super::ModelSource;

/// What is loaded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// For people.
    pub title: String,
    /// As the page can ask for it again.
    pub source: Option<ModelSource>,
    /// Architecture name as in the list.
    pub architecture: String,
    /// Layers.
    pub n_layers: u32,
    /// Query heads.
    pub n_heads: u32,
    /// Key and value heads.
    pub n_kv_heads: u32,
    /// Width of the residual stream.
    pub d_model: u32,
    /// Width of a head.
    pub d_head: u32,
    /// Width of the MLP.
    pub d_mlp: u32,
    /// Longest input.
    pub n_ctx: u32,
    /// Vocabulary.
    pub d_vocab: u32,
    /// Each token sees earlier ones only, and there is a next token to predict.
    pub causal: bool,
    /// RMSNorm rather than LayerNorm.
    pub rms_norm: bool,
    /// Norm after the residual sum (BERT) rather than before the block.
    pub post_norm: bool,
    /// Gated MLP (hook_pre_linear exists).
    pub gated_mlp: bool,
    /// Weights.
    pub n_params: u64,
    /// Storage types and how many weights each holds: `Q4_1 106 M`.
    pub storage: Vec<String>,
    /// Bytes that the engine holds.
    pub bytes_held: u64,
    /// Files with size and sha256.
    pub files: Vec<FileFact>,
    /// Whether all weights have the hash that was published with them.
    pub verified: bool,
    /// SPDX expression, if known.
    pub licence: Option<String>,
    /// Exact commit of the hub, if from there.
    pub revision: Option<String>,
    /// Names of the hooks that can be wanted.
    pub hooks: Vec<String>,
    /// γ (and β) of every norm: name → values; the panel of norms draws them.
    pub norm_weights: Vec<NormWeights>,
    /// A head over the vocabulary that fills masked places.
    pub has_mlm: bool,
    /// What stands in a masked place, where the tokenizer has such a token.
    pub mask_token: Option<u32>,
    /// How many tokens back each layer sees, itself included; 0, or no entry: all.
    pub windows: Vec<u32>,
    /// What the weights are for, and how many there are: `attention`, …
    pub parts: Vec<(String, u64)>,
    /// The configuration as the file states it.
    pub config: Vec<(String, String)>,
    /// What there is to know of the tokenizer.
    pub tokenizer: Vec<(String, String)>,
    /// Matrices that can be looked at.
    pub matrices: Vec<MatrixFact>,
    /// How positions enter, a stack each.
    pub positions: Vec<PositionFacts>,
    /// Whether the model comes with a template for conversations.
    pub has_chat: bool,
    /// There is no model: this is a run that was recorded elsewhere.
    pub recorded: Option<RecordedFacts>,
    /// Factor on the products of queries and keys.
    pub attn_scale: f32,
    /// The stack that reads the source; the rest is then the decoder's. Hooks and norms have full
    /// names, those of both are in the decoder's lists.
    pub encoder: Option<Box<ModelCard>>,
}

impl ModelCard {
    /// Whether there is no model, only what a run left behind.
    pub fn is_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    /// Whether tokens can be masked and asked for.
    pub fn can_mask(&self) -> bool {
        self.has_mlm && self.mask_token.is_some()
    }
}

/// What a file says of a recorded run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFacts {
    /// Whether the ids of the tokens are in the file.
    pub has_ids: bool,
    /// What the visitor should know of it.
    pub notes: Vec<String>,
}

/// A matrix of the weights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixFact {
    /// `blocks.3.attn.W_Q`.
    pub name: String,
    /// Rows (outputs, or the tokens or positions of a table) and columns.
    pub shape: (u32, u32),
}

/// Cells of a matrix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightsPart {
    /// Its name.
    pub name: String,
    /// Rows and columns of the whole.
    pub shape: (u32, u32),
    /// First row and column that came.
    pub first: (u32, u32),
    /// Rows and columns that came.
    pub size: (u32, u32),
    /// How the file stores it; empty for products of several.
    pub stored_as: String,
}

/// How positions enter a stack of blocks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PositionFacts {
    /// `encoder`, `decoder`, or nothing where there is one stack.
    pub stack: String,
    /// Which way.
    pub kind: PositionKind,
    /// The table's name among [`ModelCard::matrices`].
    pub table: Option<String>,
    /// The table's row of position 0.
    pub offset: u32,
    /// Radians a position by which each rotary pair turns.
    pub frequencies: Vec<f64>,
    /// Whether a pair is two columns side by side, rather than half a head apart.
    pub is_interleaved: bool,
    /// What each head takes off a score for each token of distance.
    pub slopes: Vec<f32>,
    /// What each head adds to a score, `[n_heads, 2R + 1]`, from R tokens before to R behind.
    pub biases: Vec<f32>,
    /// The bucket of each of those distances.
    pub buckets: Vec<u32>,
    /// How many tokens back each layer sees, itself included; 0: all.
    pub windows: Vec<u32>,
    /// Each token sees earlier ones only.
    pub causal: bool,
}

/// The ways in which positions enter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PositionKind {
    /// A learned table, added to the embeddings.
    #[default]
    Learned,
    /// Sines and cosines, added to the embeddings.
    Sinusoidal,
    /// Queries and keys turn.
    Rotary,
    /// Scores fall with the distance (ALiBi).
    Linear,
    /// Scores shift by the distance's bucket (T5).
    Buckets,
    /// Tokens are read one after another (recurrent models): nothing is added.
    Order,
}

/// One file of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its hash in hexadecimal, if computed.
    pub sha256: Option<String>,
    /// Whether its origin published the same hash.
    pub published: bool,
}

/// Gain and bias of one norm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormWeights {
    /// `blocks.3.ln1`, `ln_final`, …
    pub name: String,
    /// γ, `[d_model]`.
    pub gain: Vec<f32>,
    /// β, `[d_model]`, or empty.
    pub bias: Vec<f32>,
}
