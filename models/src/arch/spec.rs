//! What views and sessions need to know of a model, whatever its architecture, and all that its
//! forward pass depends on.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::feature_map::Features;
use vitrine_kernels::ops::rope::RopePairs;
use vitrine_kernels::ops::softmax::Reach;

use super::names::buckets_of_distances;
use crate::hook::{Hook, HookPoint, NormSite, Stack};

/// Which norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Centred, divided by σ, with gain and perhaps bias.
    LayerNorm,
    /// Divided by the root mean square, with gain.
    RmsNorm,
    /// None: wherever one would stand, rows pass as they are.
    None,
}

/// Where the norms of a block stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPosition {
    /// Before attention and MLP (GPT-2, Llama).
    Pre,
    /// After each residual sum (BERT, the 2017 Transformer).
    Post,
    /// Before attention and MLP and after each, before the sum (Ding et al. 2021, arXiv 2105.13290).
    Sandwich,
    /// After each sum, beside a second stream that is never normed but at the end, where it is added
    /// (ResiDual; Xie et al. 2023, arXiv 2304.14802).
    ResidualDual,
}

/// How the tokens of one text reach each other within a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mixer {
    /// By attention.
    #[default]
    Attention,
    /// By attention without a softmax: each through what those before it wrote into fast weights.
    Fast(FastWeights),
    /// Each through those before it, by a recurrent unit (Kim et al. 2019).
    Ssru,
    /// There are no blocks around it: gated recurrent units through time (Cho et al. 2014).
    Gru,
    /// There are no blocks around it: LSTMs through time (Hochreiter & Schmidhuber 1997).
    Lstm,
}

/// How fast weights are written and read (Schlag et al. 2021, arXiv 2102.11174).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastWeights {
    /// What queries and keys are mapped by.
    pub features: Features,
    /// Whether a token writes what is wrong (delta rule, features over their sum) rather than all.
    pub is_delta: bool,
    /// Whether what is read is divided by the sum of the weights.
    pub is_normalised: bool,
}

impl Mixer {
    /// How fast weights are written and read, where there are such.
    pub fn fast(self) -> Option<FastWeights> {
        if let Self::Fast(fast) = self { Some(fast) } else { None }
    }

    /// Whether the model is nothing but recurrent units and what they ask.
    pub fn is_all(self) -> bool {
        matches!(self, Self::Gru | Self::Lstm)
    }
}

/// How positions enter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// A learned table, added to the embeddings.
    Learned {
        /// Which row of the table is position 0.
        offset: usize,
        /// How positions are counted.
        counted: Counted,
    },
    /// Pairs of columns of queries and keys turn by angles.
    Rotary {
        /// Leading columns of each head that turn.
        n_rotary: usize,
        /// Base of the frequencies.
        base: f32,
        /// Which columns form a pair.
        pairs: RopePairs,
    },
    /// Scores fall linearly with the distance (ALiBi).
    Linear,
    /// Sines and cosines of falling frequency, added to the embeddings (the 2017 Transformer).
    Sinusoidal,
    /// By nothing but the order in which tokens are read.
    Order,
    /// Scores of each head are shifted by a learned number for each bucket of distances (T5).
    Buckets {
        /// Buckets, half of them for keys behind the query where those are seen.
        n_buckets: usize,
        /// From this distance on all share a bucket.
        max_distance: usize,
    },
}

/// How positions are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Every token.
    All,
    /// Tokens that are not hidden by the attention mask; hidden ones have the row before position
    /// 0 (OPT).
    Visible,
    /// Tokens other than this one, which has the row before position 0 (RoBERTa, ESM).
    Except(u32),
}

