//! What views and sessions need to know of a model, whatever its architecture.

use vitrine_kernels::ops::activation::Activation;

use crate::hook::{Hook, HookPoint};

/// Which norm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormKind {
    /// Centred, divided by σ, with gain and perhaps bias.
    LayerNorm,
    /// Divided by the root mean square, with gain.
    RmsNorm,
}

/// Where the norms of a block stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormPosition {
    /// Before attention and MLP (GPT-2, Llama).
    Pre,
    /// After each residual sum (BERT, the 2017 Transformer).
    Post,
}

/// How positions enter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Positions {
    /// A learned table, added to the embeddings.
    Learned,
    /// Pairs of columns of queries and keys turn by angles.
    Rotary {
        /// Leading columns of each head that turn.
        n_rotary: usize,
        /// Base of the frequencies.
        base: f32,
    },
}

/// Sizes and kinds, in one vocabulary.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Name in the list of architectures.
    pub architecture: &'static str,
    /// Blocks.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads.
    pub n_heads: usize,
    /// Key and value heads.
    pub n_kv_heads: usize,
    /// Width of a head.
    pub d_head: usize,
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
    /// Whether each token sees earlier ones only.
    pub causal: bool,
    /// The MLP's activation.
    pub activation: Activation,
    /// Whether the MLP multiplies two branches.
    pub gated_mlp: bool,
    /// How positions enter.
    pub positions: Positions,
    /// Whether there is a head over the vocabulary.
    pub has_logits: bool,
    /// Whether the unembedding is the embedding.
    pub tied: bool,
    /// Whether there is a pooler over the first token.
    pub has_pooler: bool,
    /// Whether there is a next-sentence head.
    pub has_nsp: bool,
}

impl ModelSpec {
    /// Whether queries and keys turn.
    pub fn is_rotary(&self) -> bool {
        matches!(self.positions, Positions::Rotary { .. })
    }

    /// The hooks that a forward pass of this model goes through, in its order.
    pub fn hooks(&self) -> Vec<Hook> {
        Hook::ALL.iter().copied().filter(|&hook| self.has(hook)).collect()
    }

    /// All points, layer by layer, in the order of a forward pass.
    pub fn points(&self) -> Vec<HookPoint> {
        let (mut before, mut block, mut after) = (Vec::new(), Vec::new(), Vec::new());
        for hook in self.hooks() {
            if hook.is_per_layer() {
                block.push(hook);
            } else if block.is_empty() {
                before.push(HookPoint::model(hook));
            } else {
                after.push(HookPoint::model(hook));
            }
        }
        let blocks = (0..self.n_layers)
            .flat_map(|layer| block.iter().map(move |&hook| HookPoint::layer(hook, layer)));
        before.into_iter().chain(blocks).chain(after).collect()
    }

    /// Whether the model has a hook.
    pub fn has(&self, hook: Hook) -> bool {
        let post = self.norm_position == NormPosition::Post;
        match hook {
            Hook::PosEmbed => self.positions == Positions::Learned,
            Hook::TokenTypeEmbed => self.n_token_types > 0,
            Hook::EmbedNormMean
            | Hook::EmbedNormScale
            | Hook::EmbedNormalized
            | Hook::FullEmbed
            | Hook::NormalizedResidPost
            | Hook::LastHiddenState => post,
            Hook::FinalNormMean | Hook::FinalNormScale | Hook::FinalNormNormalized => !post,
            Hook::RotQ | Hook::RotK => self.is_rotary(),
            Hook::MlpPreLinear => self.gated_mlp,
            Hook::PoolerOutput => self.has_pooler,
            Hook::NspLogits => self.has_nsp,
            Hook::Logits => self.has_logits,
            _ => true,
        }
    }
}
