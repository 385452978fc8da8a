//! Hooks: the named places of a forward pass where values are captured or patched.
//!
//! Names are TransformerLens's (`transformer_lens/components/*.py`, `HookedEncoder.py`,
//! `HookedEncoderDecoder.py`), one a hook; where TransformerLens has none (means of norms, the encoder's outputs), the name follows
//! its style or that of transformers. The batch dimension is stripped.

use std::fmt;

use crate::arch::ModelSpec;

/// Which stack of blocks a hook belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stack {
    /// The only one of a model.
    #[default]
    Only,
    /// The one that reads the source text of an encoder–decoder.
    Encoder,
    /// The one that writes the target text of an encoder–decoder.
    Decoder,
}

/// What a hook holds, and so its shape for T tokens (beside S of a source text).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `[T, d_model]`.
    Model,
    /// `[T, d_embed]`: before a projection to d_model, where there is one.
    Embed,
    /// `[T, n_heads, d_head]`.
    Heads,
    /// `[T, n_kv_heads, d_head]`.
    KvHeads,
    /// `[T, n_heads]`: one number a head.
    PerHead,
    /// `[T, n_heads, d_feature]`.
    Features,
    /// `[T, n_heads, d_head, d_feature]`: the fast weights of each head after each token.
    FastWeights,
    /// `[T, d_mlp]`.
    Mlp,
    /// `[T, d_hidden]`: rows of a recurrent unit.
    Hidden,
    /// `[T, n_gates, d_hidden]`.
    Gates,
    /// `[1, d_hidden]`: one row for the whole text.
    Start,
    /// `[T, 1]`: one number a token, of a norm.
    Stat,
    /// `[T, 1]`: one number a token, of a head.
    Score,
    /// `[n_heads, T, T]`: queries down, keys across.
    Map,
    /// `[S, n_kv_heads, d_head]`: rows of the source text.
    SourceHeads,
    /// `[n_heads, T, S]`: queries of the target down, keys of the source across.
    CrossMap,
    /// `[T, d_vocab]`.
    Vocab,
    /// `[d_model]`: one row for the whole text.
    Pooled,
    /// `[2]`: scores of the next-sentence head.
    Pair,
}