/// Sizes and kinds of one stack of blocks, in one vocabulary. An encoder–decoder is its decoder,
/// which holds its encoder.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Name in the list of architectures.
    pub architecture: &'static str,
    /// Which stack this is.
    pub stack: Stack,
    /// The stack that reads the source text; then each block here attends to its output.
    pub encoder: Option<Box<ModelSpec>>,
    /// What a target text begins with (encoder–decoders), where the configuration says so.
    pub decoder_start: Option<u32>,
    /// What a source text ends with (encoder–decoders) where its tokenizer does not say so.
    pub source_end: Option<u32>,
    /// Whether the first token of a text counts as nothing: its embedding is zero.
    pub blank_start: bool,
    /// Blocks.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Columns of the embedding table; where they are not `d_embed`, a projection follows.
    pub d_table: usize,
    /// Width of the sum of embeddings; where it is not `d_model`, a projection follows.
    pub d_embed: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads.
    pub n_kv_heads: usize,
    /// Width of a head.
    pub d_head: usize,
    /// Width of a head's values in cross-attention; 0: that of a head.
    pub d_value: usize,
    /// Width of a recurrent unit, 0 where there is none.
    pub d_hidden: usize,
    /// Whether a recurrent decoder gets the same of its source for each word, the mean of all rows,
    /// rather than what attention finds.
    pub fixed_context: bool,
    /// Width of the MLP.
    pub d_mlp: usize,
    /// Longest input.
    pub n_ctx: usize,
    /// Rows of the embedding.
    pub d_vocab: usize,
    /// Segments that a text can have (encoders), 0 where the model knows none.
    pub n_token_types: usize,
    /// Which norm.
    pub norm: NormKind,
    /// Where the norms stand.
    pub norm_position: NormPosition,
    /// ε of the norms.
    pub norm_eps: f32,
    /// Whether the embeddings are normed before the first block.
    pub embed_norm: bool,
    /// Whether that norm comes before positions are added.
    pub embed_norm_first: bool,
    /// Factor on the token embeddings.
    pub embed_scale: f32,
    /// The mask token, where its embedding is zero and the others make up for it (ESM).
    pub token_dropout: Option<u32>,
    /// How a block mixes tokens.
    pub mixer: Mixer,
    /// Whether each token sees earlier ones only.
    pub causal: bool,
    /// How many tokens back each layer sees; 0, or no entry: all.
    pub windows: Vec<usize>,
    /// Factor on the products of queries and keys.
    pub attn_scale: f32,
    /// Whether queries and keys are normed head by head before they turn.
    pub qk_norm: bool,
    /// Whether attention and MLP both read the block's input, side by side.
    pub parallel: bool,
    /// The MLP's activation.
    pub activation: Activation,
    /// Whether the MLP multiplies two branches.
    pub gated_mlp: bool,
    /// How positions enter.
    pub positions: Positions,
    /// Whether there is a head over the vocabulary.
    pub has_logits: bool,
    /// Factor on the rows that the unembedding gets.
    pub unembed_scale: f32,
    /// The activation within that head (masked words).
    pub head_activation: Activation,
    /// Whether the unembedding is the embedding.
    pub tied: bool,
    /// Whether there is a pooler over the first token.
    pub has_pooler: bool,
    /// Whether there is a next-sentence head.
    pub has_nsp: bool,
    /// Whether there is a head that scores each token as put in the place of another.
    pub has_replaced: bool,
}

impl ModelSpec {
    /// A causal Pre-LN model with learned positions (GPT-2's kind) without sizes.
    pub(crate) fn new(architecture: &'static str) -> Self {
        Self {
            architecture,
            stack: Stack::Only,
            encoder: None,
            decoder_start: None,
            source_end: None,
            blank_start: false,
            n_layers: 0,
            d_model: 0,
            d_table: 0,
            d_embed: 0,
            n_heads: 0,
            n_kv_heads: 0,
            d_head: 0,
            d_value: 0,
            d_hidden: 0,
            fixed_context: false,
            d_mlp: 0,
            n_ctx: 0,
            d_vocab: 0,
            n_token_types: 0,
            norm: NormKind::LayerNorm,
            norm_position: NormPosition::Pre,
            norm_eps: 0.0,
            embed_norm: false,
            embed_norm_first: false,
            embed_scale: 1.0,
            token_dropout: None,
            mixer: Mixer::Attention,
            causal: true,
            windows: Vec::new(),
            attn_scale: 1.0,
            qk_norm: false,
            parallel: false,
            activation: Activation::GeluTanh,
            gated_mlp: false,
            positions: Positions::Learned { offset: 0, counted: Counted::All },
            has_logits: true,
            unembed_scale: 1.0,
            head_activation: Activation::GeluErf,
            tied: false,
            has_pooler: false,
            has_nsp: false,
            has_replaced: false,
        }
    }

    /// Whether the rows of embeddings are weighed one by one.
    pub(crate) fn has_embed_factors(&self) -> bool {
        self.token_dropout.is_some() || self.blank_start
    }

    /// Width of a head's values in cross-attention.
    pub fn d_value(&self) -> usize {
        if self.d_value == 0 { self.d_head } else { self.d_value }
    }

    /// Width of a layer's recurrent unit: of LSTMs, the last is as wide as what the head reads.
    pub fn d_hidden_of(&self, layer: usize) -> usize {
        let is_last = self.mixer == Mixer::Lstm && layer + 1 == self.n_layers;
        if is_last { self.d_model } else { self.d_hidden }
    }

