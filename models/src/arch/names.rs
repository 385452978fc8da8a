//! From a table of names to the rules of all weights: shapes follow from the sizes, which rows of
//! a fused tensor are meant from the order in the table.

use super::rules::{WeightRule, rule};
use super::{Description, ModelSpec, NormKind, NormPosition, Positions};
use crate::hook::Stack;

/// One line of the table: the canonical name, the name in safetensors, the name in GGUF; without
/// `.weight` and `.bias`, and in a layer without its prefix. An empty name: the format has none.
/// Of names parted by `|` the first that the file has counts.
///
/// A name that ends in `_` goes on with `weight` or `bias` without a dot (PyTorch's `in_proj_weight`).
///
/// Canonical names: `attn.Q` stands for `attn.W_Q` and perhaps `attn.b_Q`; `ln1` for `ln1.w` and
/// perhaps `ln1.b`; whole names (`embed.W_E`, `unembed.b_U`) for themselves. Matrices of one layer
/// that are parts of the same tensor stand in the order of its rows.
pub(crate) type Row = [&'static str; 3];

/// What stands before the number of a stack's block.
pub(crate) fn block_prefix(stack: Stack) -> &'static str {
    match stack {
        Stack::Only => "blocks.",
        Stack::Encoder => "encoder.",
        Stack::Decoder => "decoder.",
    }
}

/// The full name of a weight. Outside of the blocks those of a decoder have no prefix.
pub(crate) fn canonical(stack: Stack, layer: Option<usize>, name: &str) -> String {
    match (stack, layer) {
        (_, Some(layer)) => format!("{}{layer}.{name}", block_prefix(stack)),
        (Stack::Encoder, None) => format!("encoder.{name}"),
        (_, None) => name.to_owned(),
    }
}

/// The names of an architecture's weights, and how the files hold them.
pub(crate) struct Names<'a> {
    /// The table.
    pub rows: &'a [Row],
    /// What stands before and after a layer's number: safetensors, GGUF.
    pub layers: [&'static str; 2],
    /// Beginnings of canonical names that have a bias.
    pub biases: &'a [&'static str],
    /// Matrices of the blocks have inputs as rows (`Conv1D`).
    pub is_transposed: bool,
    /// In safetensors, fused queries, keys and values lie head by head.
    pub by_head: bool,
    /// In GGUF, rows of rotated heads are interleaved pairs (llama.cpp's `llama`).
    pub gguf_pairs: bool,
    /// In safetensors, gains are stored less one (Gemma).
    pub gains_less_one: bool,
}

/// Beginnings of the names of what each block has.
const BLOCK_PARTS: &[&str] = &["attn.", "cross_attn.", "mlp.", "ln1", "ln2", "ln3"];

impl Names<'_> {
    /// Plain names with biases everywhere.
    pub const fn new(rows: &'static [Row], layers: &'static str) -> Self {
        Self {
            rows,
            layers: [layers, "blk."],
            biases: &[""],
            is_transposed: false,
            by_head: false,
            gguf_pairs: false,
            gains_less_one: false,
        }
    }

    /// The rules of all weights that a model of these sizes has, and the names of tensors that it
    /// has no use for.
    pub fn rules(
        &self,
        spec: &ModelSpec,
        description: &Description<'_>,
    ) -> (Vec<WeightRule>, Vec<String>) {
        let format = usize::from(description.config.is_gguf());
        let (mut rules, mut ignored) = (Vec::new(), Vec::new());
        let is_of_layer = |row: &Row| BLOCK_PARTS.iter().any(|part| row[0].starts_with(part));
        // Outer weights that come before the blocks, the blocks, the rest: the order of a pass.
        let first_of_layer = self.rows.iter().position(is_of_layer).unwrap_or(self.rows.len());
        let outer = |row: &&Row| !is_of_layer(row);
        let place = Place { names: self, spec, description, format };
        for row in self.rows[..first_of_layer].iter().filter(outer) {
            place.add(row, None, &mut rules, &mut ignored);
        }
        for layer in 0..spec.n_layers {
            for row in self.rows.iter().filter(|row| is_of_layer(row)) {
                place.add(row, Some(layer), &mut rules, &mut ignored);
            }
        }
        for row in self.rows[first_of_layer..].iter().filter(outer) {
            place.add(row, None, &mut rules, &mut ignored);
        }
        (rules, ignored)
    }

    fn has_bias(&self, name: &str) -> bool {
        self.biases.iter().any(|start| name.starts_with(start))
    }
}

/// What a row is turned into rules with.
struct Place<'a> {
    names: &'a Names<'a>,
    spec: &'a ModelSpec,
    description: &'a Description<'a>,
    format: usize,
}

