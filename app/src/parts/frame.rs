//! The frame of a panel: its title, its tools and the small menu that every panel has.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlCanvasElement;

use crate::lens::table::Table;
use crate::parts::dialog::Dialog;
use crate::parts::svg::Picture;
use crate::parts::{export, icon};
use crate::protocol::ToWorker;
use crate::state::{browser, use_store};

/// Cells of a table that are put on the page; the CSV file has all.
const MAX_SHOWN_CELLS: usize = 6000;

/// What a panel's menu can do.
#[derive(Clone, Copy)]
pub struct Kit {
    /// Names the panel in file names and tests.
    pub id: &'static str,
    /// What is to be seen, how to read it, where it comes from: a paragraph each.
    pub explain: &'static [&'static str],
    /// Its numbers.
    pub table: Option<Callback<(), Option<Table>>>,
    /// Its picture; a panel with a canvas gives PNG without it.
    pub picture: Option<Callback<(), Option<Picture>>>,
    /// Hooks that hold its tensors.
    pub hooks: Option<Callback<(), Vec<String>>>,
}

/// A panel.
#[component]
pub fn Panel(
    /// Its menu.
    kit: Kit,
    /// What is seen.
    #[prop(into)]
    title: Signal<String>,
    /// Controls at the right of the title.
    #[prop(optional)]
    tools: Option<AnyView>,
    /// The panel.
    children: Children,
) -> AnyView {
    let section = NodeRef::<html::Section>::new();
    let class = format!("panel panel-{}", kit.id);
    view! {
        <section node_ref=section class=class data-testid=kit.id aria-label=title>
            <header class="panel-head">
                <h2>{title}</h2>
                <div class="panel-tools">{tools} <Menu kit title section /></div>
            </header>
            <div class="panel-body">{children()}</div>
        </section>
    }
    .into_any()
}

#[component]
fn Menu(kit: Kit, title: Signal<String>, section: NodeRef<html::Section>) -> AnyView {
    let store = use_store();
    let details = NodeRef::<html::Details>::new();
    let explains = RwSignal::new(false);
    let shows_table = RwSignal::new(false);
    let canvas = move || -> Option<HtmlCanvasElement> {
        section.get_untracked()?.query_selector("canvas.picture").ok()??.dyn_into().ok()
    };
    let file = move |extension: &str| format!("vitrine-{}.{extension}", kit.id);
    let full_screen = move || {
        if let Some(section) = section.get_untracked() {
            if document().fullscreen_element().is_some() {
                document().exit_fullscreen();
            } else {
                // Refused where the page is embedded without leave.
                let _ = section.request_fullscreen();
            }
        }
    };
    let png = move || {
        if let Some(canvas) = canvas() {
            export::save_canvas(&file("png"), &canvas);
        } else if let Some(picture) = kit.picture.and_then(|picture| picture.run(())) {
            export::save_svg_as_png(&file("png"), &picture.svg, picture.width, picture.height);
        }
    };
    let svg = move || {
        if let Some(picture) = kit.picture.and_then(|picture| picture.run(())) {
            export::save_text(&file("svg"), "image/svg+xml", &picture.svg);
        }
    };
    let csv = move || {
        if let Some(table) = kit.table.and_then(|table| table.run(())) {
            export::save_text(&file("csv"), "text/csv", &table.to_csv());
        }
    };
    let tensors = move || {
        let hooks = kit.hooks.map(|hooks| hooks.run(())).unwrap_or_default();
        store.post(&ToWorker::Export { hooks });
    };
    let link = move || {
        let copied = export::copy(&browser::address());
        let said = if copied { "Link copied" } else { "The link is in the address bar" };
        store.said.set(said.into());
    };
    let item = move |name: &'static str, is_there: bool, act: Box<dyn Fn()>| {
        is_there.then(|| {
            let on_click = move |_| {
                act();
                if let Some(details) = details.get_untracked() {
                    details.set_open(false);
                }
            };
            view! { <button type="button" on:click=on_click>{name}</button> }.into_any()
        })
    };
    let has_hooks = kit.hooks.is_some();
    let has_pixels = kit.picture.is_some() || kit.id == "wall";
    let items = vec![
        item("What am I looking at?", true, Box::new(move || explains.set(true))),
        item("Table", kit.table.is_some(), Box::new(move || shows_table.set(true))),
        item("Full screen", true, Box::new(full_screen)),
        item("Picture (PNG)", has_pixels, Box::new(png)),
        item("Picture (SVG)", kit.picture.is_some(), Box::new(svg)),
        item("Data (CSV)", kit.table.is_some(), Box::new(csv)),
        item("Data (safetensors)", has_hooks, Box::new(tensors)),
        item("Copy link", true, Box::new(link)),
    ];
    let close = move |event: leptos::ev::KeyboardEvent| {
        if event.key() == "Escape"
            && let Some(details) = details.get_untracked()
            && details.open()
        {
            details.set_open(false);
            event.stop_propagation();
        }
    };
    let leave = move |event: leptos::ev::FocusEvent| {
        let inside = event.related_target().and_then(|to| to.dyn_into::<web_sys::Node>().ok());
        if let Some(details) = details.get_untracked()
            && !details.contains(inside.as_ref())
        {
            details.set_open(false);
        }
    };
    let name = move || format!("Menu of: {}", title.get());
    let table = move || kit.table.and_then(|table| table.run(())).map(table_view);
    let paragraphs = move || {
        kit.explain.iter().map(|text| view! { <p>{*text}</p> }.into_any()).collect::<Vec<_>>()
    };
    view! {
        <details node_ref=details class="menu" on:keydown=close on:focusout=leave>
            <summary aria-label=name data-testid=format!("menu-{}", kit.id)>{icon::menu()}</summary>
            <div class="menu-items">{items}</div>
        </details>
        <Dialog open=explains title testid="explain">
            <div class="prose">{paragraphs()}</div>
        </Dialog>
        <Dialog open=shows_table title testid="table">
            {table()}
        </Dialog>
    }
    .into_any()
}

fn table_view(table: Table) -> AnyView {
    let n_rows_shown = (MAX_SHOWN_CELLS / table.columns.len().max(1)).max(1);
    let is_cut = table.rows.len() > n_rows_shown;
    let head: Vec<AnyView> = table
        .columns
        .iter()
        .map(|name| view! { <th scope="col"><bdi>{name.clone()}</bdi></th> }.into_any())
        .collect();
    let rows: Vec<AnyView> = table
        .rows
        .iter()
        .take(n_rows_shown)
        .map(|row| {
            let cells: Vec<AnyView> = row
                .iter()
                .enumerate()
                .map(|(idx, cell)| {
                    let cell = cell.clone();
                    if idx == 0 {
                        view! { <th scope="row"><bdi>{cell}</bdi></th> }.into_any()
                    } else {
                        view! { <td><bdi>{cell}</bdi></td> }.into_any()
                    }
                })
                .collect();
            view! { <tr>{cells}</tr> }.into_any()
        })
        .collect();
    let note = is_cut.then(|| {
        view! { <p>{format!("The first {n_rows_shown} of {} rows; the CSV file has all.", table.rows.len())}</p> }
    });
    view! {
        {note}
        <table class="data">
            <caption>{table.caption}</caption>
            <thead><tr>{head}</tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
    .into_any()
}
