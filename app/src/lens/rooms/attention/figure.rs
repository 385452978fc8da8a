//! The figure of the paper, block by block in the order of the computation: where each block stands, what it
//! does, and which tensors of a run it shows.

use super::head::{Seen, pattern};
use crate::lens::attention::MatrixView;
use crate::lens::stack;
use crate::lens::trace::{Tensor, Trace, layer_hook};
use crate::palette::Scale;
use crate::protocol::{Attention, ModelCard};

/// Width and height of the figure.
pub const FIGURE: [u16; 2] = [360, 544];
/// Largest vocabulary that is shown whole.
const MAX_VOCABULARY: u32 = 4096;

/// A block.
#[derive(Debug)]
pub struct Block {
    /// On its button.
    pub name: &'static str,
    /// Of which stack.
    pub of: Attention,
    /// A sentence.
    pub does: &'static str,
    /// Left, top, width, height in the figure.
    pub place: [u16; 4],
    /// What is seen of it, in the order of the computation.
    pub planes: &'static [Plane],
}

/// A tensor of a block.
#[derive(Clone, Copy, Debug)]
pub struct Plane {
    /// The symbol in the room's words.
    pub symbol: &'static str,
    /// What is seen.
    pub title: &'static str,
    /// Which.
    pub kind: Kind,
}

