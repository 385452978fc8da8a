//! The search for the target as a tree: every candidate of every step, with its score; every
//! hypothesis that ended, the chosen one marked.

use crate::format;
use crate::lens::beam::{self, Place, ROW_HEIGHT, STEP_WIDTH, Tree};
use crate::lens::tokens::label;
use crate::parts::dom::{El, View, el, part};
use crate::parts::frame::{Kit, panel};
use crate::protocol::{Fate, Hypothesis, Written};
use crate::state::cell::derive;
use crate::state::{Store, use_store};

/// Candidates that are drawn; the table has all.
const MAX_DRAWN: usize = 1200;

/// The panel.
pub fn beam() -> View {
    let store = use_store();
    let kit = Kit {
        id: "beam",
        explain: &[
            "Greedy search takes the most probable token at every step. Beam search keeps several beginnings side by side: each is continued by every token, and the best of all continuations go on.",
            "Steps stand across. In each column are the candidates of that step, best first, with the sum of the logarithms of their probabilities; kept ones are black, dropped ones grey, ended ones underlined. The chosen hypothesis is drawn bold.",
            "A hypothesis is scored by that sum divided by a power of its length, as the model’s configuration says, so that long ones are not at a disadvantage.",
        ],
        table: Some(Box::new(move || Some(beam::table(&store.written.read_untracked())))),
        picture: None,
        hooks: None,
    };
    let title = derive(move || title(store));
    panel(kit, title, None).child(search(store)).done()
}

/// The tree of the search, and what it found.
pub fn search(store: Store) -> El {
    let tree = part(move || {
        let written = store.written.read();
        let tree = beam::tree(&written);
        vec![picture(&written, &tree)]
    });
    let frame = el!(div class="lines-frame beam-frame" tabindex="0" role="region" aria-label="Tree of the search")
        .child(tree);
    let why = move || {
        let none = store.written.read().nodes.is_empty();
        match (&store.url.read().target, none) {
            (Some(_), _) => {
                Some("The target is typed: nothing is searched. “Let it write” searches again.")
            }
            (None, true) => Some("Nothing is written yet."),
            (None, false) => None,
        }
    };
    let list = part(move || {
        let written = store.written.read();
        written
            .hypotheses
            .iter()
            .enumerate()
            .map(|(idx, one)| hypothesis(&written, idx, one))
            .collect()
    });
    let right = el!(div)
        .child(el!(h3).child("Hypotheses, best first"))
        .child(el!(ol class="hypotheses").child(list))
        .child(el!(p class="hint").text(why));
    el!(div class="halves").child(frame).child(right)
}

fn title(store: Store) -> String {
    let written = store.written.read();
    let state = if written.is_done || written.nodes.is_empty() { "" } else { ", running" };
    match written.n_beams {
        0 | 1 => format!("Greedy search{state}"),
        n => format!("Beam search, {n} side by side{state}"),
    }
}

fn hypothesis(written: &Written, idx: usize, one: &Hypothesis) -> View {
    let is_chosen = written.chosen == Some(one.node);
    let text = if one.text.is_empty() { "(nothing)" } else { one.text.as_str() };
    let words = el!(bdi class="token-text").child(text);
    let mark = if is_chosen { "chosen, score " } else { "score " };
    let score = el!(span class="hint num").child(mark).child(format::three(one.score));
    el!(li)
        .set("class", if is_chosen { "hypothesis chosen" } else { "hypothesis" })
        .set("data-testid", &format!("hypothesis-{idx}"))
        .set("title", &format::exact(one.score))
        .child(words)
        .child(score)
        .into()
}

fn picture(written: &Written, tree: &Tree) -> View {
    let places = || tree.places.iter().take(MAX_DRAWN);
    let edges: Vec<View> = places().map(|place| edge(written, place)).collect();
    let words: Vec<View> = places().map(|place| word(written, place)).collect();
    let name = format!(
        "{} candidates in {} steps; the chosen text: {}",
        tree.places.len(),
        written.nodes.last().map_or(0, |node| node.n_tokens),
        written.text
    );
    let start = el!(text class="beam-word kept" dominant-baseline="central")
        .set("x", "4")
        .set("y", &tree.start.1.to_string())
        .child("start");
    el!(svg class="lines" role="img" data-testid="beam-tree")
        .set("width", &tree.width.to_string())
        .set("height", &tree.height.max(ROW_HEIGHT).to_string())
        .set("aria-label", &name)
        .child(edges)
        .child(if tree.places.is_empty() { Vec::new() } else { vec![start.into()] })
        .child(words)
        .into()
}

/// Room for the words of a candidate.
const WORDS: usize = STEP_WIDTH - 24;

fn class(written: &Written, place: &Place) -> &'static str {
    match written.nodes.get(place.node).map(|node| node.fate) {
        _ if place.is_chosen => "chosen",
        Some(Fate::Kept) => "kept",
        Some(Fate::Ended) => "ended",
        Some(Fate::Dropped) | None => "dropped",
    }
}

fn edge(written: &Written, place: &Place) -> View {
    el!(line)
        .set("class", &format!("beam-edge {}", class(written, place)))
        .set("x1", &(place.from.0 + WORDS).to_string())
        .set("y1", &place.from.1.to_string())
        .set("x2", &place.x.to_string())
        .set("y2", &place.y.to_string())
        .into()
}

fn word(written: &Written, place: &Place) -> View {
    let text = |node: &crate::protocol::BeamNode| {
        format!("{} {}", label(&node.text, 6), format::three(node.score))
    };
    let made: El = el!(text dominant-baseline="central")
        .set("class", &format!("beam-word {}", class(written, place)))
        .set("x", &(place.x + 4).to_string())
        .set("y", &place.y.to_string());
    made.child(written.nodes.get(place.node).map(text).unwrap_or_default()).into()
}
