//! The wall's canvas and the grid over it.

use std::cell::Cell;

use leptos::prelude::untrack;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, HtmlCanvasElement, KeyboardEvent, PointerEvent};

use crate::explorer::wall::Scores;
use crate::format;
use crate::host;
use crate::lens::attention::sinks;
use crate::lens::descending;
use crate::lens::stack;
use crate::lens::wall::{WallLabel, WallLayout};
use crate::parts::dom::{Child, El, View, document, effect, el, part};
use crate::parts::size::{pixel_ratio, use_size};
use crate::protocol::{Attention, ToWorker, WallCommand, WallStyle};
use crate::state::cell::{Derived, derive};
use crate::state::{Hover, Store, browser, use_store};

/// Below this width the wall is swiped through.
const NARROW: &str = "(max-width: 700px)";

/// A wall, with scores to sort by.
pub fn wall_grid(of: Attention, scores: Derived<Scores>) -> View {
    let store = use_store();
    let [grid_id, canvas_id, cell_id] =
        ["wall-grid", "wall-canvas", "wall-cell"].map(|part| format!("{part}{}", suffix(of)));
    let frame = el!(div class="wall-frame");
    let size = use_size(&frame);
    let layout = derive(move || layout_of(store, of, size.get(), scores.get()));
    let held = move |n: usize| {
        let layout = layout.read();
        px((layout.cell * n as f64 - f64::from(gap()) / pixel_ratio()).max(0.0))
    };
    let holder = el!(div class="wall-holder")
        .style("left", move || px(layout.read().left))
        .style("top", move || px(layout.read().top))
        .style("width", move || held(layout.read().n_cols))
        .style("height", move || held(layout.read().n_rows));
    attach(store, of, holder.element().clone(), canvas_id, layout);
    let labels = part(move || {
        let layout = layout.read();
        layout.labels.iter().map(|label| label_view(label, layout.cell.min(24.0))).collect()
    });
    let says = derive(move || says(store, of, scores.get()));
    let is_shown = move || store.attention.get() == of;
    let pinned =
        derive(move || layout.read().place_of(pinned_of(store, of)).filter(|_| is_shown()));
    let hovered = derive(move || {
        let (layer, head) = store.hover.read().head.filter(|_| is_shown())?;
        let map = usize::from(layer) * n_heads_of(store, of) + usize::from(head);
        layout.read().place_of(map as u32)
    });
    let at = move |mark: El, place: Derived<Option<(usize, usize)>>| {
        let corner =
            derive(move || place.get().map_or((0.0, 0.0), |place| layout.read().corner(place)));
        mark.class("unseen", move || place.read().is_none())
            .style("left", move || px(corner.get().0))
            .style("top", move || px(corner.get().1))
            .style("width", move || px(layout.read().cell))
            .style("height", move || px(layout.read().cell))
    };
    let cell = el!(div role="gridcell" class="wall-cell")
        .set("id", &cell_id)
        .state("aria-selected", is_shown)
        .attr("aria-colindex", move || pinned.get().map(|place| (place.0 + 1).to_string()))
        .attr("aria-label", move || says.get());
    let row = el!(div role="row")
        .attr("aria-rowindex", move || pinned.get().map(|place| (place.1 + 1).to_string()))
        .child(at(cell, pinned));
    let grid = el!(div class="wall-grid" role="grid" tabindex="0")
        .set("data-testid", &grid_id)
        .set("aria-label", name(of))
        .set("aria-activedescendant", &cell_id)
        .attr("aria-rowcount", move || layout.read().n_rows.to_string())
        .attr("aria-colcount", move || layout.read().n_cols.to_string())
        .style("width", move || px(layout.read().width))
        .style("height", move || px(layout.read().height));
    let grid = listen(store, of, grid, layout)
        .child(holder)
        .child(el!(div class="wall-labels" aria-hidden="true").child(labels))
        .child(at(el!(div class="wall-hover" aria-hidden="true"), hovered))
        .child(row);
    let frame = frame.class("waiting", move || store.model.read().is_none()).child(grid);
    let read = move || is_shown().then(|| says.get());
    vec![frame.into(), el!(p class="wall-read readout").text(read).into()].into_node()
}

/// What a wall shows, for screen readers.
fn name(of: Attention) -> &'static str {
    match of {
        Attention::Own => "All heads",
        Attention::Encoder => "All heads of the encoder",
        Attention::Decoder => "All heads of the decoder",
        Attention::Cross => "All heads of cross-attention",
    }
}

/// Behind the names of a wall's parts.
fn suffix(of: Attention) -> &'static str {
    match of {
        Attention::Own => "",
        Attention::Encoder => "-encoder",
        Attention::Decoder => "-decoder",
        Attention::Cross => "-cross",
    }
}

/// Layers and heads.
fn heads_of(store: Store, of: Attention) -> Option<(usize, usize)> {
    (*store.model.read()).as_ref().and_then(|model| stack::heads(model, of))
}

fn n_heads_of(store: Store, of: Attention) -> usize {
    heads_of(store, of).map_or(1, |heads| heads.1.max(1))
}

fn px(value: f64) -> String {
    format::trimmed(value) + "px"
}

fn says(store: Store, of: Attention, scores: Scores) -> String {
    if store.attention.get() != of {
        let (layers, heads) = heads_of(store, of).unwrap_or_default();
        let (layers, heads) = (format::plural(layers, "layer"), format::plural(heads, "head"));
        return format!("Not shown large: {layers} of {heads}; an arrow key shows one");
    }
    let focus = store.focus.read();
    let score = scores.and_then(|scores| {
        let n_heads = n_heads_of(store, of);
        scores.get(focus.layer * n_heads + focus.head).copied()
    });
    let score = score.map(|score| format!(", score {}", format::three(score)));
    format!("Layer {}, head {}{}", focus.layer, focus.head, score.unwrap_or_default())
}

