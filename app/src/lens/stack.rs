//! The stacks of an encoder–decoder, each seen as a model of its own: its card, its tensors and
//! its hooks by the names that a model with one stack has for them, so that every panel shows
//! either stack. Cross-attention stands in the place of the decoder's own attention.

use std::sync::Arc;

use crate::lens::trace::Trace;
use crate::protocol::{Attention, ModelCard};

/// `decoder.3.cross_attn.hook_q` of cross-attention → `blocks.3.attn.hook_q`; none if the hook is
/// not of this stack, or of its other attention.
pub fn own_name(full: &str, of: Attention) -> Option<String> {
    let Some(stack) = word(of) else { return Some(full.into()) };
    if full == "logits" {
        return (of != Attention::Encoder).then(|| full.into());
    }
    let rest = full.strip_prefix(stack)?;
    if let Some(rest) = rest.strip_prefix("_final_ln.") {
        return Some(format!("ln_final.{rest}"));
    }
    let rest = rest.strip_prefix('.')?;
    let Some((layer, hook)) = rest.split_once('.').filter(|(layer, _)| is_layer(layer)) else {
        return Some(rest.into());
    };
    if of != Attention::Cross {
        return Some(format!("blocks.{layer}.{hook}"));
    }
    match hook.strip_prefix("cross_attn.") {
        Some(hook) => Some(format!("blocks.{layer}.attn.{hook}")),
        None if hook.starts_with("attn.") => None,
        None => Some(format!("blocks.{layer}.{hook}")),
    }
}

/// The way back. Layers may be `*`.
pub fn full_name(own: &str, of: Attention) -> String {
    let Some(stack) = word(of) else { return own.into() };
    if own == "logits" {
        return own.into();
    }
    if let Some(rest) = own.strip_prefix("ln_final.") {
        return format!("{stack}_final_ln.{rest}");
    }
    let Some((layer, hook)) = own.strip_prefix("blocks.").and_then(|rest| rest.split_once('.'))
    else {
        return format!("{stack}.{own}");
    };
    let attends = hook.starts_with("attn.") && of == Attention::Cross;
    format!("{stack}.{layer}.{}{hook}", if attends { "cross_" } else { "" })
}

/// The card of the stack that attends so.
pub fn card(model: &Arc<ModelCard>, of: Attention) -> Arc<ModelCard> {
    let Some(encoder) = &model.encoder else { return Arc::clone(model) };
    let shape: &ModelCard = if of == Attention::Encoder { encoder } else { model };
    let norms = model.norm_weights.iter().filter_map(|norm| {
        Some(crate::protocol::NormWeights { name: own_norm(&norm.name, of)?, ..norm.clone() })
    });
    let mut card = ModelCard {
        encoder: None,
        hooks: model.hooks.iter().filter_map(|hook| own_name(hook, of)).collect(),
        norm_weights: norms.collect(),
        causal: of == Attention::Decoder,
        n_layers: shape.n_layers,
        n_heads: shape.n_heads,
        n_kv_heads: shape.n_kv_heads,
        d_head: shape.d_head,
        d_mlp: shape.d_mlp,
        n_ctx: shape.n_ctx,
        d_vocab: shape.d_vocab,
        windows: shape.windows.clone(),
        attn_scale: shape.attn_scale,
        ..(**model).clone()
    };
    if of == Attention::Cross {
        card.windows.clear();
    }
    Arc::new(card)
}

/// The tensors of the stack that attends so.
pub fn trace(whole: &Arc<Trace>, of: Attention) -> Arc<Trace> {
    match of {
        Attention::Own => Arc::clone(whole),
        _ => Arc::new(whole.renamed(|hook| own_name(hook, of))),
    }
}

/// Layers and heads of an attention; none where the stack has no such (a recurrent decoder).
pub fn heads(model: &ModelCard, of: Attention) -> Option<(usize, usize)> {
    let shape: &ModelCard = match (&model.encoder, of) {
        (Some(encoder), Attention::Encoder) => encoder,
        _ => model,
    };
    let pattern = full_name("blocks.0.attn.hook_pattern", of);
    let has_maps = model.hooks.contains(&pattern);
    has_maps.then_some((shape.n_layers as usize, shape.n_heads as usize))
}

/// What stands before the hooks of a stack.
fn word(of: Attention) -> Option<&'static str> {
    match of {
        Attention::Own => None,
        Attention::Encoder => Some("encoder"),
        Attention::Decoder | Attention::Cross => Some("decoder"),
    }
}

