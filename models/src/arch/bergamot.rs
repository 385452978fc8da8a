//! Bergamot's tiny translators (Bogoychev et al. 2020, "Edinburgh's Submissions to the 2020 Machine
//! Translation Efficiency Task"; Kim et al. 2019, "From Research to Production and Back"): the
//! encoder of the 2017 Transformer, and a decoder whose blocks remember by a recurrent unit (SSRU)
//! in place of self-attention.
//!
//! The checkpoint is Marian's binary ([`crate::weights::marian`]): norms after the sums, one table
//! for both texts and the output, sines before cosines, `encoder_l1_self_Wq` and the like. Matrices
//! are bytes with one factor; beside each lies the factor α by which Marian rounds what meets it
//! ([`Products`](super::Products)). A target begins with no word at all: its first row is zero.

use super::rules::{WeightRule, rule};
use super::{ArchEntry, Blueprint, Description, Mixer, ModelSpec, NormPosition, Positions};
use crate::error::ModelError;
use crate::weights::FileDType;
use crate::weights::marian::{EOS, MODEL_TYPE};
use vitrine_kernels::ops::activation::Activation;

/// The line in the list. The table's own α is left aside: the output layer uses another.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "bergamot",
    model_types: &[MODEL_TYPE],
    gguf_names: &[],
    prefixes: &[],
    ignored: &["Wemb_QuantMultA"],
    build,
};

/// Marian computes positions as they come; so many are made here.
const N_CTX: usize = 1024;
/// ε of Marian's norms (`LayerNormalization` in its `tensor_operators.cpp`).
const NORM_EPS: f32 = 1e-6;

/// The output layer's α; the table itself is not rounded by it where it embeds.
const ALPHA_OF_OUTPUT: &str = "none_QuantMultA";

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    check(description)?;
    let encoder = stack(description, "enc-depth")?;
    let decoder = ModelSpec {
        mixer: Mixer::Ssru,
        tied: true,
        decoder_start: Some(EOS),
        source_end: Some(EOS),
        blank_start: true,
        ..stack(description, "dec-depth")?
    };
    let d_model = decoder.d_model;
    let mut rules = Rules { description, rules: Vec::new() };
    rules.tables(&decoder);
    for layer in 0..encoder.n_layers {
        rules.encoder_block(&encoder, layer);
    }
    for layer in 0..decoder.n_layers {
        rules.decoder_block(&decoder, layer);
    }
    let rules = rules.rules;
    let mut blueprint = Blueprint::of_rules((rules, Vec::new()), decoder.with_encoder(encoder));
    blueprint.constants.push(("pos_embed.W_pos", vec![N_CTX, d_model], sinusoids(d_model)));
    Ok(blueprint)
}

/// Refuses what Marian can be told to do and is not done here.
fn check(description: &Description<'_>) -> Result<(), ModelError> {
    let config = description.config;
    for (field, expected) in [
        ("type", "transformer"),
        ("transformer-decoder-autoreg", "rnn"),
        ("dec-cell", "ssru"),
        ("transformer-preprocess", ""),
        ("transformer-postprocess", "dan"),
        ("transformer-postprocess-emb", "d"),
        ("transformer-postprocess-top", ""),
        ("transformer-ffn-activation", "relu"),
    ] {
        config.choice(field, &[(expected, ())])?;
    }
    let flags = [
        ("tied-embeddings-all", true),
        ("transformer-train-position-embeddings", false),
        ("transformer-no-projection", false),
        ("transformer-pool", false),
        ("output-omit-bias", false),
        ("right-left", false),
        ("skip", false),
        ("ulr", false),
    ];
    for (field, expected) in flags {
        if config.flag_or(field, expected)? != expected {
            let problem = format!("is {}; only {expected} is supported", !expected);
            return Err(config.refusal(field, problem));
        }
    }
    for (field, expected) in [("transformer-ffn-depth", 2), ("lemma-dim-emb", 0)] {
        let found = config.opt_index(field)?.unwrap_or(expected);
        if found != expected {
            return Err(config.refusal(field, format!("is {found}; {expected} is supported")));
        }
    }
    for field in ["transformer-tied-layers", "input-types"] {
        if config.list(field)?.is_some_and(|list| !list.is_empty()) {
            return Err(config.refusal(field, "is given; only an empty list is supported"));
        }
    }
    Ok(())
}

fn stack(description: &Description<'_>, depth: &str) -> Result<ModelSpec, ModelError> {
    let config = description.config;
    let (d_model, n_heads) = (config.count("dim-emb")?, config.count("transformer-heads")?);
    config.check_multiple("dim-emb", d_model, "transformer-heads", n_heads)?;
    let sizes = config.list("dim-vocabs")?.unwrap_or_default();
    let d_vocab = match sizes {
        [first, rest @ ..] if rest.iter().all(|size| size == first) => first.as_u64(),
        _ => None,
    };
    let d_vocab = d_vocab.filter(|size| (1..=1 << 24).contains(size)).ok_or_else(|| {
        config.refusal("dim-vocabs", "must be the same number of words, source and target")
    })?;
    let d_head = d_model / n_heads;
    Ok(ModelSpec {
        n_layers: config.count_up_to(depth, 1024)?,
        d_model,
        d_table: d_model,
        d_embed: d_model,
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        d_mlp: config.count("transformer-dim-ffn")?,
        n_ctx: N_CTX,
        d_vocab: d_vocab as usize,
        norm_position: NormPosition::Post,
        norm_eps: NORM_EPS,
        embed_scale: (d_model as f32).sqrt(),
        attn_scale: 1.0 / (d_head as f32).sqrt(),
        activation: Activation::Relu,
        positions: Positions::Sinusoidal,
        ..ModelSpec::new(ENTRY.name)
    })
}

