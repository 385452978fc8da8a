//! The forward pass of all architectures: what differs is in [`ModelSpec`].
//!
//! One function a part, recorded through [`Forward`]: ids to the last block's output, the norm
//! after it, the heads. Shapes are `[T, d_model]` where nothing else is said.

use vitrine_kernels::TensorId;
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::scale::Scale;

use super::forward::RunInput;
use super::{Forward, Mixer, ModelSpec, NormPosition, recurrent};
use crate::error::ModelError;
use crate::hook::{Hook, NormSite};

type Recorded = Result<TensorId, ModelError>;

/// Name of a column of ones, `[d_embed, 1]`: the constant of models that weigh embeddings.
pub(crate) const ONES: &str = "embed.ones";

/// From token ids to the last block's output.
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn body(f: &mut Forward<'_>) -> Recorded {
    let spec = f.spec();
    if spec.mixer.is_all() {
        return recurrent::body(f);
    }
    let resid = embed(f, spec)?;
    let resid = f.dropout(resid)?;
    let mut streams = Streams { resid, dual: spec.has_dual().then_some(resid) };
    for layer in 0..spec.n_layers {
        streams = f.block(layer, |f| block(f, spec, streams))?;
    }
    if spec.has_replaced {
        let x = f.linear(streams.resid, "replaced_head.transform")?;
        let x = f.activation(x, spec.activation)?;
        let score = f.linear(x, "replaced_head.score")?; // [T, 1]
        f.hook(Hook::DiscriminatorLogits, score)?;
    }
    let Streams { resid, dual: Some(dual) } = streams else { return Ok(streams.resid) };
    let normed = f.norm(NormSite::Final, "ln_final", dual)?;
    let both = f.add(resid, normed)?;
    f.hook(Hook::LastHiddenState, both)
}

/// What goes from block to block.
#[derive(Clone, Copy)]
struct Streams {
    /// The residual stream.
    resid: TensorId,
    /// Of ResiDual the second one: the embeddings and all that was ever added, never normed.
    dual: Option<TensorId>,
}

/// What stands between the last block and the head: the final norm, where there is one. ResiDual's
/// belongs to the second stream, within [`body`].
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn final_norm(f: &mut Forward<'_>, x: TensorId) -> Recorded {
    let spec = f.spec();
    match spec.has_final_norm() && !spec.has_dual() {
        true => f.norm(NormSite::Final, "ln_final", x),
        false => Ok(x),
    }
}

/// The head over the vocabulary, `[n, d_model]` → `[n, d_vocab]`; only where
/// [`ModelSpec::has_logits`].
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn unembed(f: &mut Forward<'_>, mut x: TensorId) -> Recorded {
    let spec = f.spec();
    if f.has("mlm_head.W_transform") {
        x = f.linear(x, "mlm_head.transform")?;
        x = f.activation(x, spec.head_activation)?;
        x = f.plain_norm("mlm_head.ln", x)?.y;
    } else if f.has("unembed.W_proj") {
        x = f.linear(x, "unembed.proj")?;
    }
    if spec.unembed_scale != 1.0 {
        let (rows, cols) = (0..usize::MAX, 0..spec.d_model);
        x = f.recorder().scale(x, Scale { rows, cols, factor: spec.unembed_scale })?;
    }
    let table = f.weight(if spec.tied { "embed.W_E" } else { "unembed.W_U" })?;
    let bias = if f.has("unembed.b_U") { Some(f.weight("unembed.b_U")?) } else { None };
    f.product(x, table, bias, "unembed.a_U")
}

/// Keys and values that every block of a decoder asks, from the encoder's output `[S, d_model]`.
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn cross_keys(f: &mut Forward<'_>, encoded: TensorId) -> Result<(), ModelError> {
    if f.spec().mixer.is_all() {
        return recurrent::cross_keys(f, encoded);
    }
    for layer in 0..f.spec().n_layers {
        f.block(layer, |f| {
            let k = f.linear(encoded, "cross_attn.K")?;
            f.hook(Hook::CrossK, k)?;
            let v = f.linear(encoded, "cross_attn.V")?;
            f.hook(Hook::CrossV, v)
        })?;
    }
    Ok(())
}

/// The heads over the first token's row `[1, d_model]`.
///
/// # Errors
/// If the recording refuses an op.
pub(crate) fn pooled(
    f: &mut Forward<'_>,
    first_row: TensorId,
) -> Result<Vec<(Hook, TensorId)>, ModelError> {
    let mut heads = Vec::new();
    if f.spec().has_pooler {
        let x = final_norm(f, first_row)?;
        let x = f.linear(x, "pooler.pool")?;
        let pooled = f.activation(x, Activation::Tanh)?;
        heads.push((Hook::PoolerOutput, pooled));
        if f.spec().has_nsp {
            heads.push((Hook::NspLogits, f.linear(pooled, "nsp_head.nsp")?));
        }
    }
    Ok(heads)
}