    /// Gates of a recurrent unit.
    pub(crate) fn n_gates(&self) -> usize {
        match self.mixer {
            Mixer::Gru => 3,
            Mixer::Lstm => 4,
            _ => 0,
        }
    }

    /// Whether a row cannot begin before the one before it has asked the source.
    pub(crate) fn is_stepwise(&self) -> bool {
        self.mixer == Mixer::Gru && self.has_cross()
    }

    /// Features of a head's queries and keys, where they are mapped; else its columns.
    pub fn d_feature(&self) -> usize {
        self.mixer.fast().map_or(self.d_head, |fast| fast.features.width(self.d_head, 0))
    }

    /// Whether what a token leaves cannot be taken back: then none can be hidden.
    pub fn reads_every_token(&self) -> bool {
        self.mixer.is_all() || self.mixer.fast().is_some()
    }

    /// Whether there is a norm between the last block and the head.
    pub(crate) fn has_final_norm(&self) -> bool {
        !self.is_post_norm() && self.norm != NormKind::None
    }

    /// Whether a second stream runs beside the normed one.
    pub(crate) fn has_dual(&self) -> bool {
        self.norm_position == NormPosition::ResidualDual
    }

    /// Whether queries and keys turn.
    pub fn is_rotary(&self) -> bool {
        matches!(self.positions, Positions::Rotary { .. })
    }

    /// Columns of a head that turn.
    pub(crate) fn n_rotary(&self) -> usize {
        match self.positions {
            Positions::Rotary { n_rotary, .. } => n_rotary,
            _ => 0,
        }
    }

    /// Rows of the table of positions.
    pub(crate) fn n_positions(&self) -> usize {
        match self.positions {
            Positions::Learned { offset, .. } => self.n_ctx + offset,
            Positions::Sinusoidal => self.n_ctx,
            _ => 0,
        }
    }

    /// Whether positions are rows of a table, learned or not.
    pub fn has_position_table(&self) -> bool {
        matches!(self.positions, Positions::Learned { .. } | Positions::Sinusoidal)
    }

    /// Whether scores shift by the bucket of their distance.
    pub fn has_buckets(&self) -> bool {
        matches!(self.positions, Positions::Buckets { .. })
    }

    /// Distances that have a bias of their own, from −R to R; 0 without buckets.
    pub(crate) fn n_distances(&self) -> usize {
        match self.positions {
            Positions::Buckets { max_distance, .. } => 2 * max_distance + 1,
            _ => 0,
        }
    }

    /// The bucket of each distance from −R to R, key less query; empty without buckets.
    pub fn buckets(&self) -> Vec<usize> {
        match self.positions {
            Positions::Buckets { n_buckets, max_distance } => {
                buckets_of_distances(n_buckets, max_distance, !self.causal)
            }
            _ => Vec::new(),
        }
    }

    /// What each head takes off a score for each token of distance (ALiBi); empty where it does not.
    pub fn slopes(&self) -> Vec<f32> {
        self.reach(0).slopes(self.n_heads)
    }

    /// Whether the blocks attend to the output of an encoder.
    pub fn has_cross(&self) -> bool {
        self.encoder.is_some()
    }

    /// The stack that a point belongs to; `None` where the model has no such stack.
    pub fn of(&self, point: HookPoint) -> Option<&Self> {
        match point.stack {
            Stack::Encoder if self.stack != Stack::Encoder => self.encoder.as_deref(),
            stack if stack == self.stack || point.hook == Hook::Logits => Some(self),
            _ => None,
        }
    }

    /// A hook's point in this stack.
    pub fn at(&self, hook: Hook, layer: usize) -> HookPoint {
        let stack = if hook == Hook::Logits { Stack::Only } else { self.stack };
        HookPoint { stack, hook, layer }
    }

    /// The same with its stack's place in an encoder–decoder.
    pub(crate) fn with_encoder(mut self, encoder: Self) -> Self {
        self.stack = Stack::Decoder;
        self.encoder = Some(Box::new(Self {
            stack: Stack::Encoder,
            causal: false,
            has_logits: false,
            ..encoder
        }));
        self
    }

    /// Whether the norms stand after the sums.
    pub fn is_post_norm(&self) -> bool {
        self.norm_position == NormPosition::Post
    }

    /// How far the queries of a layer see, and what distance costs.
    pub fn reach(&self, layer: usize) -> Reach {
        let window = self.windows.get(layer).copied().unwrap_or(0);
        Reach { window, alibi: self.positions == Positions::Linear }
    }

    /// The hooks that a forward pass of this model goes through, in its order.
    pub fn hooks(&self) -> Vec<Hook> {
        Hook::ALL.iter().copied().filter(|&hook| self.has(hook)).collect()
    }