/// Weights outside of the blocks have no prefix in a decoder.
fn own_norm(name: &str, of: Attention) -> Option<String> {
    let is_encoder = of == Attention::Encoder;
    let rest = match name.strip_prefix("encoder.") {
        Some(rest) => rest,
        None => name.strip_prefix("decoder.").unwrap_or(name),
    };
    if name.starts_with("encoder.") != is_encoder {
        return None;
    }
    let is_block = rest.split_once('.').is_some_and(|(layer, _)| is_layer(layer));
    Some(if is_block { format!("blocks.{rest}") } else { rest.into() })
}

fn is_layer(text: &str) -> bool {
    text == "*" || !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::protocol::NormWeights;

    /// One layer a stack, one head.
    pub(crate) fn model() -> Arc<ModelCard> {
        let hooks = [
            "encoder.hook_embed",
            "encoder.0.attn.hook_pattern",
            "encoder.0.ln1.hook_scale",
            "encoder_final_ln.hook_scale",
            "decoder.hook_embed",
            "decoder.0.attn.hook_pattern",
            "decoder.0.cross_attn.hook_pattern",
            "decoder.0.hook_cross_attn_out",
            "decoder_final_ln.hook_scale",
            "logits",
        ];
        let norms = ["encoder.0.ln1", "encoder.ln_final", "decoder.0.ln1", "ln_final"];
        let norm =
            |name: &str| NormWeights { name: name.into(), gain: vec![1.0], bias: Vec::new() };
        Arc::new(ModelCard {
            n_layers: 1,
            n_heads: 1,
            causal: true,
            hooks: hooks.map(Into::into).to_vec(),
            norm_weights: norms.map(norm).to_vec(),
            encoder: Some(Box::new(ModelCard { n_layers: 1, n_heads: 2, ..ModelCard::default() })),
            ..ModelCard::default()
        })
    }

    #[test]
    fn names_lead_there_and_back() {
        let hooks = &model().hooks;
        for of in [Attention::Encoder, Attention::Decoder, Attention::Cross] {
            let own: Vec<_> =
                hooks.iter().filter_map(|full| Some((full, own_name(full, of)?))).collect();
            assert!(own.len() >= 4, "{own:?}");
            for (full, own) in own {
                assert_eq!(&full_name(&own, of), full);
            }
        }
        assert_eq!(own_name("a.b", Attention::Own).as_deref(), Some("a.b"));
        assert_eq!(full_name("blocks.*.ln*.hook_*", Attention::Decoder), "decoder.*.ln*.hook_*");
        assert_eq!(full_name("ln_final.*", Attention::Encoder), "encoder_final_ln.*");
        assert_eq!(full_name("blocks.*.attn.*", Attention::Cross), "decoder.*.cross_attn.*");
    }

    #[test]
    fn cross_attention_stands_in_the_place_of_the_other() {
        let cross = card(&model(), Attention::Cross);
        let patterns = |card: &ModelCard| {
            card.hooks.iter().filter(|hook| hook.ends_with("attn.hook_pattern")).count()
        };
        assert_eq!(patterns(&cross), 1);
        assert!(!cross.causal && cross.encoder.is_none());
        let decoder = card(&model(), Attention::Decoder);
        assert!(decoder.causal && decoder.hooks.contains(&"logits".to_owned()));
        let encoder = card(&model(), Attention::Encoder);
        assert_eq!((encoder.n_heads, patterns(&encoder)), (2, 1));
        let names = |card: &ModelCard| -> Vec<String> {
            card.norm_weights.iter().map(|norm| norm.name.clone()).collect()
        };
        assert_eq!(names(&encoder), ["blocks.0.ln1", "ln_final"]);
        assert_eq!(names(&decoder), ["blocks.0.ln1", "ln_final"]);
    }

    #[test]
    fn a_decoder_without_attention_has_no_heads() {
        let mut model = (*model()).clone();
        assert_eq!(heads(&model, Attention::Encoder), Some((1, 2)));
        assert_eq!(heads(&model, Attention::Cross), Some((1, 1)));
        model.hooks.retain(|hook| hook != "decoder.0.attn.hook_pattern");
        assert_eq!(heads(&model, Attention::Decoder), None);
        assert_eq!(heads(&model, Attention::Own), None);
    }

    #[test]
    fn tensors_come_by_their_new_names() {
        let mut whole = Trace::default();
        whole.insert("decoder.0.attn.hook_pattern".into(), vec![1, 1, 1], vec![1.0]);
        whole.insert("decoder.0.cross_attn.hook_pattern".into(), vec![1, 1, 2], vec![0.5, 0.5]);
        let shown = trace(&Arc::new(whole), Attention::Cross);
        assert_eq!(shown.layer(0, "attn.hook_pattern").unwrap().shape, [1, 1, 2]);
    }
}
