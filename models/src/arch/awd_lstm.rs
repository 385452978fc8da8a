//! The LSTM language model of ULMFiT (Howard & Ruder 2018, arXiv 1801.06146): AWD-LSTM (Merity et al.
//! 2017, arXiv 1708.02182), whose dropouts do nothing here.
//!
//! The checkpoint: `encoder.weight` (the embedding); `rnns.{l}` = `nn.LSTM`s, each as wide as
//! `hidden_size`, the last one as `embedding_size` where both tables are one (or `rnn`, one
//! `nn.LSTM` of several layers, where they are not); `decoder.weight` (none where tied) and
//! `decoder.bias`. config.json has `"model_type": "awd-lstm"`, `vocab_size`, `embedding_size`,
//! `hidden_size`, `num_layers`, `tie_word_embeddings` (true where it is missing), `eos_token_id`.

use super::bahdanau::{MAX_WIDTH, unit};
use super::rules::rule;
use super::{ArchEntry, Blueprint, Description, Mixer, ModelSpec, NormPosition, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "awd-lstm",
    model_types: &["awd-lstm"],
    gguf_names: &[],
    prefixes: &[],
    ignored: &[],
    build,
};

/// The model itself has no limit.
const N_CTX: usize = 8192;

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let tied = description.is_tied(true)?;
    let d_hidden = config.count_up_to("hidden_size", MAX_WIDTH)?;
    let d_embed = config.count_up_to("embedding_size", MAX_WIDTH)?;
    let d_model = if tied { d_embed } else { d_hidden };
    let spec = ModelSpec {
        mixer: Mixer::Lstm,
        n_layers: config.count_up_to("num_layers", 64)?,
        d_model,
        d_table: d_embed,
        d_embed,
        d_hidden,
        n_heads: 1,
        n_kv_heads: 1,
        d_head: d_model,
        n_ctx: N_CTX,
        d_vocab: config.count("vocab_size")?,
        norm_position: NormPosition::Post,
        positions: Positions::Order,
        tied,
        ..ModelSpec::new(ENTRY.name)
    };
    let mut rules = vec![rule("embed.W_E", "encoder.weight", &[spec.d_vocab, d_embed])];
    let is_one_module = description.has("rnn.weight_ih_l0");
    let mut n_in = d_embed;
    for layer in 0..spec.n_layers {
        let d = spec.d_hidden_of(layer);
        let (prefix, suffix) = match is_one_module {
            true => ("rnn.".to_owned(), format!("_l{layer}")),
            false => (format!("rnns.{layer}."), "_l0".to_owned()),
        };
        rules.extend(unit(&format!("blocks.{layer}.rnn"), &prefix, &suffix, [4, n_in, d]));
        n_in = d;
    }
    let mut ignored = Vec::new();
    match tied {
        true => ignored.push("decoder.weight".to_owned()),
        false => rules.push(rule("unembed.W_U", "decoder.weight", &[spec.d_vocab, d_model])),
    }
    rules.push(rule("unembed.b_U", "decoder.bias", &[spec.d_vocab]));
    Ok(Blueprint::of_rules((rules, ignored), spec))
}