    /// All points, those of an encoder first, layer by layer, in the order of a forward pass.
    pub fn points(&self) -> Vec<HookPoint> {
        let mut points = self.encoder.as_ref().map_or(Vec::new(), |encoder| encoder.points());
        let (mut before, mut block, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for hook in self.hooks() {
            if hook.is_per_layer() {
                block.push(hook);
            } else if block.is_empty() {
                before.push(self.at(hook, 0));
            } else {
                after.push(self.at(hook, 0));
            }
        }
        let block = &block;
        let blocks = (0..self.n_layers)
            .flat_map(|layer| block.iter().map(move |&hook| self.at(hook, layer)));
        points.extend(before.into_iter().chain(blocks).chain(after));
        points
    }

    /// Whether the model has a hook.
    pub fn has(&self, hook: Hook) -> bool {
        if self.mixer.is_all() {
            return self.has_recurrent(hook);
        }
        let is_of_norm = NormSite::ALL.iter().any(|site| site.hooks().contains(&hook));
        if is_of_norm && self.norm == NormKind::None {
            return false;
        }
        match hook {
            Hook::RnnStart
            | Hook::RnnGates
            | Hook::RnnHidden
            | Hook::RnnCell
            | Hook::RnnBackGates
            | Hook::RnnBackHidden
            | Hook::Readout => false,
            Hook::Norm1PostMean
            | Hook::Norm1PostScale
            | Hook::Norm1PostNormalized
            | Hook::Norm2PostMean
            | Hook::Norm2PostScale
            | Hook::Norm2PostNormalized => self.norm_position == NormPosition::Sandwich,
            Hook::ResidDual => self.has_dual(),
            Hook::Beta => self.mixer.fast().is_some_and(|fast| fast.is_delta),
            Hook::FastWeights => self.causal && self.mixer.fast().is_some(),
            Hook::FastSums => {
                self.causal && self.mixer.fast().is_some_and(|fast| fast.is_normalised)
            }
            Hook::PosEmbed => self.has_position_table(),
            Hook::TokenTypeEmbed => self.n_token_types > 0,
            Hook::EmbedNormMean | Hook::EmbedNormScale | Hook::EmbedNormalized => self.embed_norm,
            Hook::FullEmbed => !self.causal,
            Hook::LastHiddenState => !self.causal || self.has_dual(),
            Hook::NormalizedResidPost => self.is_post_norm() || self.has_dual(),
            Hook::FinalNormMean | Hook::FinalNormScale | Hook::FinalNormNormalized => {
                !self.is_post_norm()
            }
            Hook::CrossQ
            | Hook::CrossK
            | Hook::CrossV
            | Hook::CrossScores
            | Hook::CrossPattern
            | Hook::CrossZ
            | Hook::CrossOut
            | Hook::ResidMidCross
            | Hook::Norm3Mean
            | Hook::Norm3Scale
            | Hook::Norm3Normalized => self.has_cross(),
            Hook::Q | Hook::K | Hook::V | Hook::Z | Hook::AttnOut => {
                self.mixer == Mixer::Attention || self.mixer.fast().is_some()
            }
            Hook::AttnScores | Hook::Pattern => self.mixer == Mixer::Attention,
            Hook::RotQ | Hook::RotK => self.is_rotary(),
            Hook::SsruForget | Hook::SsruCandidate | Hook::SsruCell | Hook::SsruOut => {
                self.mixer == Mixer::Ssru
            }
            Hook::ResidMid => !self.parallel,
            Hook::MlpPreLinear => self.gated_mlp,
            Hook::PoolerOutput => self.has_pooler,
            Hook::NspLogits => self.has_nsp,
            Hook::DiscriminatorLogits => self.has_replaced,
            Hook::Logits => self.has_logits,
            _ => true,
        }
    }

    /// The same of a model that is nothing but recurrent units.
    fn has_recurrent(&self, hook: Hook) -> bool {
        match hook {
            Hook::Embed | Hook::RnnGates | Hook::RnnHidden => true,
            Hook::RnnCell => self.mixer == Mixer::Lstm,
            Hook::RnnBackGates | Hook::RnnBackHidden | Hook::LastHiddenState => {
                self.stack == Stack::Encoder
            }
            Hook::RnnStart | Hook::CrossV | Hook::CrossPattern | Hook::CrossZ | Hook::Readout => {
                self.has_cross()
            }
            Hook::CrossQ | Hook::CrossK | Hook::CrossScores => {
                self.has_cross() && !self.fixed_context
            }
            Hook::Logits => self.has_logits,
            _ => false,
        }
    }
}
