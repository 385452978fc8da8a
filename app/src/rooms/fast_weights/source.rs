//! Where the tokens of the machine come from: the text of the page and a head of its model, or random numbers.

use std::sync::Arc;

use crate::explorer::{labelled, number};
use crate::lens::trace::{Tensor, Trace};
use crate::parts::dom::{El, View, el, list, part, show};
use crate::protocol::ModelCard;
use crate::rooms::Visit;
use crate::rooms::fast_weights::machine::Machine;
use crate::rooms::typing::typing;

/// Most tokens that are walked; those after them are left out, and the page says so.
pub const MAX_TOKENS: usize = 24;
/// Tokens and columns of random vectors.
const RANDOM: (usize, usize) = (12, 16);

/// What is walked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Source {
    /// One a token.
    pub names: Vec<String>,
    /// `[T, d_head]` each: queries, keys, values.
    pub qkv: [Arc<[f32]>; 3],
    /// Tokens that were left out.
    pub n_left_out: usize,
}

/// Of a head of the model; none until its queries, keys and values are there, or if it has none.
pub fn of_model(
    trace: &Trace,
    card: &ModelCard,
    names: &[String],
    layer: usize,
    head: usize,
) -> Option<Source> {
    let heads = (card.n_heads as usize, card.n_kv_heads.max(1) as usize);
    let n_tokens = names.len().min(MAX_TOKENS);
    // Rotated where the model turns them by position: those are what meet.
    let turned = |rotated: &str, plain: &str| {
        trace.layer(layer, rotated).or_else(|| trace.layer(layer, plain)).cloned()
    };
    let tensors = [
        (turned("attn.hook_rot_q", "attn.hook_q")?, heads.0, head),
        (turned("attn.hook_rot_k", "attn.hook_k")?, heads.1, head * heads.1 / heads.0),
        (trace.layer(layer, "attn.hook_v")?.clone(), heads.1, head * heads.1 / heads.0),
    ];
    if n_tokens == 0 || tensors.iter().any(|(tensor, ..)| tensor.rows().0 < names.len()) {
        return None;
    }
    let of_head = |(tensor, n_heads, head): &(Tensor, usize, usize)| -> Arc<[f32]> {
        let width = tensor.rows().1 / n_heads;
        (0..n_tokens).flat_map(|row| tensor.row(row)[head * width..][..width].to_vec()).collect()
    };
    Some(Source {
        names: names[..n_tokens].to_vec(),
        qkv: [of_head(&tensors[0]), of_head(&tensors[1]), of_head(&tensors[2])],
        n_left_out: names.len() - n_tokens,
    })
}

/// Random vectors of a seed; where keys come again, every third token has the same key, and asks for it.
pub fn random(again: bool) -> Source {
    let (n, d) = RANDOM;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        // Twelve uniform numbers less their mean are nearly normal (xorshift64*, Vigna 2016).
        let sum: f64 = (0..12)
            .map(|_| {
                state ^= state >> 12;
                state ^= state << 25;
                state ^= state >> 27;
                (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as f64 / (1_u64 << 24) as f64
            })
            .sum();
        (sum - 6.0) as f32
    };
    let mut rows = || -> Vec<f32> { (0..n * d).map(|_| next()).collect() };
    let (mut q, mut k, v) = (rows(), rows(), rows());
    if again {
        let key = k[..d].to_vec();
        for row in (0..n).step_by(3) {
            k[row * d..][..d].copy_from_slice(&key);
        }
        // Every query is the key of its own token, so that what is read can be held against what was written.
        q.clone_from(&k);
    }
    let name = |row: usize| {
        let key = if again && row.is_multiple_of(3) { 0 } else { row };
        format!("k{}", key + 1)
    };
    Source { names: (0..n).map(name).collect(), qkv: [q.into(), k.into(), v.into()], n_left_out: 0 }
}

/// The line that says where the vectors come from, with the text and the head where they are the model's.
pub fn source(visit: Visit, machine: Machine) -> El {
    let is_model = move || visit.get("from") == "model";
    let words = part(move || vec![el!(span).child(said(visit, machine)).into()]);
    let strip = list(
        move || machine.source.read().as_ref().as_ref().map_or(0, |source| source.names.len()),
        move |at| token(visit, machine, at),
    );
    el!(div class="fast-source" data-testid="fast-source")
        .child(show(is_model, move || text(visit).into()))
        .child(el!(p class="hint").child(words))
        .child(el!(ol class="fast-tokens" aria-label="Tokens, one step each").child(strip))
}