impl Place<'_> {
    fn add(
        &self,
        row: &Row,
        layer: Option<usize>,
        rules: &mut Vec<WeightRule>,
        ignored: &mut Vec<String>,
    ) {
        let Self { names, spec, description, format } = *self;
        let name = row[0];
        if row[1 + format].is_empty() {
            return;
        }
        let prefix =
            layer.map_or(String::new(), |layer| format!("{}{layer}.", names.layers[format]));
        let is_whole = name.contains(".W_") || name.contains(".b_") || name == "rope.factors";
        let first_end = match name {
            _ if name.contains(".b_") => "",
            _ => "weight",
        };
        let full = |source: &str, end: &str| match end {
            "" => format!("{prefix}{source}"),
            end if source.ends_with('_') => format!("{prefix}{source}{end}"),
            end => format!("{prefix}{source}.{end}"),
        };
        let candidates = || row[1 + format].split('|');
        let mut sources = candidates();
        let first = sources.next().unwrap_or_default();
        let source =
            candidates().find(|source| description.has(&full(source, first_end))).unwrap_or(first);
        // Encoder–decoders may have a bias of the logits or not; only the file knows.
        let is_there = || description.has(&full(source, first_end));
        let is_wanted = is_wanted(name, spec, description)
            && (name != "unembed.b_U" || !spec.has_cross() || is_there());
        ignored.extend(
            candidates()
                .filter(|candidate| *candidate != source || !is_wanted)
                .flat_map(|candidate| [full(candidate, first_end), full(candidate, "bias")]),
        );
        if !is_wanted {
            return;
        }
        let canonical = |part: &str| canonical(spec.stack, layer, part);
        let shape = shape_of(name, spec);
        if is_whole {
            let mut whole = rule(canonical(name), full(source, first_end), &shape);
            if name == "unembed.b_U" && description.axis(&whole.source, 1).is_some() {
                // A row rather than a vector (`final_logits_bias`).
                whole.source_shape.insert(0, 1);
            }
            if let Positions::Buckets { n_buckets, max_distance } = spec.positions
                && name == "rel_pos.W_bias"
            {
                let buckets = buckets_of_distances(n_buckets, max_distance, !spec.causal);
                whole = whole.by_distance(n_buckets, buckets);
            }
            rules.push(whole);
            return;
        }
        if is_norm(name) {
            // Checkpoints that came from TensorFlow keep its names.
            let is_old = format == 0 && description.has(&full(source, "gamma"));
            let [gain, bias] = if is_old { ["gamma", "beta"] } else { ["weight", "bias"] };
            let plus = if names.gains_less_one && format == 0 { 1.0 } else { 0.0 };
            let gain = rule(canonical(&format!("{name}.w")), full(source, gain), &shape);
            rules.push(WeightRule { plus, ..gain });
            if spec.norm == NormKind::LayerNorm && names.has_bias(name) {
                rules.push(rule(canonical(&format!("{name}.b")), full(source, bias), &shape));
            }
            return;
        }
        let (part, letter) = name.rsplit_once('.').unwrap_or(("", name));
        let fused = self.fused_rows(row, shape[0]);
        let n_turned = match letter {
            "Q" => spec.n_heads,
            "K" => spec.n_kv_heads,
            _ => 0,
        };
        let cut = |rule: WeightRule| {
            let rule = match (&fused, names.by_head && format == 0) {
                (None, _) => rule,
                (Some((rows, all)), false) => rule.rows_of(rows.clone(), *all),
                (Some((rows, all)), true) => {
                    let n = spec.n_heads;
                    rule.rows_of(rows.start / n..rows.end / n, *all).of_each(n)
                }
            };
            rule.halves_if(names.gguf_pairs && format == 1 && n_turned > 0, n_turned)
        };
        let w = rule(canonical(&format!("{part}.W_{letter}")), full(source, "weight"), &shape);
        rules.push(cut(w).transposed_if(names.is_transposed && layer.is_some()));
        if names.has_bias(name) {
            let b = format!("{part}.b_{letter}");
            rules.push(cut(rule(canonical(&b), full(source, "bias"), &shape[..1])));
        }
    }

    /// Which rows of a fused tensor a matrix is, and how many that has.
    fn fused_rows(&self, row: &Row, n_rows: usize) -> Option<(std::ops::Range<usize>, usize)> {
        let source = row[1 + self.format];
        let parts: Vec<_> = self
            .names
            .rows
            .iter()
            .filter(|other| other[1 + self.format] == source && !is_norm(other[0]))
            .collect();
        if parts.len() < 2 {
            return None;
        }
        let n_of = |row: &&Row| shape_of(row[0], self.spec)[0];
        let before = parts.iter().take_while(|other| other[0] != row[0]);
        let start: usize = before.map(&n_of).sum();
        Some((start..start + n_rows, parts.iter().map(n_of).sum()))
    }
}

/// T5's bucket of each distance from −R to R, key less query, where R = `max_distance`: from there
/// on all share the last.
pub(super) fn buckets_of_distances(
    n_buckets: usize,
    max_distance: usize,
    both_ways: bool,
) -> Vec<usize> {
    let n_buckets = if both_ways { n_buckets / 2 } else { n_buckets };
    let n_exact = n_buckets / 2;
    let bucket = |distance: usize| {
        if distance < n_exact {
            return distance;
        }
        // In f32, as the reference does it: the steps lie where it rounds.
        let far = (distance as f32 / n_exact as f32).ln()
            / (max_distance as f64 / n_exact as f64).ln() as f32
            * (n_buckets - n_exact) as f32;
        (n_exact + far as usize).min(n_buckets - 1)
    };
    let before = (0..=max_distance).rev().map(bucket);
    let after = (1..=max_distance).map(|distance| match both_ways {
        true => n_buckets + bucket(distance),
        false => 0,
    });
    before.chain(after).collect()
}

