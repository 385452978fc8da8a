//! What the page is told of a loaded model.

use serde_json::Value;
use vitrine_kernels::ops::rope::RopePairs;
use vitrine_models::arch::{Matrices, ModelSpec, NormKind, NormPosition, Part, Positions};
use vitrine_models::hook::Stack;
use vitrine_models::weights::Checkpoint;
use vitrine_models::{ModelError, Session};

use super::gather::Gathered;
use super::source::BlobSource;
use super::text::shown_words;
use super::tokenizer::Tokenizer;
use crate::protocol::{MatrixFact, ModelCard, NormWeights, PositionFacts, PositionKind};

/// Fields of a configuration that are shown, and characters of each.
const MAX_FIELDS: usize = 160;
const MAX_FIELD_CHARS: usize = 120;

/// The card of a session's model.
pub(super) fn card(session: &Session, gathered: &Gathered, architecture_title: &str) -> ModelCard {
    let spec = session.spec();
    let model = session.model();
    ModelCard {
        title: gathered.title.clone().unwrap_or_else(|| architecture_title.to_owned()),
        source: Some(gathered.source.clone()),
        n_params: model.n_params(),
        storage: model.storage().map(|(name, n)| format!("{name} {}", count_text(n))).collect(),
        bytes_held: session.engine().bytes_held(),
        files: gathered.facts.clone(),
        verified: gathered.verified,
        licence: gathered.licence.clone(),
        revision: gathered.revision.clone(),
        norm_weights: model
            .norms()
            .iter()
            .map(|norm| NormWeights {
                name: norm.name.clone(),
                gain: norm.gain.clone(),
                bias: norm.bias.clone(),
            })
            .collect(),
        encoder: spec.encoder.as_ref().map(|encoder| Box::new(shape(encoder))),
        ..shape(spec)
    }
}

/// What the card says of one stack's shape.
fn shape(spec: &ModelSpec) -> ModelCard {
    ModelCard {
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
        hooks: spec.points().iter().map(ToString::to_string).collect(),
        has_mlm: !spec.causal && spec.has_logits,
        windows: windows(spec),
        attn_scale: spec.attn_scale,
        ..ModelCard::default()
    }
}

/// What the files say beside the sizes: configuration, tokenizer, matrices, positions.
pub(super) async fn describe(
    card: &mut ModelCard,
    session: &Session,
    checkpoint: &Checkpoint<BlobSource>,
    tokenizer: &Tokenizer,
) -> Result<(), ModelError> {
    let parts = session.model().parts();
    card.parts = parts.map(|(part, n)| (part_name(part).to_owned(), n)).collect();
    card.config = config(checkpoint);
    card.tokenizer = tokenizer
        .facts()
        .await
        .map_err(|problem| ModelError::tokenizer(checkpoint.name(), "tokenizer", problem))?;
    let n_padding = session.spec().d_vocab.saturating_sub(tokenizer.n_ids());
    card.tokenizer.push(("embedding rows without a token".to_owned(), n_padding.to_string()));
    card.matrices = Matrices::of(checkpoint)?
        .list()
        .into_iter()
        .map(|(name, [n_rows, n_cols])| MatrixFact {
            name: name.to_owned(),
            shape: (n_rows as u32, n_cols as u32),
        })
        .collect();
    let spec = session.spec();
    let stacks = spec.encoder.as_deref().into_iter().chain([spec]);
    card.positions = stacks.map(|stack| positions(session, stack, &card.matrices)).collect();
    Ok(())
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Embedding => "embeddings",
        Part::Attention => "attention",
        Part::Mlp => "MLPs",
        Part::Norms => "norms",
        Part::Head => "head",
    }
}

/// Fields and values as the file has them; long ones cut.
pub(super) fn config(checkpoint: &Checkpoint<BlobSource>) -> Vec<(String, String)> {
    let field = |name: &str, value: String| {
        (shown_words(name, MAX_FIELD_CHARS), shown_words(&value, MAX_FIELD_CHARS))
    };
    let mut fields: Vec<(String, String)> = match checkpoint.gguf_metadata() {
        Some(metadata) => {
            metadata.iter().map(|(name, value)| field(name, value.to_string())).collect()
        }
        None => {
            let json = checkpoint.config_json().into_iter().flatten();
            json.map(|(name, value)| field(name, shortest(value))).collect()
        }
    };
    let n_more = fields.len().saturating_sub(MAX_FIELDS);
    fields.truncate(MAX_FIELDS);
    if n_more > 0 {
        fields.push(("and".to_owned(), format!("{n_more} more")));
    }
    fields
}

/// A value as text. A number that somebody's 32 bits hold is written as those would be: 0.15, not 0.15000000596.
fn shortest(value: &Value) -> String {
    let text = value.to_string();
    let single = value.as_f64().map(|wide| (wide, wide as f32));
    let same = single.filter(|&(wide, single)| value.is_f64() && f64::from(single) == wide);
    match same.map(|(_, single)| single.to_string()).filter(|short| short.len() < text.len()) {
        Some(short) => short,
        None => text,
    }
}

fn windows(spec: &ModelSpec) -> Vec<u32> {
    spec.windows.iter().map(|&window| window as u32).collect()
}

fn positions(session: &Session, spec: &ModelSpec, matrices: &[MatrixFact]) -> PositionFacts {
    let stack = match spec.stack {
        Stack::Only => "",
        Stack::Encoder => "encoder",
        Stack::Decoder => "decoder",
    };
    let own = format!("{stack}.pos_embed.W_pos");
    let names = matrices.iter().map(|matrix| &matrix.name);
    let table = names.into_iter().find(|name| **name == own || *name == "pos_embed.W_pos");
    let mut facts = PositionFacts {
        stack: stack.to_owned(),
        table: table.cloned().filter(|_| spec.has_position_table()),
        slopes: spec.slopes(),
        buckets: spec.buckets().into_iter().map(|bucket| bucket as u32).collect(),
        biases: session.model().distance_biases(spec.stack).to_vec(),
        windows: (0..spec.n_layers).map(|layer| spec.reach(layer).window as u32).collect(),
        causal: spec.causal,
        ..PositionFacts::default()
    };
    facts.kind = match spec.positions {
        Positions::Learned { offset, .. } => {
            facts.offset = offset as u32;
            PositionKind::Learned
        }
        Positions::Sinusoidal => PositionKind::Sinusoidal,
        Positions::Rotary { pairs, .. } => {
            facts.frequencies = session.model().rotary_frequencies();
            facts.is_interleaved = pairs == RopePairs::Interleaved;
            PositionKind::Rotary
        }
        Positions::Linear => PositionKind::Linear,
        Positions::Buckets { .. } => PositionKind::Buckets,
        Positions::Order => PositionKind::Order,
    };
    facts
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
    use serde_json::json;

    use super::{count_text, shortest};

    #[test]
    fn numbers_of_32_bits_are_written_as_such() {
        let dropout = f64::from(0.15_f32);
        let all = [json!(dropout), json!(0.1), json!(1e-5), json!(10000.0), json!(7), json!("a")];
        let shown = all.each_ref().map(shortest);
        assert_eq!(shown, ["0.15", "0.1", "0.00001", "10000", "7", "\"a\""]);
    }

    #[test]
    fn counts_are_short() {
        let all =
            [9, 35_000, 1_500_000, 106_168_320, 7_240_000_000, 70_000_000_000].map(count_text);
        assert_eq!(all, ["9", "35 k", "1.5 M", "106 M", "7240 M", "70.0 G"]);
    }
}
