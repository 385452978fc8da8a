//! What the page is told of a loaded model.

use vitrine_models::Session;
use vitrine_models::arch::{NormKind, NormPosition};

use super::gather::Gathered;
use crate::protocol::{ModelCard, NormWeights};

/// The card of a session's model.
pub(super) fn card(session: &Session, gathered: &Gathered, architecture_title: &str) -> ModelCard {
    let spec = session.spec();
    let model = session.model();
    ModelCard {
        title: gathered.title.clone().unwrap_or_else(|| architecture_title.to_owned()),
        source: Some(gathered.source.clone()),
        architecture: spec.architecture.to_owned(),
        n_layers: spec.n_layers as u32,
        n_heads: spec.n_heads as u32,
        n_kv_heads: spec.n_kv_heads as u32,
        d_model: spec.d_model as u32,
        d_head: spec.d_head as u32,
        d_mlp: spec.d_mlp as u32,
        n_ctx: spec.n_ctx as u32,
        d_vocab: spec.d_vocab as u32,
        causal: spec.causal && spec.has_logits,
        rms_norm: spec.norm == NormKind::RmsNorm,
        post_norm: spec.norm_position == NormPosition::Post,
        gated_mlp: spec.gated_mlp,
        n_params: model.n_params(),
        storage: model.storage().map(|(name, n)| format!("{name} {}", count_text(n))).collect(),
        bytes_held: session.engine().bytes_held(),
        files: gathered.facts.clone(),
        verified: gathered.verified,
        licence: gathered.licence.clone(),
        revision: gathered.revision.clone(),
        hooks: spec.points().iter().map(ToString::to_string).collect(),
        norm_weights: model
            .norms()
            .iter()
            .map(|norm| NormWeights {
                name: norm.name.clone(),
                gain: norm.gain.clone(),
                bias: norm.bias.clone(),
            })
            .collect(),
        has_mlm: !spec.causal && spec.has_logits,
        mask_token: None,
        windows: spec.windows.iter().map(|&window| window as u32).collect(),
    }
}

/// `106 M`.
fn count_text(n: u64) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{} k", n / 1000),
        1_000_000..10_000_000 => format!("{:.1} M", n as f64 / 1e6),
        10_000_000..10_000_000_000 => format!("{} M", n / 1_000_000),
        _ => format!("{:.1} G", n as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::count_text;

    #[test]
    fn counts_are_short() {
        let all =
            [9, 35_000, 1_500_000, 106_168_320, 7_240_000_000, 70_000_000_000].map(count_text);
        assert_eq!(all, ["9", "35 k", "1.5 M", "106 M", "7240 M", "70.0 G"]);
    }
}