fn is_norm(name: &str) -> bool {
    name.starts_with("ln") || name.ends_with(".ln") || name.ends_with("_norm")
}

/// Whether a model of these sizes has a weight.
fn is_wanted(name: &str, s: &ModelSpec, description: &Description<'_>) -> bool {
    match name {
        "pos_embed.W_pos" => matches!(s.positions, Positions::Learned { .. }),
        "rel_pos.W_bias" => s.has_buckets(),
        "token_type_embed.W_token_type" => s.n_token_types > 0,
        "embed.ln" => s.embed_norm,
        "embed.proj" => s.d_table != s.d_embed || s.d_embed != s.d_model,
        "unembed.proj" => s.has_logits && s.d_table != s.d_model,
        "attn.q_norm" | "attn.k_norm" => s.qk_norm,
        "mlp.gate" => s.gated_mlp,
        "ln_final" => s.has_final_norm(),
        "ln1" | "ln2" | "ln3" => s.norm != NormKind::None,
        "ln1_post" | "ln2_post" => {
            s.norm != NormKind::None && s.norm_position == NormPosition::Sandwich
        }
        "attn.beta" => s.mixer.fast().is_some_and(|fast| fast.is_delta),
        "pooler.pool" => s.has_pooler,
        "nsp_head.nsp" => s.has_nsp,
        "replaced_head.transform" | "replaced_head.score" => s.has_replaced,
        "unembed.W_U" => s.has_logits && !s.tied,
        "mlm_head.transform" | "mlm_head.ln" | "unembed.b_U" => s.has_logits,
        "rope.factors" => description.has("rope_freqs.weight"),
        _ => true,
    }
}

/// The shape of the weight, or of the matrix without its bias.
fn shape_of(name: &str, s: &ModelSpec) -> Vec<usize> {
    let (d, q, kv) = (s.d_model, s.n_heads * s.d_head, s.n_kv_heads * s.d_head);
    match name {
        "embed.W_E" | "unembed.W_U" => vec![s.d_vocab, s.d_table],
        "unembed.b_U" => vec![s.d_vocab],
        "pos_embed.W_pos" => vec![s.n_positions(), s.d_embed],
        "token_type_embed.W_token_type" => vec![s.n_token_types, s.d_embed],
        "embed.ln" => vec![s.d_embed],
        // Before the sum of embeddings, or after it.
        "embed.proj" if s.d_table != s.d_embed => vec![s.d_embed, s.d_table],
        "embed.proj" => vec![d, s.d_embed],
        "unembed.proj" | "mlm_head.transform" => vec![s.d_table, d],
        "mlm_head.ln" => vec![s.d_table],
        "attn.Q" | "cross_attn.Q" => vec![q, d],
        "cross_attn.K" | "cross_attn.V" => {
            vec![kv, s.encoder.as_ref().map_or(d, |encoder| encoder.d_model)]
        }
        "attn.K" | "attn.V" => vec![kv, d],
        "attn.O" | "cross_attn.O" => vec![d, q],
        "attn.q_norm" | "attn.k_norm" => vec![s.d_head],
        "attn.beta" => vec![s.n_heads, d],
        "mlp.in" | "mlp.gate" => vec![s.d_mlp, d],
        "mlp.out" => vec![d, s.d_mlp],
        "pooler.pool" | "replaced_head.transform" => vec![d, d],
        "replaced_head.score" => vec![1, d],
        "nsp_head.nsp" => vec![2, d],
        "rope.factors" => vec![s.n_rotary() / 2],
        "rel_pos.W_bias" => vec![s.n_heads, s.n_distances()],
        _ => vec![d],
    }
}

#[cfg(test)]
mod tests {
    use super::buckets_of_distances;

    /// The distances at which a bucket begins, as `T5Attention._relative_position_bucket` has them
    /// with 32 buckets up to 128.
    #[test]
    fn buckets_begin_where_the_reference_has_them() {
        let firsts = |both_ways: bool, sign: isize| -> Vec<isize> {
            let all = buckets_of_distances(32, 128, both_ways);
            let bucket = |distance: isize| all[(128 + sign * distance) as usize];
            (1..=128).filter(|&distance| bucket(distance) != bucket(distance - 1)).collect()
        };
        let both = vec![1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91];
        assert_eq!((firsts(true, -1), firsts(true, 1)), (both.clone(), both));
        let one_way: Vec<_> =
            (1..=16).chain([19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113]).collect();
        assert_eq!((firsts(false, -1), firsts(false, 1)), (one_way, Vec::new()));
    }
}