fn label_view(label: &WallLabel, line_height: f64) -> View {
    let class = if label.is_after { "wall-label num after" } else { "wall-label num" };
    el!(span)
        .set("class", class)
        .styled("left", &px(label.x))
        .styled("top", &px(label.y))
        .styled("width", &px(label.width))
        .styled("line-height", &px(line_height))
        .child(label.text.as_str())
        .into()
}

/// Mouse, touch and keyboard.
fn listen(store: Store, of: Attention, grid: El, layout: Derived<WallLayout>) -> El {
    let n_heads = move || untrack(|| n_heads_of(store, of)) as u32;
    let is_shown = move || store.attention.get_untracked() == of;
    let split = move |map: u32| ((map / n_heads()) as u16, (map % n_heads()) as u16);
    let head_at = move |event: &PointerEvent| {
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        layout.read_untracked().map_at(x, y).map(split)
    };
    let on_move = move |event: PointerEvent| {
        if is_shown() {
            store.preview(Hover { head: head_at(&event), ..Hover::default() });
        }
    };
    let on_click = move |event: PointerEvent| {
        if let Some((layer, head)) = head_at(&event) {
            store.attend(of);
            store.pin_head(layer, head);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let pinned = untrack(|| pinned_of(store, of));
        if let Some(map) = layout.read_untracked().step(pinned, &event.key()) {
            event.prevent_default();
            event.stop_propagation();
            let (layer, head) = split(map);
            store.attend(of);
            store.adjust(|url| (url.layer, url.head) = (layer, head));
        }
    };
    grid.on("pointermove", on_move)
        .when("pointerleave", move || store.preview(Hover::default()))
        .on("click", on_click)
        .on("keydown", on_key)
}

fn layout_of(
    store: Store,
    of: Attention,
    (width, height): (f64, f64),
    scores: Scores,
) -> WallLayout {
    let Some((n_layers, n_heads)) = heads_of(store, of) else { return WallLayout::default() };
    if let Some(scores) = scores {
        return WallLayout::ranked(&descending(&scores), width, height);
    }
    if browser::media(NARROW) {
        return WallLayout::swiped(n_layers, n_heads);
    }
    WallLayout::by_layer(n_layers, n_heads, width, height)
}

/// The pinned map; of a wall with fewer, the nearest.
fn pinned_of(store: Store, of: Attention) -> u32 {
    let url = store.url.read();
    let (n_layers, n_heads) = heads_of(store, of).unwrap_or((1, 1));
    let within = |at: u16, n: usize| usize::from(at).min(n.saturating_sub(1));
    (within(url.layer, n_layers) * n_heads + within(url.head, n_heads)) as u32
}

/// Gives the worker a canvas, now and whenever it says that the old one is stale, and tells it
/// how to paint.
fn attach(
    store: Store,
    of: Attention,
    holder: Element,
    canvas_id: String,
    layout: Derived<WallLayout>,
) {
    let tell = move |command: WallCommand| store.post(&ToWorker::Wall { of, command });
    let pixels = derive(move || {
        let layout = layout.read();
        // The last place ends without a gap, so that every place is of the same whole size.
        let side = |n: usize| {
            ((layout.cell * n as f64 * pixel_ratio()).round() as u32).saturating_sub(gap()).max(1)
        };
        (side(layout.n_cols), side(layout.n_rows))
    });
    let is_there = derive(move || layout.read().n_cols > 0);
    effect(move || {
        store.wall_age.get();
        if !is_there.get() {
            return;
        }
        let (width, height) = pixels.get_untracked();
        if let Some((canvas, offscreen)) = new_canvas(&canvas_id, width, height) {
            holder.replace_children_with_node_1(&canvas);
            let command = WallCommand::Attach { width, height };
            let command = ToWorker::Wall { of, command };
            host::post_with(&command, &offscreen, &[&offscreen]);
        }
    });
    let last = Cell::new(None);
    effect(move || {
        let (width, height) = pixels.get();
        let was = last.replace(Some((width, height)));
        if was.is_some_and(|was| was != (width, height)) && is_there.get_untracked() {
            tell(WallCommand::Resize { width, height });
        }
    });
    let style = derive(move || {
        let url = store.url.read();
        let layout = layout.read();
        WallStyle {
            dark: store.dark.get(),
            n_cols: layout.n_cols as u32,
            gap: gap(),
            order: layout.order.clone(),
            // The marks are nodes over the canvas: moving them paints nothing anew.
            selected: None,
            hovered: None,
            hidden_keys: match of {
                _ if !url.hide_sink => Vec::new(),
                Attention::Own | Attention::Decoder => sinks(&store.tokens.read()),
                Attention::Encoder | Attention::Cross => sinks(&store.source.read()),
            },
        }
    });
    effect(move || {
        store.wall_age.get();
        let style = style.get();
        if is_there.get() {
            tell(WallCommand::Style(style));
        }
    });
}

/// Device pixels between thumbnails.
fn gap() -> u32 {
    pixel_ratio().round() as u32
}

/// A canvas for the page and the half of it that the worker paints.
fn new_canvas(id: &str, width: u32, height: u32) -> Option<(HtmlCanvasElement, JsValue)> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    canvas.set_class_name("picture");
    let named = canvas.set_attribute("data-testid", id);
    let hidden = canvas.set_attribute("aria-hidden", "true");
    named.and(hidden).ok()?;
    let offscreen = canvas.transfer_control_to_offscreen().ok()?;
    Some((canvas, offscreen.into()))
}