/// Token ids to the first block's input.
fn embed(f: &mut Forward<'_>, spec: &ModelSpec) -> Recorded {
    let ids = f.ids();
    let mut sum = f.gather("embed.W_E", ids)?; // [T, d_table]
    if spec.d_table != spec.d_embed {
        sum = f.linear(sum, "embed.proj")?; // [T, d_embed]
    }
    if spec.embed_scale != 1.0 {
        let (rows, cols) = (0..usize::MAX, 0..spec.d_embed);
        sum = f.recorder().scale(sum, Scale { rows, cols, factor: spec.embed_scale })?;
    }
    if spec.has_embed_factors() {
        // A factor a row, none of them negative, spread over the columns.
        let factors = f.input(RunInput::EmbedFactors); // [T, 1]
        let ones = f.weight(ONES)?;
        let factors = f.recorder().linear(factors, ones, None)?;
        sum = f.recorder().gated(factors, sum, Activation::Relu)?;
    }
    // As TransformerLens has it: each of the terms, normed where the norm comes before the sum.
    let norm_first = spec.embed_norm && spec.embed_norm_first;
    if norm_first {
        sum = f.norm(NormSite::Embed, "embed.ln", sum)?;
    }
    sum = f.hook(Hook::Embed, sum)?;
    if spec.n_token_types > 0 {
        let token_types = f.token_types();
        let typed = f.gather("token_type_embed.W_token_type", token_types)?;
        let typed = f.hook(Hook::TokenTypeEmbed, typed)?;
        sum = f.add(sum, typed)?;
    }
    if spec.has_position_table() {
        let positions = f.positions();
        let placed = f.gather("pos_embed.W_pos", positions)?;
        let placed = f.hook(Hook::PosEmbed, placed)?;
        sum = f.add(sum, placed)?;
    }
    if spec.embed_norm && !norm_first {
        sum = f.norm(NormSite::Embed, "embed.ln", sum)?;
    }
    if spec.d_embed != spec.d_model { f.linear(sum, "embed.proj") } else { Ok(sum) }
}

fn block(
    f: &mut Forward<'_>,
    spec: &ModelSpec,
    Streams { resid, mut dual }: Streams,
) -> Result<Streams, ModelError> {
    let is_post = spec.is_post_norm() || spec.has_dual();
    let resid_pre = f.hook(Hook::ResidPre, resid)?;
    let x = if is_post { resid_pre } else { f.norm(NormSite::One, "ln1", resid_pre)? };
    let attn_out = match spec.mixer {
        Mixer::Attention | Mixer::Fast(_) => attention(f, x)?,
        Mixer::Ssru | Mixer::Gru | Mixer::Lstm => ssru(f, x)?,
    };
    if spec.parallel {
        let x = f.norm(NormSite::Two, "ln2", resid_pre)?;
        let mlp_out = mlp(f, spec, x)?;
        let sum = f.add(resid_pre, attn_out)?;
        let resid_post = f.add(sum, mlp_out)?;
        return Ok(Streams { resid: f.hook(Hook::ResidPost, resid_post)?, dual });
    }
    dual = added(f, dual, attn_out)?;
    let resid_mid = f.add(resid_pre, attn_out)?;
    let mut resid_mid = f.hook(Hook::ResidMid, resid_mid)?;
    let last = if spec.has_cross() { (NormSite::Three, "ln3") } else { (NormSite::Two, "ln2") };
    if is_post {
        let mut x = f.norm(NormSite::One, "ln1", resid_mid)?;
        if spec.has_cross() {
            let cross_out = cross_attention(f, x)?;
            let sum = f.add(x, cross_out)?;
            let sum = f.hook(Hook::ResidMidCross, sum)?;
            x = f.norm(NormSite::Two, "ln2", sum)?;
        }
        let mlp_out = mlp(f, spec, x)?;
        dual = added(f, dual, mlp_out)?;
        let resid_post = f.add(x, mlp_out)?;
        let resid_post = f.hook(Hook::ResidPost, resid_post)?;
        let normalized = f.norm(last.0, last.1, resid_post)?;
        let resid = f.hook(Hook::NormalizedResidPost, normalized)?;
        let dual = dual.map(|dual| f.hook(Hook::ResidDual, dual)).transpose()?;
        return Ok(Streams { resid, dual });
    }
    if spec.has_cross() {
        let x = f.norm(NormSite::Two, "ln2", resid_mid)?;
        let cross_out = cross_attention(f, x)?;
        resid_mid = f.add(resid_mid, cross_out)?;
        resid_mid = f.hook(Hook::ResidMidCross, resid_mid)?;
    }
    let x = f.norm(last.0, last.1, resid_mid)?;
    let mlp_out = mlp(f, spec, x)?;
    let resid_post = f.add(resid_mid, mlp_out)?;
    Ok(Streams { resid: f.hook(Hook::ResidPost, resid_post)?, dual })
}

