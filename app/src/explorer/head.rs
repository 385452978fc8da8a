//! One head, large: the steps from scores to weighted values over the same tokens.

use std::rc::Rc;

use web_sys::Event;

use crate::explorer::lines::lines;
use crate::explorer::row::row;
use crate::explorer::{choice, key_labels, trace_labels};
use crate::format;
use crate::lens::attention::{self, HeadsAsked, MatrixView, Sides, sinks};
use crate::lens::table::Table;
use crate::lens::{recorded, stack};
use crate::parts::dom::{Child, El, View, either, el, input_of, show as shown_if, value_of};
use crate::parts::frame::{Hooks, Kit, panel};
use crate::parts::matrix::{Acts, Cursor, Matrix, matrix};
use crate::protocol::Attention;
use crate::state::cell::{Derived, derive};
use crate::state::url::{Average, HeadView, PairFilter, Stage};
use crate::state::{Hover, Store, use_store};

/// The panel.
pub fn head() -> View {
    let store = use_store();
    let labels = trace_labels(store);
    let keys = key_labels(store);
    let view = derive(move || head_view(store, &labels.read(), &keys.read()));
    let title = derive(move || title(store));
    let table = move || {
        let view = view.read_untracked();
        Some(numbered((*view).as_ref()?, &title.read_untracked()))
    };
    let table = Some(Box::new(table) as _);
    let explain = &[
        "Each row is a token that looks, each column a token that it can look at. In a model that reads left to right no token sees later ones: those cells are empty.",
        "The steps stand above: q · k compares what a token asks for with what another offers; the score is divided by the square root of the head’s width; later tokens are masked; softmax turns each row into shares that sum to 1; the shares weigh the values.",
        "Point at a cell for its exact value, click to keep it. Every number is a tensor of this run, or plain arithmetic on one.",
    ];
    let hooks: Hooks = Some(Box::new(move || {
        let layer = store.focus.read_untracked().layer;
        vec![format!("blocks.{layer}.attn.*")]
    }));
    let kit = Kit { hooks, table, ..Kit::of_matrix("head", explain, view, title) };
    let acts = acts(store);
    let cursor = cursor(store);
    let is_lines = derive(move || store.url.read().view == HeadView::Lines);
    let drawn = either(is_lines, move |is_lines| {
        if is_lines {
            return lines(view);
        }
        let testid = "head-matrix";
        let spec = Matrix { view, cursor, name: title, testid, square: true, max_cell: 48.0 };
        vec![el!(div class="head-row").child(matrix(spec, &acts)).child(row(view)).into()]
    });
    panel(kit, title, Some(view_switch()))
        .child(missing(store))
        .child(stages())
        .child(drawn)
        .child(options())
        .done()
}

/// One head with its title and nothing around it, for places that show the map alone.
pub fn head_map(testid: &'static str) -> View {
    let store = use_store();
    let (labels, keys) = (trace_labels(store), key_labels(store));
    let view = derive(move || head_view(store, &labels.read(), &keys.read()));
    let title = derive(move || title(store));
    let cursor = cursor(store);
    let spec = Matrix { view, cursor, name: title, testid, square: true, max_cell: 48.0 };
    vec![el!(h2).text(move || title.get()).into(), matrix(spec, &acts(store)).into()].into_node()
}

/// What pointer and keys do to a cell: preview it, or pin its tokens.
fn acts(store: Store) -> Rc<Acts> {
    Rc::new(Acts {
        hover: Box::new(move |cell: Option<(usize, usize)>| {
            store.preview(cell.map_or(Hover::default(), |(query, key)| Hover {
                query: Some(query as u32),
                key: Some(key as u32),
                head: None,
            }));
        }),
        pin: Box::new(move |(query, key)| store.pin_cell(query as u32, key as u32)),
        move_to: Box::new(move |(query, key): (usize, usize)| {
            store.preview(Hover::default());
            store.adjust(|url| (url.query, url.key) = (Some(query as u32), Some(key as u32)));
        }),
    })
}

