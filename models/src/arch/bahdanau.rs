//! Neural machine translation by jointly learning to align and translate (Bahdanau et al. 2014,
//! arXiv 1409.0473): a bidirectional GRU reads, a GRU with additive attention writes.
//!
//! The checkpoint is that of PyTorch's modules: `encoder.embedding` and `decoder.embedding`;
//! `encoder.rnn` = `nn.GRU(embedding_size, hidden_size, bidirectional=True)`; `bridge`, which makes
//! the decoder's first state of the last one read backwards, `tanh(W·h + b)`; `attention.query`
//! (no bias), `attention.key`, `attention.energy` (no bias): W_a, U_a, v_a; `decoder.rnn` =
//! `nn.GRU(embedding_size + 2·hidden_size, hidden_size)` over word and context; `readout` over
//! state, context and word, `tanh(W·[s, c, y] + b)` where the paper has a maxout layer; `output`.
//! config.json has `"model_type": "bahdanau-gru"`, `vocab_size`, `decoder_vocab_size` (the same
//! where it is missing), `embedding_size`, `hidden_size`, `attention_size`,
//! `decoder_start_token_id`, `eos_token_id`.
//!
//! With `"fixed_context": true` there is no attention: each word is written from the mean of all
//! annotations, one vector whatever the length of the source, as in the paper's RNNencdec (after Cho
//! et al. 2014, arXiv 1406.1078, whose vector is the last state). Then there are no tensors of
//! `attention`, and the maps are as flat as a mean is.

use super::rules::{WeightRule, rule};
use super::{ArchEntry, Blueprint, Description, Mixer, ModelSpec, NormPosition, Positions};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "bahdanau-gru",
    model_types: &["bahdanau-gru"],
    gguf_names: &[],
    prefixes: &[],
    ignored: &[],
    build,
};

/// The model itself has no limit.
const N_CTX: usize = 4096;

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let (d_embed, d_hidden) =
        (config.count("embedding_size")?, config.count_up_to("hidden_size", MAX_WIDTH)?);
    let d_source = config.count("vocab_size")?;
    let fixed_context = config.flag_or("fixed_context", false)?;
    let d_attention = if fixed_context { 1 } else { config.count("attention_size")? };
    let d_target = config.opt_count("decoder_vocab_size")?.unwrap_or(d_source);
    let start = config.opt_index("decoder_start_token_id")?;
    let encoder = stack([d_embed, d_hidden, 2 * d_hidden], d_source);
    let decoder = ModelSpec {
        d_head: d_attention,
        d_value: 2 * d_hidden,
        fixed_context,
        decoder_start: start.map(|id| id as u32),
        source_end: description.source_end()?,
        ..stack([d_embed, d_hidden, d_hidden], d_target)
    };
    let d = d_hidden;
    let mut rules = vec![
        rule("encoder.embed.W_E", "encoder.embedding.weight", &[d_source, d_embed]),
        rule("embed.W_E", "decoder.embedding.weight", &[d_target, d_embed]),
    ];
    rules.extend(unit("encoder.0.rnn", "encoder.rnn.", "_l0", [3, d_embed, d]));
    rules.extend(unit("encoder.0.rnn_back", "encoder.rnn.", "_l0_reverse", [3, d_embed, d]));
    rules.extend([
        rule("decoder.0.rnn.W_start", "bridge.weight", &[d, d]),
        rule("decoder.0.rnn.b_start", "bridge.bias", &[d]),
    ]);
    if !fixed_context {
        let v = rule("decoder.0.cross_attn.v_energy", "attention.energy.weight", &[d_attention]);
        rules.extend([
            rule("decoder.0.cross_attn.W_Q", "attention.query.weight", &[d_attention, d]),
            rule("decoder.0.cross_attn.W_K", "attention.key.weight", &[d_attention, 2 * d]),
            rule("decoder.0.cross_attn.b_K", "attention.key.bias", &[d_attention]),
            WeightRule { source_shape: vec![1, d_attention], ..v },
        ]);
    }
    rules.extend(unit("decoder.0.rnn", "decoder.rnn.", "_l0", [3, d_embed + 2 * d, d]));
    rules.extend([
        rule("decoder.0.readout.W_in", "readout.weight", &[d, 3 * d + d_embed]),
        rule("decoder.0.readout.b_in", "readout.bias", &[d]),
        rule("unembed.W_U", "output.weight", &[d_target, d]),
        rule("unembed.b_U", "output.bias", &[d_target]),
    ]);
    Ok(Blueprint::of_rules((rules, Vec::new()), decoder.with_encoder(encoder)))
}

fn stack([d_embed, d_hidden, d_model]: [usize; 3], d_vocab: usize) -> ModelSpec {
    ModelSpec {
        mixer: Mixer::Gru,
        n_layers: 1,
        d_model,
        d_table: d_embed,
        d_embed,
        d_hidden,
        n_heads: 1,
        n_kv_heads: 1,
        d_head: d_model,
        n_ctx: N_CTX,
        d_vocab,
        norm_position: NormPosition::Post,
        positions: Positions::Order,
        ..ModelSpec::new(ENTRY.name)
    }
}

/// The widest unit that the engines take.
pub(super) const MAX_WIDTH: usize = vitrine_kernels::ops::gru::MAX_WIDTH;

/// The weights of a unit `[n_gates, inputs, width]` as PyTorch's modules name them. What meets the
/// hidden state is f32 in the engines.
pub(super) fn unit(
    ours: &str,
    prefix: &str,
    suffix: &str,
    [n_gates, n_in, d]: [usize; 3],
) -> [WeightRule; 4] {
    let theirs = |name: &str| format!("{prefix}{name}{suffix}");
    let n = n_gates * d;
    let hidden = rule(format!("{ours}.W_HH"), theirs("weight_hh"), &[n, d]);
    [
        rule(format!("{ours}.W_IH"), theirs("weight_ih"), &[n, n_in]),
        WeightRule { as_f32: true, ..hidden },
        rule(format!("{ours}.b_IH"), theirs("bias_ih"), &[n]),
        rule(format!("{ours}.b_HH"), theirs("bias_hh"), &[n]),
    ]
}
