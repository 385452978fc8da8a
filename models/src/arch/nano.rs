//! A small model put together from parts: a decoder or an encoder whose norms, attention, positions and
//! MLP the configuration chooses one by one, for the Lab and for the rooms that compare them.
//!
//! config.json has `"model_type": "vitrine-nano"`, `vocab_size`, `n_layers`, `d_model`, `n_heads`,
//! `n_kv_heads` (as many as heads where it is missing), `d_mlp`, `n_ctx`, `norm_eps`, and
//! - `is_decoder`: whether each token sees earlier ones only;
//! - `norm_position`: `pre`, `post`, `sandwich` (before and after each part, CogView), `residual-dual`
//!   (ResiDual, arXiv 2304.14802); `norm`: `layer`, `rms`, `none`;
//! - `attention`: `softmax`, `linear` (Katharopoulos et al. 2020, arXiv 2006.16236), `delta` (Schlag et
//!   al. 2021, arXiv 2102.11174); for the latter two `features`: `identity`, `elu`, `relu`, `dpfp1` to
//!   `dpfp3`, and for `linear` `normalised`;
//! - `positions`: `none`, `sinusoidal` (embeddings then times √d_model), `learned`, `rotary` (whole
//!   heads), `alibi`;
//! - `activation`: `swiglu`, or one without a gate; `biases`; `tie_word_embeddings`.
//!
//! Tensors: `embed.weight`, `positions.weight`, `blocks.{l}.ln1`, `.attn.q`, `.attn.k`, `.attn.v`,
//! `.attn.beta` (delta), `.attn.o`, `.ln1_post` (sandwich), `.ln2`, `.mlp.gate` (SwiGLU), `.mlp.in`,
//! `.mlp.out`, `.ln2_post`, `ln_final`, `unembed.weight`. No GGUF.

use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::feature_map::Features;
use vitrine_kernels::ops::rope::RopePairs;

use super::names::{Names, Row};
use super::sizes::{ACTIVATIONS, Fields, GGUF, HUB};
use super::spec::FastWeights;
use super::{
    ArchEntry, Blueprint, Counted, Description, Mixer, ModelSpec, NormKind, NormPosition, Positions,
};
use crate::error::ModelError;

/// The line in the list.
pub const ENTRY: ArchEntry = ArchEntry {
    name: "vitrine-nano",
    model_types: &["vitrine-nano"],
    gguf_names: &[],
    prefixes: &[],
    ignored: &[],
    build,
};

const FIELDS: Fields = Fields {
    n_layers: "n_layers",
    d_model: "d_model",
    n_heads: "n_heads",
    n_kv_heads: "n_kv_heads",
    d_mlp: "d_mlp",
    n_ctx: "n_ctx",
    norm_eps: "norm_eps",
    default_eps: 1e-5,
    embedding: "embed.weight",
    ..HUB
};

const ROWS: &[Row] = &[
    ["embed.W_E", "embed", ""],
    ["pos_embed.W_pos", "positions", ""],
    ["ln1", "ln1", ""],
    ["attn.Q", "attn.q", ""],
    ["attn.K", "attn.k", ""],
    ["attn.V", "attn.v", ""],
    ["attn.beta", "attn.beta", ""],
    ["attn.O", "attn.o", ""],
    ["ln1_post", "ln1_post", ""],
    ["ln2", "ln2", ""],
    ["mlp.gate", "mlp.gate", ""],
    ["mlp.in", "mlp.in", ""],
    ["mlp.out", "mlp.out", ""],
    ["ln2_post", "ln2_post", ""],
    ["ln_final", "ln_final", ""],
    ["unembed.W_U", "unembed", ""],
];

const NORM_POSITIONS: &[(&str, NormPosition)] = &[
    ("pre", NormPosition::Pre),
    ("post", NormPosition::Post),
    ("sandwich", NormPosition::Sandwich),
    ("residual-dual", NormPosition::ResidualDual),
];

const NORMS: &[(&str, NormKind)] =
    &[("layer", NormKind::LayerNorm), ("rms", NormKind::RmsNorm), ("none", NormKind::None)];

/// The softmax, or whether fast weights are written by the delta rule.
const ATTENTIONS: &[(&str, Option<bool>)] =
    &[("softmax", None), ("linear", Some(false)), ("delta", Some(true))];

const FEATURES: &[(&str, Features)] = &[
    ("identity", Features::Identity),
    ("elu", Features::EluPlusOne),
    ("relu", Features::Relu),
    ("dpfp1", Features::Dpfp(1)),
    ("dpfp2", Features::Dpfp(2)),
    ("dpfp3", Features::Dpfp(3)),
];

fn build(description: &Description<'_>) -> Result<Blueprint, ModelError> {
    let config = description.config;
    let mut spec = description.sizes(ENTRY.name, &FIELDS, &GGUF)?;
    spec.causal = config.flag_or("is_decoder", true)?;
    spec.norm_position = config.choice("norm_position", NORM_POSITIONS)?;
    spec.norm = config.choice("norm", NORMS)?;
    if let Some(is_delta) = config.choice("attention", ATTENTIONS)? {
        let features = config.choice("features", FEATURES)?;
        let is_normalised = !is_delta && config.flag_or("normalised", true)?;
        spec.mixer = Mixer::Fast(FastWeights { features, is_delta, is_normalised });
    }
    spec.positions = config.choice(
        "positions",
        &[
            ("none", Positions::Order),
            ("sinusoidal", Positions::Sinusoidal),
            ("learned", Positions::Learned { offset: 0, counted: Counted::All }),
            (
                "rotary",
                Positions::Rotary {
                    n_rotary: spec.d_head,
                    base: 10_000.0,
                    pairs: RopePairs::Halves,
                },
            ),
            ("alibi", Positions::Linear),
        ],
    )?;
    if spec.positions == Positions::Sinusoidal {
        spec.embed_scale = (spec.d_model as f32).sqrt();
    }
    spec.gated_mlp = config.opt_text("activation")? == Some("swiglu");
    spec.activation = match spec.gated_mlp {
        true => Activation::Silu,
        false => config.choice("activation", ACTIVATIONS)?,
    };
    spec.tied = config.flag_or("tie_word_embeddings", false)?;
    check(description, &spec)?;
    let has_biases = config.flag_or("biases", true)?;
    let biases: &[_] = if has_biases { &[""] } else { &[] };
    let names = Names { biases, ..Names::new(ROWS, "blocks.") };
    Ok(Blueprint::new(spec, &names, description).with_sinusoids(false))
}

/// Refuses what does not go together.
fn check(description: &Description<'_>, spec: &ModelSpec) -> Result<(), ModelError> {
    let is_fast = spec.mixer.fast().is_some();
    let is_delta = spec.mixer.fast().is_some_and(|fast| fast.is_delta);
    let is_alibi = spec.positions == Positions::Linear;
    let problem = match () {
        () if is_delta && !spec.causal => {
            ("attention", "is delta, which writes token after token; an encoder has no such order")
        }
        () if is_fast && spec.n_kv_heads != spec.n_heads => {
            ("n_kv_heads", "differs from n_heads, which fast weights do not share")
        }
        () if is_alibi && (is_fast || !spec.causal) => {
            ("positions", "is alibi, which falls on the scores of a decoder's softmax")
        }
        () if spec.is_rotary() && !spec.d_head.is_multiple_of(2) => {
            ("positions", "is rotary, but heads have an odd number of columns")
        }
        () => return Ok(()),
    };
    Err(description.config.refusal(problem.0, problem.1))
}
