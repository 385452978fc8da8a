//! How positions enter the model: the table, the angles or the biases that it has, and which
//! tokens each layer sees.

use std::sync::Arc;

use crate::explorer::cells::{self, own_cursor};
use crate::explorer::{choice, trace_labels};
use crate::lens::attention::MatrixView;
use crate::lens::{positions, weights};
use crate::parts::chart::chart;
use crate::parts::dom::{El, View, either, el, part};
use crate::parts::frame::{Hooks, Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::protocol::{PositionFacts, PositionKind};
use crate::state::cell::{Derived, Var, derive};
use crate::state::{Store, use_store};

/// Distances on screen.
const N_DISTANCES: usize = 64;
/// Tokens of the picture of windows.
const MAX_TOKENS: usize = 128;

type Facts = Derived<Option<Arc<PositionFacts>>>;

/// The panel.
pub fn positions() -> View {
    let store = use_store();
    let at = Var::new(0_usize);
    let facts: Facts = derive(move || {
        let card = store.card.get()?;
        let last = card.positions.len().checked_sub(1)?;
        Some(Arc::new(card.positions[at.get().min(last)].clone()))
    });
    let table_name = derive(move || facts.get().and_then(|facts| facts.table.clone()));
    cells::follow(store, table_name, false);
    let view = derive(move || view(store, &*facts.get()?));
    let title = derive(move || facts.get().map_or("Positions".into(), |facts| title(&facts)));
    let explain = &[
        "Attention by itself does not know the order of tokens. A learned or sinusoidal table gives each position a row, which is added to the token’s embedding.",
        "Rotary positions turn pairs of a query’s and a key’s numbers by an angle that grows with the position, each pair at its own speed: what counts in their product is then the distance alone. The line shows how much of a product of equal vectors is left at each distance.",
        "ALiBi takes from each score a number that grows with the distance, at a slope of each head’s own. T5 sorts distances into buckets, exact ones near and ever wider ones far, and each head adds a learned number for each.",
        "The right picture is the mask: which earlier tokens the chosen layer sees at all.",
    ];
    let hooks: Hooks =
        Some(Box::new(|| vec!["hook_pos_embed".into(), "blocks.*.attn.hook_rot_*".into()]));
    let kit = Kit { hooks, ..Kit::of_matrix("positions", explain, view, title) };
    let (cursor, acts) = own_cursor();
    let testid = "positions-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: false, max_cell: 28.0 };
    let shape = derive(move || {
        let name = table_name.get()?;
        let card = store.card.get()?;
        card.matrices.iter().find(|fact| fact.name == name).map(|fact| fact.shape)
    });
    let has_table = derive(move || shape.get().is_some());
    let tools = either(has_table, move |has_table| {
        if has_table { vec![cells::place(store, shape).into()] } else { Vec::new() }
    });
    let left = el!(div)
        .child(el!(div class="cells-tools").child(stacks(store, at)).child(tools))
        .child(matrix(spec, &acts));
    let body =
        el!(div class="thirds").child(left).child(line(store, facts)).child(reach(store, facts));
    panel(kit, title, None).child(body).done()
}

/// One button a stack, where there are two.
fn stacks(store: Store, at: Var<usize>) -> El {
    let buttons = part(move || {
        let stacks: Vec<String> = store
            .card
            .get()
            .map(|card| card.positions.iter().map(|facts| facts.stack.clone()).collect())
            .unwrap_or_default();
        if stacks.len() < 2 {
            return Vec::new();
        }
        let button = |(idx, name): (usize, &String)| {
            let testid = format!("positions-stack-{name}");
            choice("switch", &testid, name, move || at.get() == idx, move || at.set(idx))
        };
        stacks.iter().enumerate().map(button).collect()
    });
    el!(div class="switches" role="group" aria-label="Which stack").child(buttons)
}

fn title(facts: &PositionFacts) -> String {
    let words = match facts.kind {
        PositionKind::Learned => "Learned positions: the table’s rows, one a position",
        PositionKind::Sinusoidal => "Sinusoidal positions: sines and cosines, a row a position",
        PositionKind::Rotary => "Rotary positions: by which angle each pair has turned",
        PositionKind::Linear => "ALiBi: what each head adds to a score, by distance",
        PositionKind::Buckets => "T5's buckets: what each head adds to a score, by distance",
        PositionKind::Order => "No positions are added",
    };
    let stack = if facts.stack.is_empty() { "" } else { ", " };
    format!("{words}{stack}{}", facts.stack)
}

fn view(store: Store, facts: &PositionFacts) -> Option<MatrixView> {
    match facts.kind {
        PositionKind::Learned | PositionKind::Sinusoidal => {
            let cells = store.cells.get();
            let is_it = facts.table.as_ref() == Some(&cells.part.name);
            let mut view = weights::matrix(&cells.part, &cells.values, false).filter(|_| is_it)?;
            view.quantity = "added to the embedding".into();
            // Rows before position 0 are there for padding.
            for (label, row) in view.row_labels.iter_mut().zip(cells.part.first.0..) {
                *label = match row.checked_sub(facts.offset) {
                    Some(position) => position.to_string(),
                    None => "padding".into(),
                };
            }
            Some(view)
        }
        PositionKind::Rotary => {
            let n_tokens = store.tokens.read().len();
            positions::angles(facts, 0, n_tokens.clamp(N_DISTANCES, 2 * N_DISTANCES))
        }
        PositionKind::Linear | PositionKind::Buckets => positions::biases(facts, N_DISTANCES),
        PositionKind::Order => None,
    }
}

/// What distance costs, as a line.
fn line(store: Store, facts: Facts) -> View {
    let spec = derive(move || {
        let most = if facts.get()?.kind == PositionKind::Buckets { 160 } else { 4 * N_DISTANCES };
        positions::chart(&*facts.get()?, store.focus.read().head, most)
    });
    let has_line = derive(move || spec.read().is_some());
    let why = move || match facts.get()?.kind {
        PositionKind::Learned | PositionKind::Sinusoidal => Some(
            "This model adds its positions to the embeddings and leaves the scores alone: what distance costs is in the weights of each head, not in a rule.",
        ),
        PositionKind::Order => Some(
            "Nothing is added for positions: all that this model knows of the order of tokens is which of them each has seen.",
        ),
        PositionKind::Rotary | PositionKind::Linear | PositionKind::Buckets => None,
    };
    let chart = either(has_line, move |has_line| {
        if has_line { vec![chart(spec, "positions-chart").into()] } else { Vec::new() }
    });
    el!(div)
        .child(
            el!(p class="hint")
                .text(move || (*spec.read()).as_ref().map(|spec| spec.title.clone())),
        )
        .child(chart)
        .child(el!(p class="hint" data-testid="positions-why").text(why))
        .into()
}

/// Which tokens the chosen layer sees.
fn reach(store: Store, facts: Facts) -> View {
    let labels = trace_labels(store);
    let view = derive(move || {
        let labels = labels.read();
        let shown = &labels[..labels.len().min(MAX_TOKENS)];
        positions::reach(&*facts.get()?, store.focus.read().layer, shown)
    });
    let title = derive(move || format!("What layer {} sees", store.focus.read().layer));
    let explain = &[
        "Each row is a token that looks, each filled cell a token that it can see in this layer: earlier ones only in a model that reads left to right, and of those only the nearest where the layer has a window. Hatched cells lie beyond the window.",
    ];
    let kit = Kit::of_matrix("reach", explain, view, title);
    let (cursor, acts) = own_cursor();
    let testid = "reach-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: true, max_cell: 24.0 };
    let words = move || facts.get().map(|facts| positions::reach_in_words(&facts));
    panel(kit, title, None)
        .child(el!(p class="hint" data-testid="reach-words").text(words))
        .child(matrix(spec, &acts))
        .done()
}