/// Declares the hooks from one list, in the order of a forward pass.
macro_rules! hooks {
    ($($(#[$doc:meta])* $variant:ident $scope:ident $form:ident $name:literal;)*) => {
        /// A kind of place in a forward pass.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Hook {
            $($(#[$doc])* $variant,)*
        }

        impl Hook {
            /// All hooks, in the order of a forward pass.
            pub const ALL: &'static [Hook] = &[$(Hook::$variant),*];

            /// The name, without `blocks.{layer}.` for those that each layer has.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it holds.
            pub fn form(self) -> Form {
                match self { $(Self::$variant => Form::$form,)* }
            }

            /// Whether each layer has one.
            pub fn is_per_layer(self) -> bool {
                match self { $(Self::$variant => hooks!(@ $scope),)* }
            }
        }
    };
    (@ layer) => { true };
    (@ model) => { false };
}

hooks! {
    /// Token embeddings.
    Embed model Embed "hook_embed";
    /// Learned position embeddings.
    PosEmbed model Embed "hook_pos_embed";
    /// Segment embeddings (encoders).
    TokenTypeEmbed model Embed "hook_token_type_embed";
    /// Mean of each row before the embedding norm.
    EmbedNormMean model Stat "embed.ln.hook_mean";
    /// σ of each row before the embedding norm.
    EmbedNormScale model Stat "embed.ln.hook_scale";
    /// The embedding norm's output.
    EmbedNormalized model Embed "embed.ln.hook_normalized";
    /// What enters the first block (encoders).
    FullEmbed model Model "hook_full_embed";
    /// The block's input.
    ResidPre layer Model "hook_resid_pre";
    /// Mean of each row before the first norm.
    Norm1Mean layer Stat "ln1.hook_mean";
    /// σ (or rms) of each row before the first norm.
    Norm1Scale layer Stat "ln1.hook_scale";
    /// LayerNorm: the output; RMSNorm: before the gain.
    Norm1Normalized layer Model "ln1.hook_normalized";
    /// Queries, before any rotation.
    Q layer Heads "attn.hook_q";
    /// Keys, before any rotation.
    K layer KvHeads "attn.hook_k";
    /// Values.
    V layer KvHeads "attn.hook_v";
    /// Queries after rotation.
    RotQ layer Heads "attn.hook_rot_q";
    /// Keys after rotation.
    RotK layer KvHeads "attn.hook_rot_k";
    /// Scaled products, −∞ where masked.
    AttnScores layer Map "attn.hook_attn_scores";
    /// Softmax of the scores.
    Pattern layer Map "attn.hook_pattern";
    /// How much of what is wrong a token writes into the fast weights (delta rule).
    Beta layer PerHead "attn.hook_beta";
    /// Fast weights after each token: values by features.
    FastWeights layer FastWeights "attn.hook_fast_weights";
    /// Sum of the mapped keys up to each token, which normalises what is read.
    FastSums layer Features "attn.hook_fast_sums";
    /// Pattern-weighted values; of fast weights what queries read.
    Z layer Heads "attn.hook_z";
    /// Mean of each row before the norm of what attention adds (sandwich).
    Norm1PostMean layer Stat "ln1_post.hook_mean";
    /// σ (or rms) of each row before that norm.
    Norm1PostScale layer Stat "ln1_post.hook_scale";
    /// LayerNorm: the output; RMSNorm: before the gain.
    Norm1PostNormalized layer Model "ln1_post.hook_normalized";
    /// What attention adds to the residual stream.
    AttnOut layer Model "hook_attn_out";
    /// Before the sigmoid that says how much of the cell is kept (SSRU).
    SsruForget layer Model "ssru.hook_forget_pre";
    /// What the cell takes up where it forgets (SSRU).
    SsruCandidate layer Model "ssru.hook_candidate";
    /// The cell after each token (SSRU).
    SsruCell layer Model "ssru.hook_cell";
    /// What the recurrent unit adds to the residual stream: the positive part of its cell (SSRU).
    SsruOut layer Model "hook_ssru_out";
    /// The residual stream between attention and MLP.
    ResidMid layer Model "hook_resid_mid";
    /// Mean of each row before the second norm.
    Norm2Mean layer Stat "ln2.hook_mean";
    /// σ (or rms) of each row before the second norm.
    Norm2Scale layer Stat "ln2.hook_scale";
    /// LayerNorm: the output; RMSNorm: before the gain.
    Norm2Normalized layer Model "ln2.hook_normalized";
    /// The hidden state that a recurrent decoder starts from.
    RnnStart layer Start "rnn.hook_start";
    /// Queries of a decoder that ask the source.
    CrossQ layer Heads "cross_attn.hook_q";
    /// Keys of the source.
    CrossK layer SourceHeads "cross_attn.hook_k";
    /// Values of the source.
    CrossV layer SourceHeads "cross_attn.hook_v";
    /// Scaled products of target and source, −∞ where masked.
    CrossScores layer CrossMap "cross_attn.hook_attn_scores";
    /// Softmax of those scores: which source tokens a target token looks at.
    CrossPattern layer CrossMap "cross_attn.hook_pattern";
    /// Pattern-weighted values of the source.
    CrossZ layer Heads "cross_attn.hook_z";
    /// What cross-attention adds to the residual stream.
    CrossOut layer Model "hook_cross_attn_out";
    /// The residual stream between cross-attention and MLP.
    ResidMidCross layer Model "hook_resid_mid_cross";
    /// Gates of a recurrent unit, open or shut: reset, update, new (GRU); input, forget, new, output
    /// (LSTM).
    RnnGates layer Gates "rnn.hook_gates";
    /// The hidden state after each token.
    RnnHidden layer Hidden "rnn.hook_hidden";
    /// The cell after each token (LSTM).
    RnnCell layer Hidden "rnn.hook_cell";
    /// Gates of the unit that reads backwards.
    RnnBackGates layer Gates "rnn_back.hook_gates";
    /// The hidden state after each token and all behind it.
    RnnBackHidden layer Hidden "rnn_back.hook_hidden";
    /// What the head reads: state, answer of the source and word in one row.
    Readout layer Model "hook_readout";
    /// Mean of each row before the third norm (decoders with cross-attention).
    Norm3Mean layer Stat "ln3.hook_mean";
    /// σ (or rms) of each row before the third norm.
    Norm3Scale layer Stat "ln3.hook_scale";
    /// LayerNorm: the output; RMSNorm: before the gain.
    Norm3Normalized layer Model "ln3.hook_normalized";
    /// Before the activation (the gate of a gated MLP).
    MlpPre layer Mlp "mlp.hook_pre";
    /// The linear branch of a gated MLP.
    MlpPreLinear layer Mlp "mlp.hook_pre_linear";
    /// After the activation (and the gate).
    MlpPost layer Mlp "mlp.hook_post";
    /// Mean of each row before the norm of what the MLP adds (sandwich).
    Norm2PostMean layer Stat "ln2_post.hook_mean";
    /// σ (or rms) of each row before that norm.
    Norm2PostScale layer Stat "ln2_post.hook_scale";
    /// LayerNorm: the output; RMSNorm: before the gain.
    Norm2PostNormalized layer Model "ln2_post.hook_normalized";
    /// What the MLP adds to the residual stream.
    MlpOut layer Model "hook_mlp_out";
    /// The block's output; in Post-LN blocks before the last norm.
    ResidPost layer Model "hook_resid_post";
    /// Post-LN blocks: after the last norm.
    NormalizedResidPost layer Model "hook_normalized_resid_post";
    /// The second stream after the block, which no norm has touched (ResiDual).
    ResidDual layer Model "hook_resid_dual";
    /// Mean of each row before the final norm.
    FinalNormMean model Stat "ln_final.hook_mean";
    /// σ (or rms) of each row before the final norm.
    FinalNormScale model Stat "ln_final.hook_scale";
    /// LayerNorm: the output; RMSNorm: before the gain.
    FinalNormNormalized model Model "ln_final.hook_normalized";
    /// An encoder's output; of ResiDual what both streams give the head.
    LastHiddenState model Model "last_hidden_state";
    /// ELECTRA's score of "this token was put in the place of another", before the sigmoid.
    DiscriminatorLogits model Score "discriminator_logits";
    /// tanh of a projection of the first token.
    PoolerOutput model Pooled "pooler_output";
    /// Scores of "the second sentence follows" and "it does not".
    NspLogits model Pair "nsp_logits";
    /// Scores of every token of the vocabulary.
    Logits model Vocab "logits";
}

/// The norms whose statistics are hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NormSite {
    /// After the embeddings.
    Embed,
    /// A block's first.
    One,
    /// Sandwich: after attention.
    OnePost,
    /// Sandwich: after the MLP.
    TwoPost,
    /// A block's second: before (Post-LN: after) cross-attention where there is such, else the MLP.
    Two,
    /// A block's third: of the MLP where there is cross-attention.
    Three,
    /// Before the unembedding.
    Final,
}

impl NormSite {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Embed, Self::One, Self::OnePost, Self::Two, Self::TwoPost, Self::Three, Self::Final];

    /// Its hooks: mean, scale, normalised rows.
    pub fn hooks(self) -> [Hook; 3] {
        match self {
            Self::Embed => [Hook::EmbedNormMean, Hook::EmbedNormScale, Hook::EmbedNormalized],
            Self::One => [Hook::Norm1Mean, Hook::Norm1Scale, Hook::Norm1Normalized],
            Self::OnePost => [Hook::Norm1PostMean, Hook::Norm1PostScale, Hook::Norm1PostNormalized],
            Self::Two => [Hook::Norm2Mean, Hook::Norm2Scale, Hook::Norm2Normalized],
            Self::TwoPost => [Hook::Norm2PostMean, Hook::Norm2PostScale, Hook::Norm2PostNormalized],
            Self::Three => [Hook::Norm3Mean, Hook::Norm3Scale, Hook::Norm3Normalized],
            Self::Final => [Hook::FinalNormMean, Hook::FinalNormScale, Hook::FinalNormNormalized],
        }
    }
}

impl Hook {
    /// Whether the hook is one of a norm's means.
    pub fn is_mean(self) -> bool {
        NormSite::ALL.iter().any(|site| site.hooks()[0] == self)
    }

    /// Whether the hook is computed from others when it is read, rather than in every run.
    pub fn is_derived(self) -> bool {
        matches!(
            self,
            Self::AttnScores
                | Self::CrossScores
                | Self::PoolerOutput
                | Self::NspLogits
                | Self::Logits
        )
    }

    /// Whether an intervention can act here: rows that the forward pass goes on with.
    pub fn is_patchable(self) -> bool {
        let rows = matches!(
            self.form(),
            Form::Model | Form::Embed | Form::Heads | Form::KvHeads | Form::SourceHeads | Form::Mlp
        );
        let is_normalized = NormSite::ALL.iter().any(|site| site.hooks()[2] == self);
        // A cell goes on in the state as it was computed.
        let is_state = matches!(self, Self::LastHiddenState | Self::SsruCell);
        rows && !is_normalized && !is_state
    }
}

/// A hook of a certain layer, or of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HookPoint {
    /// Which stack.
    pub stack: Stack,
    /// Which kind.
    pub hook: Hook,
    /// Which layer; 0 for hooks of the model.
    pub layer: usize,
}

