//! The wall's canvas and the grid over it.

use leptos::ev::{KeyboardEvent, MouseEvent, PointerEvent};
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::HtmlCanvasElement;

use crate::explorer::wall::Scores;
use crate::format;
use crate::lens::attention::sinks;
use crate::lens::heads;
use crate::lens::wall::{WallLabel, WallLayout};
use crate::parts::size::{pixel_ratio, use_size};
use crate::protocol::{ToWorker, WallCommand, WallStyle};
use crate::state::{Hover, Store, browser, use_store};

/// Below this width the wall is swiped through.
const NARROW: &str = "(max-width: 700px)";

/// The wall.
#[component]
pub fn WallGrid(
    /// Scores to sort by.
    scores: Memo<Scores>,
) -> AnyView {
    let store = use_store();
    let frame = NodeRef::<html::Div>::new();
    let holder = NodeRef::<html::Div>::new();
    let size = use_size(frame);
    let layout = Memo::new(move |_| layout_of(store, size.get(), scores.get()));
    attach(store, holder, layout);
    let n_heads = move || store.card.get_untracked().map_or(1, |card| card.n_heads.max(1));
    let split = move |map: u32| ((map / n_heads()) as u16, (map % n_heads()) as u16);
    let on_move = move |event: PointerEvent| {
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        let head = layout.read_untracked().map_at(x, y).map(split);
        store.preview(Hover { head, ..Hover::default() });
    };
    let on_click = move |event: MouseEvent| {
        let (x, y) = (f64::from(event.offset_x()), f64::from(event.offset_y()));
        if let Some((layer, head)) = layout.read_untracked().map_at(x, y).map(split) {
            store.pin_head(layer, head);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let pinned = pinned_map(store);
        if let Some(map) = layout.read_untracked().step(pinned, &event.key()) {
            event.prevent_default();
            event.stop_propagation();
            let (layer, head) = split(map);
            store.adjust(|url| (url.layer, url.head) = (layer, head));
        }
    };
    let pinned = move || layout.read().place_of(pinned_of(store));
    let hovered = move || {
        let (layer, head) = store.hover.read().head?;
        let n_heads = store.card.get()?.n_heads;
        layout.read().place_of(u32::from(layer) * n_heads + u32::from(head))
    };
    let at = move |place: Option<(usize, usize)>, is_x: bool| {
        let (x, y) = place.map_or((0.0, 0.0), |place| layout.read().corner(place));
        if is_x { x } else { y }
    };
    let px = |value: f64| format!("{value}px");
    let says = move || {
        let focus = store.focus.get();
        let score = scores.get().and_then(|scores| {
            let n_heads = store.card.get()?.n_heads as usize;
            scores.get(focus.layer * n_heads + focus.head).copied()
        });
        let score = score.map(|score| format!(", score {}", format::three(score)));
        format!("Layer {}, head {}{}", focus.layer, focus.head, score.unwrap_or_default())
    };
    let labels = move || {
        let layout = layout.get();
        let label = |label: &WallLabel| {
            view! {
                <span
                    class="wall-label num"
                    class:after=label.is_after
                    style:left=px(label.x)
                    style:top=px(label.y)
                    style:width=px(label.width)
                    style:line-height=px(layout.cell.min(24.0))
                >
                    {label.text.clone()}
                </span>
            }
            .into_any()
        };
        layout.labels.iter().map(label).collect::<Vec<_>>()
    };
    let held = move |n: usize| {
        px((layout.read().cell * n as f64 - f64::from(gap()) / pixel_ratio()).max(0.0))
    };
    let held_width = move || held(layout.read().n_cols);
    let held_height = move || held(layout.read().n_rows);
    let width = move || px(layout.read().width);
    let height = move || px(layout.read().height);
    let holder_left = move || px(layout.read().left);
    let holder_top = move || px(layout.read().top);
    let cell_size = move || px(layout.read().cell);
    view! {
        <div class="wall-frame" node_ref=frame class:waiting=move || store.card.read().is_none()>
            <div
                class="wall-grid"
                role="grid"
                tabindex="0"
                data-testid="wall-grid"
                aria-label="All heads"
                aria-rowcount=move || layout.read().n_rows.to_string()
                aria-colcount=move || layout.read().n_cols.to_string()
                aria-activedescendant="wall-cell"
                style:width=width
                style:height=height
                on:pointermove=on_move
                on:pointerleave=move |_| store.preview(Hover::default())
                on:click=on_click
                on:keydown=on_key
            >
                <div
                    class="wall-holder"
                    node_ref=holder
                    style:left=holder_left
                    style:top=holder_top
                    style:width=held_width
                    style:height=held_height
                ></div>
                <div class="wall-labels" aria-hidden="true">{labels}</div>
                <div
                    class="wall-hover"
                    aria-hidden="true"
                    class:unseen=move || hovered().is_none()
                    style:left=move || px(at(hovered(), true))
                    style:top=move || px(at(hovered(), false))
                    style:width=cell_size
                    style:height=cell_size
                ></div>
                <div role="row" aria-rowindex=move || pinned().map(|place| (place.1 + 1).to_string())>
                    <div
                        id="wall-cell"
                        role="gridcell"
                        class="wall-cell"
                        class:unseen=move || pinned().is_none()
                        aria-selected="true"
                        aria-colindex=move || pinned().map(|place| (place.0 + 1).to_string())
                        aria-label=says
                        style:left=move || px(at(pinned(), true))
                        style:top=move || px(at(pinned(), false))
                        style:width=cell_size
                        style:height=cell_size
                    ></div>
                </div>
            </div>
        </div>
        <p class="wall-read readout">{says}</p>
    }
    .into_any()
}

fn layout_of(store: Store, (width, height): (f64, f64), scores: Scores) -> WallLayout {
    let Some(card) = store.card.get() else { return WallLayout::default() };
    if let Some(scores) = scores {
        return WallLayout::ranked(&heads::order(&scores), width, height);
    }
    let (n_layers, n_heads) = (card.n_layers as usize, card.n_heads as usize);
    if browser::media(NARROW) {
        return WallLayout::swiped(n_layers, n_heads);
    }
    WallLayout::by_layer(n_layers, n_heads, width, height)
}

fn pinned_of(store: Store) -> u32 {
    let url = store.url.read();
    let n_heads = store.card.get().map_or(1, |card| card.n_heads);
    u32::from(url.layer) * n_heads + u32::from(url.head)
}

fn pinned_map(store: Store) -> u32 {
    untrack(|| pinned_of(store))
}

/// Gives the worker a canvas, now and whenever it says that the old one is stale, and tells it
/// how to paint.
fn attach(store: Store, holder: NodeRef<html::Div>, layout: Memo<WallLayout>) {
    let pixels = move || {
        let layout = layout.read();
        // The last place ends without a gap, so that every place is of the same whole size.
        let side = |n: usize| {
            ((layout.cell * n as f64 * pixel_ratio()).round() as u32).saturating_sub(gap()).max(1)
        };
        (side(layout.n_cols), side(layout.n_rows))
    };
    let pixels = Memo::new(move |_| pixels());
    let is_there = Memo::new(move |_| layout.read().n_cols > 0);
    Effect::new(move |_| {
        store.wall_age.get();
        let Some(holder) = holder.get() else { return };
        if !is_there.get() {
            return;
        }
        let (width, height) = pixels.get_untracked();
        if let Some((canvas, offscreen)) = new_canvas(width, height) {
            holder.replace_children_with_node_1(&canvas);
            store.host.with_value(|host| {
                let command = ToWorker::Wall(WallCommand::Attach { width, height });
                host.post_with(&command, &offscreen, &[&offscreen]);
            });
        }
    });
    Effect::new(move |was: Option<(u32, u32)>| {
        let (width, height) = pixels.get();
        if was.is_some_and(|was| was != (width, height)) && is_there.get_untracked() {
            store.post(&ToWorker::Wall(WallCommand::Resize { width, height }));
        }
        (width, height)
    });
    let style = Memo::new(move |_| {
        let url = store.url.read();
        WallStyle {
            dark: store.dark.get(),
            n_cols: layout.read().n_cols as u32,
            gap: gap(),
            order: layout.read().order.clone(),
            // The marks are nodes over the canvas: moving them paints nothing anew.
            selected: None,
            hovered: None,
            hidden_keys: if url.hide_sink { sinks(&store.tokens.read()) } else { Vec::new() },
        }
    });
    Effect::new(move |_| {
        store.wall_age.get();
        let style = style.get();
        if is_there.get() {
            store.post(&ToWorker::Wall(WallCommand::Style(style)));
        }
    });
}

/// Device pixels between thumbnails.
fn gap() -> u32 {
    pixel_ratio().round() as u32
}

/// A canvas for the page and the half of it that the worker paints.
fn new_canvas(width: u32, height: u32) -> Option<(HtmlCanvasElement, JsValue)> {
    let canvas: HtmlCanvasElement = document().create_element("canvas").ok()?.dyn_into().ok()?;
    canvas.set_width(width);
    canvas.set_height(height);
    canvas.set_class_name("picture");
    let named = canvas.set_attribute("data-testid", "wall-canvas");
    let hidden = canvas.set_attribute("aria-hidden", "true");
    named.and(hidden).ok()?;
    let offscreen = canvas.transfer_control_to_offscreen().ok()?;
    Some((canvas, offscreen.into()))
}
