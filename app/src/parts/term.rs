//! The glossary: a term that explains itself at its first use.

use web_sys::Event;

use crate::parts::dom::{El, close_details, el};

/// Terms and what they mean.
const GLOSSARY: &[(&str, &str)] = &[
    ("token", "A piece of text that the model reads as one symbol: a word, a part of one, a sign."),
    (
        "head",
        "One of several attention mechanisms that work side by side in a layer. Each looks at earlier tokens in its own way.",
    ),
    (
        "softmax",
        "Turns scores into shares: e to the power of each score, divided by the sum of all of them.",
    ),
    ("logit", "The model’s score for a possible next token, before softmax."),
    (
        "temperature",
        "Divides the logits before softmax. Below 1 the favourites gain; above 1 the rest does.",
    ),
    ("top-k", "Only the k most probable tokens can be chosen."),
    (
        "top-p",
        "Only the smallest set of tokens that together reach this probability can be chosen.",
    ),
    ("seed", "Where the random numbers start. Same seed, same text."),
    (
        "logit lens",
        "What the model would predict if it stopped at this layer: the unembedding applied to the stream there.",
    ),
    ("residual stream", "The vector of each token that every block reads and adds to."),
    (
        "norm",
        "Rescales each token’s vector before a block reads it. LayerNorm subtracts the mean and divides by the spread; RMSNorm divides by the root mean square.",
    ),
    ("loss", "−ln p of each token given those before it. 0 is certainty; more is surprise."),
    ("sink", "A token, often the first, that heads look at when nothing else concerns them."),
    ("mask", "A token that hides another from the model, which then says what stood there."),
    (
        "gradient norm",
        "The length of the gradient, all parameters of a layer taken together. Very small: the layer hardly learns; very large: a step may overshoot.",
    ),
    ("weight norm", "The length of a layer’s parameters, taken together as one vector."),
    (
        "update ratio",
        "How far a step moves a layer’s parameters, divided by their length. Around 0.001 is common.",
    ),
    (
        "standard deviation",
        "How far numbers lie from their mean: the root of the mean square of the distance.",
    ),
    ("largest magnitude", "The number that is furthest from zero, without its sign."),
    (
        "share of zeros",
        "How many of the numbers are exactly zero. A ReLU gives zero for everything below it.",
    ),
    ("mean", "The sum of the numbers, divided by how many there are."),
    ("learning rate", "How far the parameters go against the gradient in each step."),
    ("held out", "Examples that are never trained on: they show what was learned, not remembered."),
    ("outlier", "A dimension whose values are many times larger than the rest at some token."),
];

/// A word of the glossary with its explanation in a popover that opens on click, Enter or Space.
pub fn term(word: &'static str) -> El {
    let span = el!(span class="term-meaning" role="note");
    let shown = span.element().clone();
    // Not before it is opened: the start has no use for the glossary.
    opening(word).when("toggle", move || shown.set_text_content(Some(meaning(word)))).child(span)
}

/// A word of the glossary as a question, for where the word itself stands already.
pub fn asked(word: &'static str) -> El {
    el!(span class="hint").child("What is the ").child(term(word)).child("?")
}

/// Any words with an explanation of their own.
pub fn explained(word: &str, meaning: &str) -> El {
    opening(word).child(el!(span class="term-meaning" role="note").child(meaning))
}

fn opening(word: &str) -> El {
    el!(details class="term")
        .closes_on_escape()
        .on("focusout", |event: Event| {
            close_details(event.current_target());
        })
        .child(el!(summary).child(word))
}

/// What the glossary says of a word.
#[inline(never)]
fn meaning(word: &str) -> &'static str {
    GLOSSARY.iter().find(|(term, _)| *term == word).map_or("", |(_, meaning)| *meaning)
}