impl HookPoint {
    /// A hook of a model with one stack.
    pub fn model(hook: Hook) -> Self {
        Self { stack: Stack::Only, hook, layer: 0 }
    }

    /// A hook of a layer of a model with one stack.
    pub fn layer(hook: Hook, layer: usize) -> Self {
        Self { stack: Stack::Only, hook, layer }
    }

    /// Width of a head: values of cross-attention may have one of their own.
    pub(crate) fn d_head(self, spec: &ModelSpec) -> usize {
        match self.hook {
            Hook::CrossV | Hook::CrossZ => spec.d_value(),
            _ => spec.d_head,
        }
    }

    /// Columns of a row in the engine: heads side by side. `None` for maps and what is derived.
    pub fn n_cols(self, spec: &ModelSpec) -> Option<usize> {
        let d_hidden = spec.d_hidden_of(self.layer);
        Some(match self.hook.form() {
            Form::Model => spec.d_model,
            Form::Embed => spec.d_embed,
            Form::Heads => spec.n_heads * self.d_head(spec),
            Form::KvHeads | Form::SourceHeads => spec.n_kv_heads * self.d_head(spec),
            Form::PerHead => spec.n_heads,
            Form::Features => spec.n_heads * spec.d_feature(),
            Form::FastWeights => spec.n_heads * spec.d_head * spec.d_feature(),
            Form::Mlp => spec.d_mlp,
            Form::Hidden | Form::Start => d_hidden,
            Form::Gates => spec.n_gates() * d_hidden,
            Form::Stat | Form::Score => 1,
            Form::Map | Form::CrossMap | Form::Vocab | Form::Pooled | Form::Pair => return None,
        })
    }

