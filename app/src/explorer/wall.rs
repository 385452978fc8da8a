//! All heads at once. The worker paints the thumbnails on a canvas of this page; what the pointer
//! and the keyboard do is heard here.

use std::sync::Arc;

use web_sys::Event;

use crate::explorer::wall_grid::wall_grid;
use crate::explorer::{choice, is_pair};
use crate::format;
use crate::lens::heads;
use crate::lens::stack;
use crate::lens::table::Table;
use crate::lens::trace::layer_hook;
use crate::parts::dom::{Child, El, View, either, el, show, value_of};
use crate::parts::frame::{Kit, panel};
use crate::protocol::Attention;
use crate::state::cell::{Derived, derive};
use crate::state::url::WallSort;
use crate::state::wants::MAX_TOKENS_OF_SCORES;
use crate::state::{Store, use_store};

/// A score of every head, and the order it gives.
pub type Scores = Option<Arc<Vec<f32>>>;

/// The panel.
pub fn wall() -> View {
    let store = use_store();
    let scores = derive(move || scores_of(store));
    let title = derive(move || match store.model.get() {
        Some(card) if card.encoder.is_some() => "All heads: three attentions".into(),
        Some(card) => {
            let plural = |n: u32| if n == 1 { "" } else { "s" };
            let (layers, heads) = (card.n_layers, card.n_heads);
            format!("{layers} layer{} × {heads} head{}", plural(layers), plural(heads))
        }
        None => "All heads".into(),
    });
    let kit = Kit {
        id: "wall",
        explain: &[
            "Each small square is one attention head on your text: rows are the tokens that look, columns the tokens that are looked at, bright is much.",
            "Heads stand across, layers down, starting with 0. Point at one to see it large, click to keep it.",
            "Sorting by a question puts the heads first that answer it: how much they look at the token before, at the first token, at earlier copies of the same token, or at what followed such a copy (induction).",
        ],
        table: Some(Box::new(move || table(store, scores.get_untracked()))),
        picture: None,
        hooks: Some(Box::new(|| vec!["blocks.*.attn.hook_pattern".into()])),
    };
    let is_pair = is_pair(store);
    let walls = either(is_pair, move |is_pair| {
        if is_pair {
            return three(store, scores);
        }
        let note = el!(p class="hint wall-note").text(move || note(store));
        vec![wall_grid(Attention::Own, scores), note.into()]
    });
    let sorting = show(move || !is_pair.get(), move || sort(store).into());
    panel(kit, title, Some(el!(span).child(sorting))).child(walls).done()
}

/// The walls of an encoder–decoder; where the screen is narrow, the chosen one.
fn three(store: Store, scores: Derived<Scores>) -> Vec<View> {
    const WALLS: [(Attention, &str, &str); 3] = [
        (Attention::Encoder, "Encoder", "attend-encoder"),
        (Attention::Cross, "Cross: target to source", "attend-cross"),
        (Attention::Decoder, "Decoder", "attend-decoder"),
    ];
    let button = |&(of, name, testid): &(Attention, &'static str, &'static str)| {
        let chosen = move || store.attention.get() == of;
        choice("switch", testid, name.split(':').next().unwrap_or(name), chosen, move || {
            store.attend(of);
        })
    };
    let buttons: Vec<View> = WALLS.iter().map(button).collect();
    let switch =
        el!(div class="switches" role="group" aria-label="Which attention is shown").child(buttons);
    let wall = |&(of, name, _): &(Attention, &'static str, &'static str)| {
        let has_heads = derive(move || {
            store.model.get().is_some_and(|model| stack::heads(&model, of).is_some())
        });
        let drawn = either(has_heads, move |has_heads| match has_heads {
            true => vec![wall_grid(of, scores)],
            false => vec![el!(p class="hint").child(NO_HEADS).into()],
        });
        el!(div class="wall-of")
            .class("chosen", move || store.attention.get() == of)
            .child(el!(h3).child(name))
            .child(drawn)
            .into()
    };
    vec![switch.into(), WALLS.iter().map(wall).collect::<Vec<View>>().into_node()]
}

/// A decoder that is recurrent.
const NO_HEADS: &str = "No attention of its own: this stack carries its past in a recurrent state.";

fn sort(store: Store) -> El {
    let option = |&sort: &WallSort| {
        let name = match sort {
            WallSort::Layer => "in order",
            WallSort::Previous => "token before",
            WallSort::Induction => "induction",
            WallSort::Sink => "first token",
            WallSort::Duplicate => "same token",
        };
        el!(option)
            .set("value", sort.word())
            .prop("selected", move || store.url.read().sort == sort)
            .child(name)
            .into()
    };
    let on_change = move |event: Event| {
        if let Some(sort) = WallSort::from_word(&value_of(&event)) {
            store.choose(|url| url.sort = sort);
        }
    };
    let select = el!(select data-testid="wall-sort")
        .on("change", on_change)
        .child(WallSort::ALL.iter().map(option).collect::<Vec<View>>());
    el!(label class="select").child(el!(span).child("sort")).child(select)
}

fn scores_of(store: Store) -> Scores {
    let sort = store.url.read().sort;
    // The questions are about one text.
    if sort == WallSort::Layer || store.attention.get() != Attention::Own {
        return None;
    }
    let card = store.card.get()?;
    let run = store.trace.get();
    let ids: Vec<u32> = run.tokens.iter().map(|token| token.id).collect();
    let (n_layers, n_heads) = (card.n_layers as usize, card.n_heads as usize);
    heads::head_scores(&run.trace, n_layers, n_heads, &ids, sort).map(Arc::new)
}

fn note(store: Store) -> Option<String> {
    let sort = store.url.read().sort;
    let tokens = store.tokens.get();
    if sort == WallSort::Layer || tokens.is_empty() {
        return None;
    }
    if tokens.len() > MAX_TOKENS_OF_SCORES {
        return Some(format!("Heads are scored on texts of up to {MAX_TOKENS_OF_SCORES} tokens."));
    }
    let ids: Vec<u32> = tokens.iter().map(|token| token.id).collect();
    (!heads::can_answer(&ids, sort))
        .then(|| "No token of this text comes twice, so no head can show it. Repeat a word.".into())
}

fn table(store: Store, scores: Scores) -> Option<Table> {
    let card = store.card.get_untracked()?;
    let (n_layers, n_heads) = (card.n_layers as usize, card.n_heads as usize);
    let run = store.trace.get_untracked();
    let sort = store.url.read_untracked().sort;
    let mut columns = vec!["layer".to_owned()];
    columns.extend((0..n_heads).map(|head| format!("head {head}")));
    let cell = |layer: usize, head: usize| match &scores {
        Some(scores) => scores.get(layer * n_heads + head).map(|&score| format::plain(score)),
        None => run
            .trace
            .layer(layer, "attn.hook_pattern")
            .map(|pattern| format::plain(pattern.row(head).iter().copied().fold(0.0, f32::max))),
    };
    let rows = (0..n_layers)
        .map(|layer| {
            let mut row = vec![layer.to_string()];
            row.extend((0..n_heads).map(|head| cell(layer, head).unwrap_or_default()));
            row
        })
        .collect();
    let caption = match sort {
        WallSort::Layer => format!(
            "Largest weight of each head; only layers whose patterns were read back ({}) have numbers",
            layer_hook(0, "attn.hook_pattern").replace('0', "*")
        ),
        _ => format!("Score of each head: {}", sort.word()),
    };
    Some(Table { caption, columns, rows })
}