/// The text for the model, and which head of it is taken.
pub fn text(visit: Visit) -> El {
    let store = visit.store;
    let most = move |of: fn(&ModelCard) -> u32| {
        move || store.card.read().as_ref().as_ref().map_or(0_u32, |card| of(card)).saturating_sub(1)
    };
    let layer = number(
        "Layer, from 0",
        "fast-layer",
        move || store.url.read().layer.into(),
        most(|card| card.n_layers),
        move |layer| store.pin_head(layer as u16, store.url.read_untracked().head),
    );
    let head = number(
        "Head, from 0",
        "fast-head",
        move || store.url.read().head.into(),
        most(|card| card.n_heads),
        move |head| store.pin_head(store.url.read_untracked().layer, head as u16),
    );
    el!(div class="fast-text")
        .child(typing(visit, "fast-text"))
        .child(labelled("layer", layer))
        .child(labelled("head", head))
}

/// What is said of vectors that no model has made.
pub const RANDOM_VECTORS: &str =
    "Random vectors of one seed: they mean nothing, and show the arithmetic.";

/// A sentence about the vectors.
fn said(visit: Visit, machine: Machine) -> String {
    match visit.get("from").as_str() {
        "random" => RANDOM_VECTORS.to_owned(),
        "again" => "Random vectors of one seed. Tokens 1, 4, 7 and 10 have the same key; every query is the key \
                    of its own token, so that it asks for what has just been written."
            .into(),
        _ => of_head(visit, machine.source.get().map(|source| source.n_left_out)),
    }
}

/// A sentence about the vectors of the chosen head, of whose tokens so many are left out; none while there are no
/// vectors.
pub fn of_head(visit: Visit, n_left_out: Option<usize>) -> String {
    let store = visit.store;
    let Some(card) = store.model.get() else { return "The model is on its way.".into() };
    let Some(n_left_out) = n_left_out else {
        return match store.tokens.read().is_empty() {
            true => "Type a text: its tokens come here.".into(),
            false => format!(
                "{} gives no queries and keys here yet. If it has none, take random vectors.",
                card.title
            ),
        };
    };
    let focus = store.focus.get();
    let left_out = match n_left_out {
        0 => String::new(),
        _ => format!(" Only the first {MAX_TOKENS} tokens are taken."),
    };
    format!(
        "Queries, keys and values of {}, layer {}, head {}, on your text.{left_out}",
        card.title, focus.layer, focus.head
    )
}

fn token(visit: Visit, machine: Machine, at: usize) -> View {
    let step = machine.step;
    let name = move || {
        let source = machine.source.read();
        source.as_ref().as_ref().and_then(|source| source.names.get(at).cloned())
    };
    let button = el!(button type="button" class="fast-token token-text")
        .set("data-testid", &format!("fast-token-{at}"))
        .class("here", move || step.get() == at)
        .class("past", move || step.get() > at)
        .attr("aria-current", move || (step.get() == at).then_some("step"))
        .when("click", move || visit.set_step(at))
        .child(el!(bdi).text(name));
    el!(li).child(button).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_cut_out_of_the_trace() {
        let mut trace = Trace::default();
        let numbers = |n: usize| (0..n).map(|x| x as f32).collect::<Vec<_>>();
        trace.insert("blocks.1.attn.hook_q".into(), vec![2, 2, 3], numbers(12));
        trace.insert("blocks.1.attn.hook_k".into(), vec![2, 1, 3], numbers(6));
        trace.insert("blocks.1.attn.hook_v".into(), vec![2, 1, 3], numbers(6));
        let card = ModelCard { n_heads: 2, n_kv_heads: 1, ..ModelCard::default() };
        let names = ["a".to_owned(), "b".to_owned()];
        let source = of_model(&trace, &card, &names, 1, 1).unwrap();
        assert_eq!(&source.qkv[0][..], [3.0, 4.0, 5.0, 9.0, 10.0, 11.0]);
        assert_eq!(&source.qkv[1][..], numbers(6));
        assert_eq!(of_model(&trace, &card, &names, 0, 0), None, "another layer is not there");
        let more: Vec<String> = (0..3).map(|at| at.to_string()).collect();
        assert_eq!(of_model(&trace, &card, &more, 1, 0), None, "the trace is of a shorter text");
    }

    #[test]
    fn random_vectors_are_nearly_normal_and_keys_come_again() {
        let source = random(true);
        let (n, d) = RANDOM;
        assert_eq!(source.qkv[1][..d], source.qkv[1][3 * d..4 * d]);
        assert!(source.qkv[1][..d] != source.qkv[1][d..2 * d]);
        let values = &source.qkv[2];
        let mean = values.iter().sum::<f32>() / (n * d) as f32;
        let square = values.iter().map(|v| v * v).sum::<f32>() / (n * d) as f32;
        assert!(mean.abs() < 0.2 && (square - 1.0).abs() < 0.3, "{mean} {square}");
    }
}