/// The second stream after a part of a block, where there is one.
fn added(
    f: &mut Forward<'_>,
    dual: Option<TensorId>,
    out: TensorId,
) -> Result<Option<TensorId>, ModelError> {
    dual.map(|dual| f.add(dual, out)).transpose()
}

/// What a part of a block gives, normed before it is added where norms stand on both sides.
fn outgoing(f: &mut Forward<'_>, site: NormSite, name: &str, out: TensorId) -> Recorded {
    match f.spec().norm_position {
        NormPosition::Sandwich => f.norm(site, name, out),
        _ => Ok(out),
    }
}

/// What the rows of a target find in the source.
fn cross_attention(f: &mut Forward<'_>, x: TensorId) -> Recorded {
    let q = f.linear(x, "cross_attn.Q")?;
    let q = f.hook(Hook::CrossQ, q)?;
    let z = f.cross_attention(q)?;
    let z = f.hook(Hook::CrossZ, z)?;
    let cross_out = f.linear(z, "cross_attn.O")?;
    let cross_out = f.hook(Hook::CrossOut, cross_out)?;
    f.dropout(cross_out)
}

fn attention(f: &mut Forward<'_>, x: TensorId) -> Recorded {
    let q = f.linear(x, "attn.Q")?;
    let k = f.linear(x, "attn.K")?;
    let v = f.linear(x, "attn.V")?;
    let (q, k, v) = (f.hook(Hook::Q, q)?, f.hook(Hook::K, k)?, f.hook(Hook::V, v)?);
    let (q, k) =
        (turned(f, q, "attn.q_norm.w", Hook::RotQ)?, turned(f, k, "attn.k_norm.w", Hook::RotK)?);
    let z = match f.spec().mixer.fast() {
        Some(fast) => {
            let beta = if fast.is_delta { Some(f.beta(x)?) } else { None };
            f.fast_attention(fast, [q, k, v], beta)?
        }
        None => f.attention(q, k, v)?,
    };
    let z = f.hook(Hook::Z, z)?;
    let attn_out = f.linear(z, "attn.O")?;
    let attn_out = outgoing(f, NormSite::OnePost, "ln1_post", attn_out)?;
    let attn_out = f.hook(Hook::AttnOut, attn_out)?;
    f.dropout(attn_out)
}

/// What a recurrent unit remembers, `ReLU(c)`, in the place of attention.
fn ssru(f: &mut Forward<'_>, x: TensorId) -> Recorded {
    let forget = f.linear(x, "ssru.F")?;
    let forget = f.hook(Hook::SsruForget, forget)?;
    let candidate = f.linear(x, "ssru.C")?;
    let candidate = f.hook(Hook::SsruCandidate, candidate)?;
    let cell = f.ssru(forget, candidate)?;
    let out = f.activation(cell, Activation::Relu)?;
    f.hook(Hook::SsruOut, out)
}

/// Queries or keys as they meet: normed by head and turned, where the model does that.
fn turned(f: &mut Forward<'_>, mut x: TensorId, gain: &str, hook: Hook) -> Recorded {
    let spec = f.spec();
    if spec.qk_norm {
        let gain = f.weight(gain)?; // [d_head]
        x = f.recorder().rms_norm(x, Some(gain), spec.norm_eps)?.y;
    }
    if spec.is_rotary() {
        x = f.rope(x)?;
        x = f.hook(hook, x)?;
    }
    Ok(x)
}

fn mlp(f: &mut Forward<'_>, spec: &ModelSpec, x: TensorId) -> Recorded {
    let pre = f.linear(x, if spec.gated_mlp { "mlp.gate" } else { "mlp.in" })?;
    let pre = f.hook(Hook::MlpPre, pre)?;
    let post = if spec.gated_mlp {
        let up = f.linear(x, "mlp.in")?;
        let up = f.hook(Hook::MlpPreLinear, up)?;
        f.recorder().gated(pre, up, spec.activation)?
    } else {
        f.activation(pre, spec.activation)?
    };
    let post = f.hook(Hook::MlpPost, post)?;
    let mlp_out = f.linear(post, "mlp.out")?;
    let mlp_out = outgoing(f, NormSite::TwoPost, "ln2_post", mlp_out)?;
    let mlp_out = f.hook(Hook::MlpOut, mlp_out)?;
    f.dropout(mlp_out)
}