/// The cell of the tokens that are pinned or pointed at.
fn cursor(store: Store) -> Derived<Cursor> {
    derive(move || {
        let focus = store.focus.read();
        (focus.query, focus.key)
    })
}

/// What stands here where the stack attends to nothing.
fn missing(store: Store) -> View {
    let is_missing = move || {
        let of = store.attention.get();
        store.model.get().is_some_and(|model| stack::heads(&model, of).is_none())
    };
    let words = "This stack has no attention of its own: it carries its past in a recurrent state.";
    shown_if(is_missing, move || el!(p class="notice" role="status").child(words).into())
}

fn head_view(store: Store, labels: &[String], keys: &[String]) -> Option<MatrixView> {
    let card = store.card.get()?;
    let focus = store.focus.get();
    let run = store.trace.read();
    let url = store.url.read();
    let heads = match url.average {
        Average::None => vec![(focus.layer, focus.head)],
        Average::Heads => (0..card.n_heads as usize).map(|head| (focus.layer, head)).collect(),
        // All layers are read back for the pattern only.
        Average::Layers if url.stage == Stage::Pattern => {
            (0..card.n_layers as usize).map(|layer| (layer, focus.head)).collect()
        }
        Average::Layers => vec![(focus.layer, focus.head)],
    };
    let hidden_keys = if url.hide_sink { sinks(&run.keys) } else { Vec::new() };
    let second = || run.tokens.iter().map(|token| token.second).collect::<Vec<_>>();
    let sides = url.pairs.sides().map(|(from, to)| Sides { second: second(), from, to });
    let sides = sides.filter(|sides| sides.second.contains(&true));
    let asked = HeadsAsked { heads, stage: url.stage, hidden_keys, sides };
    let view = attention::head_matrix(&run.trace, &card, &asked, labels)?;
    Some(MatrixView { col_labels: keys.iter().take(view.n_cols).cloned().collect(), ..view })
}

fn title(store: Store) -> String {
    let focus = store.focus.get();
    let (from, seen) = match store.attention.get() {
        Attention::Encoder => ("source token", "all"),
        Attention::Decoder => ("target token", "earlier ones"),
        Attention::Cross => ("target token", "the source"),
        Attention::Own if store.card.get().is_none_or(|card| card.causal) => {
            ("token", "earlier ones")
        }
        Attention::Own => ("token", "all"),
    };
    let url = store.url.read();
    let which = match url.average {
        Average::None => format!("layer {} head {}", focus.layer, focus.head),
        Average::Heads => format!("layer {}, mean of its heads", focus.layer),
        Average::Layers if url.stage == Stage::Pattern => {
            format!("head {}, mean of all layers", focus.head)
        }
        Average::Layers => format!("layer {} head {}", focus.layer, focus.head),
    };
    format!("Attention, {which}, from each {from} to {seen}")
}

/// Tokens with their numbers, since a word may stand there twice.
fn numbered(view: &MatrixView, title: &str) -> Table {
    let mut columns = vec![view.quantity.clone()];
    columns.extend(view.col_labels.iter().enumerate().map(|(idx, label)| format!("{idx} {label}")));
    let rows = (0..view.n_rows)
        .map(|row| {
            let label = view.row_labels.get(row).map_or("", String::as_str);
            let mut cells = vec![format!("{row} {label}")];
            cells.extend(
                (0..view.n_cols)
                    .map(|col| view.value(row, col).map(format::plain).unwrap_or_default()),
            );
            cells
        })
        .collect();
    Table { caption: title.into(), columns, rows }
}