/// Where a tensor comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Rows of a hook that the model has once.
    Model(Attention, &'static str),
    /// Rows of a hook of the chosen layer.
    Layer(Attention, &'static str),
    /// The pattern of the chosen head.
    Pattern(Attention),
    /// Scores of the vocabulary.
    Logits,
    /// Their softmax.
    Probabilities,
}

use Attention::{Cross, Decoder, Encoder};

const fn layer(
    symbol: &'static str,
    of: Attention,
    hook: &'static str,
    title: &'static str,
) -> Plane {
    Plane { symbol, title, kind: Kind::Layer(of, hook) }
}

const fn model(
    symbol: &'static str,
    of: Attention,
    hook: &'static str,
    title: &'static str,
) -> Plane {
    Plane { symbol, title, kind: Kind::Model(of, hook) }
}

const fn shares(of: Attention, title: &'static str) -> Plane {
    Plane { symbol: "A", title, kind: Kind::Pattern(of) }
}

const fn block(
    name: &'static str,
    of: Attention,
    place: [u16; 4],
    does: &'static str,
    planes: &'static [Plane],
) -> Block {
    Block { name, of, does, place, planes }
}

const SUM: &str = "x + F(x): what came in, and what the block adds";
const NORMED: &str = "LN(x + F(x)): each row with mean 0 and variance 1, times γ, plus β";

/// All blocks, in the order of the computation.
pub const BLOCKS: &[Block] = &[
    block(
        "Input embedding",
        Encoder,
        [24, 484, 136, 32],
        "Each token of the source takes its row of a learned table, times √d.",
        &[model("E", Encoder, "hook_embed", "embeddings: a row a token of the source")],
    ),
    block(
        "Positional encoding",
        Encoder,
        [24, 442, 136, 28],
        "A fixed row of sines and cosines for each position is added. Nothing else says where a token stands.",
        &[
            model("PE", Encoder, "hook_pos_embed", "PE: a row a position"),
            Plane {
                symbol: "x",
                title: "x: their sum, what the first layer reads",
                kind: Kind::Model(Encoder, "0.hook_resid_pre"),
            },
        ],
    ),
    block(
        "Multi-head attention",
        Encoder,
        [24, 380, 136, 36],
        "Every token of the source looks at every other, in each head in another way.",
        &[
            layer("x", Encoder, "hook_resid_pre", "x: what comes in"),
            shares(Encoder, "A: where the chosen head looks"),
            layer("F", Encoder, "hook_attn_out", "F(x): what all heads together add"),
        ],
    ),
    block(
        "Add & norm",
        Encoder,
        [24, 344, 136, 28],
        "What attention found is added to what came in; then each row is brought to one size.",
        &[
            layer("sum", Encoder, "hook_resid_mid", SUM),
            layer("LN", Encoder, "ln1.hook_normalized", NORMED),
        ],
    ),
    block(
        "Feed forward",
        Encoder,
        [24, 286, 136, 36],
        "Each row by itself goes through two linear maps, with a ReLU between them.",
        &[
            layer(
                "relu",
                Encoder,
                "mlp.hook_post",
                "max(0, xW₁ + b₁): what is left after the ReLU",
            ),
            layer("F", Encoder, "hook_mlp_out", "F(x): what it adds"),
        ],
    ),
    block(
        "Add & norm",
        Encoder,
        [24, 250, 136, 28],
        "The same again. This is what the next layer reads; the last layer’s goes to the decoder.",
        &[
            layer("sum", Encoder, "hook_resid_post", SUM),
            layer("LN", Encoder, "hook_normalized_resid_post", NORMED),
        ],
    ),
    block(
        "Output embedding",
        Decoder,
        [200, 484, 136, 32],
        "What has been written so far, moved one place to the right: the first token only says “begin”.",
        &[model("E", Decoder, "hook_embed", "embeddings: a row a token of the target")],
    ),
    block(
        "Positional encoding",
        Decoder,
        [200, 442, 136, 28],
        "The same sines and cosines, for the places of the target.",
        &[
            model("PE", Decoder, "hook_pos_embed", "PE: a row a position"),
            Plane {
                symbol: "x",
                title: "x: their sum, what the first layer reads",
                kind: Kind::Model(Decoder, "0.hook_resid_pre"),
            },
        ],
    ),
    block(
        "Masked multi-head attention",
        Decoder,
        [200, 380, 136, 36],
        "Each token of the target looks at itself and those before it. Later ones are masked: they are to be guessed.",
        &[
            layer("x", Decoder, "hook_resid_pre", "x: what comes in"),
            shares(Decoder, "A: where the chosen head looks"),
            layer("F", Decoder, "hook_attn_out", "F(x): what all heads together add"),
        ],
    ),
    block(
        "Add & norm",
        Decoder,
        [200, 344, 136, 28],
        "Added to what came in, and brought to one size.",
        &[
            layer("sum", Decoder, "hook_resid_mid", SUM),
            layer("LN", Decoder, "ln1.hook_normalized", NORMED),
        ],
    ),
    block(
        "Multi-head attention",
        Decoder,
        [200, 286, 136, 36],
        "Each token of the target looks at the whole source. Queries come from here, keys and values from the encoder.",
        &[
            layer("x", Decoder, "ln1.hook_normalized", "x: what asks"),
            shares(Cross, "A: where the chosen head looks in the source"),
            layer("F", Decoder, "hook_cross_attn_out", "F(x): what all heads together add"),
        ],
    ),
    block(
        "Add & norm",
        Decoder,
        [200, 250, 136, 28],
        "Added to what came in, and brought to one size.",
        &[
            layer("sum", Decoder, "hook_resid_mid_cross", SUM),
            layer("LN", Decoder, "ln2.hook_normalized", NORMED),
        ],
    ),
    block(
        "Feed forward",
        Decoder,
        [200, 192, 136, 36],
        "Each row by itself, as in the encoder.",
        &[
            layer(
                "relu",
                Decoder,
                "mlp.hook_post",
                "max(0, xW₁ + b₁): what is left after the ReLU",
            ),
            layer("F", Decoder, "hook_mlp_out", "F(x): what it adds"),
        ],
    ),
    block(
        "Add & norm",
        Decoder,
        [200, 156, 136, 28],
        "What the next layer reads; the last layer’s goes to the output.",
        &[
            layer("sum", Decoder, "hook_resid_post", SUM),
            layer("LN", Decoder, "hook_normalized_resid_post", NORMED),
        ],
    ),
    block(
        "Linear",
        Decoder,
        [200, 88, 136, 32],
        "Each row is held against the embedding of every token: one score for each token that could come next.",
        &[Plane { symbol: "logits", title: "scores of the vocabulary", kind: Kind::Logits }],
    ),
    block(
        "Softmax",
        Decoder,
        [200, 40, 136, 32],
        "The scores become shares of 1. The largest share of the last row is what is written next.",
        &[Plane {
            symbol: "p",
            title: "p: how likely each token is to come next",
            kind: Kind::Probabilities,
        }],
    ),
];

/// Whether a model has a tensor, and few enough columns of it to be shown.
pub fn is_shown(model: &ModelCard, kind: Kind) -> bool {
    let is_vocabulary = matches!(kind, Kind::Logits | Kind::Probabilities);
    model.hooks.contains(&full_hook(kind, 0)) && !(is_vocabulary && model.d_vocab > MAX_VOCABULARY)
}

/// The full name of the hook that holds a tensor, in a layer.
pub fn full_hook(kind: Kind, layer: usize) -> String {
    match kind {
        Kind::Model(of, hook) => match hook.split_once('.') {
            Some((layer, hook)) => stack::full_name(&format!("blocks.{layer}.{hook}"), of),
            None => stack::full_name(hook, of),
        },
        Kind::Layer(of, hook) => stack::full_name(&layer_hook(layer, hook), of),
        Kind::Pattern(of) => stack::full_name(&layer_hook(layer, "attn.hook_pattern"), of),
        Kind::Logits | Kind::Probabilities => "logits".to_owned(),
    }
}

impl Kind {
    /// Of which attention's tokens the rows are.
    pub fn of(self) -> Attention {
        match self {
            Self::Model(of, _) | Self::Layer(of, _) | Self::Pattern(of) => of,
            Self::Logits | Self::Probabilities => Decoder,
        }
    }
}

/// A block's tensor of a whole run; none while it is not there. `seen` is the run as [`Kind::of`] sees it;
/// `named` labels the vocabulary.
pub fn plane_view(
    trace: &Trace,
    kind: Kind,
    [layer, head]: [usize; 2],
    seen: &Seen,
    named: &dyn Fn(usize) -> Option<String>,
) -> Option<MatrixView> {
    if let Kind::Pattern(_) = kind {
        return pattern(seen, layer, head);
    }
    let tensor = trace.get(&full_hook(kind, layer))?;
    let (n_rows, n_cols) = tensor.rows();
    if n_rows == 0 || n_rows != seen.rows.len() {
        return None;
    }
    let (values, scale, quantity) = match kind {
        Kind::Probabilities => (softmax(tensor), Scale::UNIT, "probability"),
        Kind::Logits => (tensor.values.to_vec(), Scale::diverging(&tensor.values), "score"),
        _ => (tensor.values.to_vec(), Scale::diverging(&tensor.values), "value"),
    };
    let is_vocabulary = matches!(kind, Kind::Logits | Kind::Probabilities);
    let label =
        |col: usize| named(col).filter(|_| is_vocabulary).unwrap_or_else(|| col.to_string());
    Some(MatrixView {
        n_rows,
        n_cols,
        values,
        row_labels: seen.rows.clone(),
        col_labels: (0..n_cols).map(label).collect(),
        scale,
        quantity: quantity.to_owned(),
        ..MatrixView::default()
    })
}

/// Each row as shares of 1.
fn softmax(logits: &Tensor) -> Vec<f32> {
    let n_rows = logits.rows().0;
    let of_row = |row: usize| {
        let row = logits.row(row);
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f32> = row.iter().map(|&x| (x - most).exp()).collect();
        let sum: f32 = powers.iter().sum();
        powers.into_iter().map(move |power| power / sum)
    };
    (0..n_rows).flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_within_the_figure_and_apart() {
        let [width, height] = FIGURE;
        for (at, block) in BLOCKS.iter().enumerate() {
            let [x, y, w, h] = block.place;
            assert!(x + w <= width && y + h <= height, "{}", block.name);
            assert!(!block.planes.is_empty() && block.planes.len() <= 3 && h >= 24);
            for other in &BLOCKS[..at] {
                let [x2, y2, w2, h2] = other.place;
                assert!(x >= x2 + w2 || x2 >= x + w || y >= y2 + h2 || y2 >= y + h, "{at}");
            }
        }
        // Encoder first, and from the bottom up within a stack.
        for pair in BLOCKS.windows(2) {
            assert!(pair[0].of != pair[1].of || pair[0].place[1] > pair[1].place[1]);
        }
    }

    #[test]
    fn hooks_have_the_names_of_their_stacks() {
        let name = |kind| full_hook(kind, 3);
        assert_eq!(name(Kind::Model(Encoder, "hook_embed")), "encoder.hook_embed");
        assert_eq!(name(Kind::Model(Decoder, "0.hook_resid_pre")), "decoder.0.hook_resid_pre");
        assert_eq!(
            name(Kind::Layer(Decoder, "ln2.hook_normalized")),
            "decoder.3.ln2.hook_normalized"
        );
        assert_eq!(name(Kind::Pattern(Cross)), "decoder.3.cross_attn.hook_pattern");
        assert_eq!(name(Kind::Probabilities), "logits");
    }

    #[test]
    fn probabilities_are_shares_and_have_the_vocabulary_s_names() {
        let mut trace = Trace::default();
        trace.insert("logits".into(), vec![1, 2], vec![0.0, 3.0_f32.ln()]);
        let named = |id: usize| (id == 1).then(|| "b".to_owned());
        let seen = Seen { rows: vec!["a".to_owned()], ..Seen::default() };
        let view = plane_view(&trace, Kind::Probabilities, [0, 0], &seen, &named).unwrap();
        assert!((view.values[1] - 0.75).abs() <= 1e-6 && (view.values[0] - 0.25).abs() <= 1e-6);
        assert_eq!(view.col_labels, ["0", "b"]);
        assert_eq!(plane_view(&trace, Kind::Logits, [0, 0], &Seen::default(), &named), None);
    }
}