    /// Its shape for `n_tokens` tokens, and `n_source` of a source text.
    pub fn shape(self, spec: &ModelSpec, n_tokens: usize, n_source: usize) -> Vec<usize> {
        let (d_head, d_hidden) = (self.d_head(spec), spec.d_hidden_of(self.layer));
        match self.hook.form() {
            Form::Model => vec![n_tokens, spec.d_model],
            Form::Embed => vec![n_tokens, spec.d_embed],
            Form::Heads => vec![n_tokens, spec.n_heads, d_head],
            Form::KvHeads => vec![n_tokens, spec.n_kv_heads, d_head],
            Form::PerHead => vec![n_tokens, spec.n_heads],
            Form::Features => vec![n_tokens, spec.n_heads, spec.d_feature()],
            Form::FastWeights => vec![n_tokens, spec.n_heads, d_head, spec.d_feature()],
            Form::Mlp => vec![n_tokens, spec.d_mlp],
            Form::Hidden => vec![n_tokens, d_hidden],
            Form::Gates => vec![n_tokens, spec.n_gates(), d_hidden],
            Form::Start => vec![1, d_hidden],
            Form::Stat | Form::Score => vec![n_tokens, 1],
            Form::Map => vec![spec.n_heads, n_tokens, n_tokens],
            Form::SourceHeads => vec![n_source, spec.n_kv_heads, d_head],
            Form::CrossMap => vec![spec.n_heads, n_tokens, n_source],
            Form::Vocab => vec![n_tokens, spec.d_vocab],
            Form::Pooled => vec![spec.d_model],
            Form::Pair => vec![2],
        }
    }

    /// The same hook of another stack.
    pub fn in_stack(self, stack: Stack) -> Self {
        Self { stack, ..self }
    }