/// The steps, as tabs over the same tokens.
fn stages() -> View {
    let store = use_store();
    let name = |stage: Stage| match stage {
        Stage::Scores => "q · k",
        Stage::Scaled => "÷ √d",
        Stage::Masked => "mask",
        Stage::Pattern => "softmax",
        Stage::Values => "× values",
    };
    let explain = move || match store.url.read().stage {
        Stage::Scores => "The dot product of the row’s query with the column’s key.",
        Stage::Scaled => {
            "Divided by the square root of the head’s width, so that sizes stay alike."
        }
        Stage::Masked => "The scores that count: later tokens are left out.",
        Stage::Pattern => "Each row as shares of 1: how much the token looks at each other one.",
        Stage::Values => "Each share times the length of the value that it brings.",
    };
    let button = |&stage: &Stage| {
        let testid = format!("stage-{}", stage.word());
        let chosen = move || store.url.read().stage == stage;
        choice("step", &testid, name(stage), chosen, move || {
            store.choose(|url| url.stage = stage);
        })
    };
    let buttons: Vec<View> = Stage::ALL.iter().map(button).collect();
    let steps = el!(div class="steps" role="group" aria-label="Steps of attention").child(buttons);
    let lacking = move || {
        let layer = store.focus.read().layer;
        recorded::stage(&*store.card.get()?, store.url.read().stage, layer)
    };
    vec![
        steps.into(),
        el!(p class="hint step-hint").text(explain).into(),
        el!(p class="hint lacking" data-testid="head-lacking").text(lacking).into(),
    ]
    .into_node()
}

/// Grid or lines.
fn view_switch() -> El {
    let store = use_store();
    let button = |&view: &HeadView| {
        let name = if view == HeadView::Grid { "Grid" } else { "Lines" };
        let testid = format!("view-{}", view.word());
        let chosen = move || store.url.read().view == view;
        choice("switch", &testid, name, chosen, move || store.choose(|url| url.view = view))
    };
    el!(div class="switches" role="group" aria-label="How the head is drawn")
        .child(HeadView::ALL.iter().map(button).collect::<Vec<_>>())
}

/// What is left out and what is averaged.
fn options() -> El {
    let store = use_store();
    let option = |&average: &Average| {
        let name = match average {
            Average::None => "one head",
            Average::Heads => "mean of the layer’s heads",
            Average::Layers => "mean over layers",
        };
        el!(option)
            .set("value", average.word())
            .prop("selected", move || store.url.read().average == average)
            .child(name)
            .into()
    };
    let on_average = move |event: Event| {
        if let Some(average) = Average::from_word(&value_of(&event)) {
            store.choose(|url| url.average = average);
        }
    };
    let on_hide = move |event: Event| {
        let hide = input_of(&event).is_some_and(|input| input.checked());
        store.choose(|url| url.hide_sink = hide);
    };
    let hide = el!(input type="checkbox" data-testid="hide-sink")
        .prop("checked", move || store.url.read().hide_sink)
        .on("change", on_hide);
    let select = el!(select data-testid="average")
        .on("change", on_average)
        .child(Average::ALL.iter().map(option).collect::<Vec<View>>());
    let check =
        el!(label class="check").child(hide).child(el!(span).child("Hide first and added tokens"));
    let show = el!(label class="select").child(el!(span).child("show")).child(select);
    el!(div class="options").child(check).child(pairs(store)).child(show)
}

/// Which sentence of a pair looks at which.
fn pairs(store: Store) -> View {
    let is_pair = move || store.tokens.read().iter().any(|token| token.second);
    let option = move |&filter: &PairFilter| {
        let name = match filter {
            PairFilter::All => "all",
            PairFilter::FirstFirst => "A → A",
            PairFilter::FirstSecond => "A → B",
            PairFilter::SecondFirst => "B → A",
            PairFilter::SecondSecond => "B → B",
        };
        el!(option)
            .set("value", filter.word())
            .prop("selected", move || store.url.read().pairs == filter)
            .child(name)
            .into()
    };
    shown_if(is_pair, move || {
        let on_filter = move |event: Event| {
            if let Some(filter) = PairFilter::from_word(&value_of(&event)) {
                store.choose(|url| url.pairs = filter);
            }
        };
        let select = el!(select data-testid="pairs")
            .on("change", on_filter)
            .child(PairFilter::ALL.iter().map(option).collect::<Vec<View>>());
        el!(label class="select").child(el!(span).child("sentences")).child(select).into()
    })
}