/// `[N_CTX, d]`: all sines, then all cosines, of positions over 10000^(i / (d/2 − 1)).
fn sinusoids(d: usize) -> Vec<f32> {
    let half = d / 2;
    let cell = |position: usize, col: usize| {
        let i = col % half.max(1);
        let angle =
            position as f64 / 10_000f64.powf(i as f64 / half.saturating_sub(1).max(1) as f64);
        (if col < half { angle.sin() } else { angle.cos() }) as f32
    };
    (0..N_CTX * d).map(|at| cell(at / d, at % d)).collect()
}

/// The rules in the making.
struct Rules<'a> {
    description: &'a Description<'a>,
    rules: Vec<WeightRule>,
}

impl Rules<'_> {
    fn tables(&mut self, spec: &ModelSpec) {
        self.rules.push(rule("embed.W_E", "Wemb", &[spec.d_vocab, spec.d_model]));
        self.row("unembed.b_U", "decoder_ff_logit_out_b", spec.d_vocab);
        self.alpha("unembed.a_U", ALPHA_OF_OUTPUT);
    }

    fn encoder_block(&mut self, spec: &ModelSpec, layer: usize) {
        let (ours, theirs) = (format!("encoder.{layer}"), format!("encoder_l{}", layer + 1));
        self.attention(&format!("{ours}.attn"), &format!("{theirs}_self"), spec.d_model);
        self.norm(&format!("{ours}.ln1"), &format!("{theirs}_self_Wo"), spec.d_model);
        self.mlp(&ours, &theirs, spec, "ln2");
    }

    fn decoder_block(&mut self, spec: &ModelSpec, layer: usize) {
        let d = spec.d_model;
        let (ours, theirs) = (format!("decoder.{layer}"), format!("decoder_l{}", layer + 1));
        self.matrix(&format!("{ours}.ssru.F"), &format!("{theirs}_rnn_Wf"), [d, d]);
        self.row(&format!("{ours}.ssru.b_F"), &format!("{theirs}_rnn_bf"), d);
        self.matrix(&format!("{ours}.ssru.C"), &format!("{theirs}_rnn_W"), [d, d]);
        self.norm(&format!("{ours}.ln1"), &format!("{theirs}_rnn_ffn"), d);
        self.attention(&format!("{ours}.cross_attn"), &format!("{theirs}_context"), d);
        self.norm(&format!("{ours}.ln2"), &format!("{theirs}_context_Wo"), d);
        self.mlp(&ours, &theirs, spec, "ln3");
    }

    fn attention(&mut self, ours: &str, theirs: &str, d: usize) {
        for (letter, of_file) in [("Q", "q"), ("K", "k"), ("V", "v"), ("O", "o")] {
            self.matrix(&format!("{ours}.{letter}"), &format!("{theirs}_W{of_file}"), [d, d]);
            self.row(&format!("{ours}.b_{letter}"), &format!("{theirs}_b{of_file}"), d);
        }
    }

    fn mlp(&mut self, ours: &str, theirs: &str, spec: &ModelSpec, norm: &str) {
        let (d, d_mlp) = (spec.d_model, spec.d_mlp);
        for (name, of_file, shape) in [("in", "1", [d_mlp, d]), ("out", "2", [d, d_mlp])] {
            let theirs = format!("{theirs}_ffn");
            self.matrix(&format!("{ours}.mlp.{name}"), &format!("{theirs}_W{of_file}"), shape);
            self.row(&format!("{ours}.mlp.b_{name}"), &format!("{theirs}_b{of_file}"), shape[0]);
        }
        self.norm(&format!("{ours}.{norm}"), &format!("{theirs}_ffn_ffn"), d);
    }

    /// A matrix with its α. Bytes have outputs as rows, floats inputs.
    fn matrix(&mut self, ours: &str, theirs: &str, shape: [usize; 2]) {
        let (part, letter) = ours.rsplit_once('.').unwrap_or(("", ours));
        let is_bytes = self
            .description
            .tensors
            .get(theirs)
            .is_none_or(|entry| entry.dtype == FileDType::INTGEMM8);
        let matrix = rule(format!("{part}.W_{letter}"), theirs, &shape);
        self.rules.push(matrix.transposed_if(!is_bytes));
        self.alpha(&format!("{part}.a_{letter}"), &format!("{theirs}_QuantMultA"));
    }

    /// α, where the file has it.
    fn alpha(&mut self, ours: &str, theirs: &str) {
        if self.description.has(theirs) {
            self.row(ours, theirs, 1);
        }
    }

    fn norm(&mut self, ours: &str, theirs: &str, d: usize) {
        self.row(&format!("{ours}.w"), &format!("{theirs}_ln_scale"), d);
        self.row(&format!("{ours}.b"), &format!("{theirs}_ln_bias"), d);
    }

    /// A vector, which Marian stores as one row.
    fn row(&mut self, ours: &str, theirs: &str, n: usize) {
        let mut row = rule(ours, theirs, &[n]);
        row.source_shape.insert(0, 1);
        self.rules.push(row);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_from_one_radian_to_a_ten_thousandth() {
        let table = sinusoids(256);
        let row = &table[3 * 256..4 * 256];
        for (col, expected) in [(0, 3f64.sin()), (128, 3f64.cos()), (127, 3e-4f64.sin())] {
            assert!((f64::from(row[col]) - expected).abs() < 1e-7, "column {col}: {}", row[col]);
        }
        assert_eq!(&table[..2], [0.0, 0.0]);
        assert_eq!(table[255], 1.0);
    }
}