    /// Reads a full name, such as `blocks.3.attn.hook_pattern` or `decoder.0.cross_attn.hook_q`.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Stack::Only, Stack::Encoder, Stack::Decoder].into_iter();
        all.flat_map(|stack| Hook::ALL.iter().map(move |&hook| (stack, hook))).find_map(
            |(stack, hook)| {
                let rest = name.strip_prefix(prefix_of(stack, hook))?;
                if !hook.is_per_layer() {
                    return (rest == own_name(stack, hook)).then_some(Self {
                        stack,
                        hook,
                        layer: 0,
                    });
                }
                let (layer, rest) = rest.split_once('.')?;
                // "+3" and "03" are other spellings, and a hook has one name.
                let value: usize = layer.parse().ok()?;
                let is_it = rest == hook.name() && value.to_string() == layer;
                is_it.then_some(Self { stack, hook, layer: value })
            },
        )
    }
}

/// What stands before the layer's number, or before the name of a stack's own hook.
fn prefix_of(stack: Stack, hook: Hook) -> &'static str {
    let is_final_norm = NormSite::Final.hooks().contains(&hook);
    match (stack, hook) {
        (_, Hook::Logits) => "",
        (Stack::Only, _) if hook.is_per_layer() => "blocks.",
        (Stack::Only, _) => "",
        (Stack::Encoder, _) if is_final_norm => "encoder_final_",
        (Stack::Encoder, _) => "encoder.",
        (Stack::Decoder, _) if is_final_norm => "decoder_final_",
        (Stack::Decoder, _) => "decoder.",
    }
}

/// The name behind the prefix: TransformerLens has `ln_final` of one stack, but `encoder_final_ln`
/// and `decoder_final_ln` of two.
fn own_name(stack: Stack, hook: Hook) -> &'static str {
    const FINAL: [&str; 3] = ["ln.hook_mean", "ln.hook_scale", "ln.hook_normalized"];
    let site = NormSite::Final.hooks().iter().position(|&own| own == hook);
    match (stack, site) {
        (Stack::Only, _) | (_, None) => hook.name(),
        (_, Some(idx)) => FINAL[idx],
    }
}

/// The full name.
impl fmt::Display for HookPoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(prefix_of(self.stack, self.hook))?;
        if self.hook.is_per_layer() {
            write!(f, "{}.", self.layer)?;
        }
        f.write_str(own_name(self.stack, self.hook))
    }
}

/// Whether a name matches a pattern in which `*` stands for any run of characters.
pub fn matches_glob(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_are_unique() {
        for (idx, &hook) in Hook::ALL.iter().enumerate() {
            let layer = if hook.is_per_layer() { 17 } else { 0 };
            for stack in [Stack::Only, Stack::Encoder, Stack::Decoder] {
                let point = HookPoint { stack, hook, layer };
                let expected = match hook {
                    Hook::Logits => point.in_stack(Stack::Only),
                    _ => point,
                };
                assert_eq!(HookPoint::parse(&point.to_string()), Some(expected));
            }
            assert!(Hook::ALL[..idx].iter().all(|other| other.name() != hook.name()));
        }
        let name = |stack, hook| HookPoint::layer(hook, 2).in_stack(stack).to_string();
        assert_eq!(name(Stack::Decoder, Hook::CrossPattern), "decoder.2.cross_attn.hook_pattern");
        assert_eq!(name(Stack::Encoder, Hook::FinalNormScale), "encoder_final_ln.hook_scale");
        for bad in [
            "encoder.ln_final.hook_scale",
            "encoder.blocks.0.attn.hook_q",
            "hook_q",
            "blocks.0.hook_embed",
            "blocks.x.attn.hook_q",
            "blocks.01.hook_resid_pre",
            "",
        ] {
            assert_eq!(HookPoint::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn globs_match() {
        let name = "blocks.10.attn.hook_pattern";
        for good in ["*", name, "blocks.*.attn.*", "*pattern", "blocks.1*", "b*10*p*n"] {
            assert!(matches_glob(good, name), "{good}");
        }
        for bad in ["", "blocks", "*patter", "blocks.2*", "*z*", "blocks.10.attn.hook_pattern*n"] {
            assert!(!matches_glob(bad, name), "{bad}");
        }
    }
}
