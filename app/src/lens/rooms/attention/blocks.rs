//! The blocks of the paper's figure in the order of the computation: where each stands, what it does, and which
//! tensors of a run are seen of it.

use crate::protocol::Attention;

/// Width and height of the figure.
pub const FIGURE: [u16; 2] = [360, 544];

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
}
