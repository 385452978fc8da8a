//! The frame of a panel: its title, its tools and the small menu that every panel has.

use std::rc::Rc;

use wasm_bindgen::JsCast;
use web_sys::{Element, Event, FocusEvent, HtmlCanvasElement, Node};

use crate::lens::attention::MatrixView;
use crate::lens::stack;
use crate::lens::table::Table;
use crate::parts::dialog::dialog;
use crate::parts::dom::{self, Child, El, View, close_around, close_details, document, el};
use crate::parts::plot::ChartSpec;
use crate::parts::svg::{self, Picture};
use crate::parts::{export, icon};
use crate::protocol::ToWorker;
use crate::state::cell::{Derived, Var, derive};
use crate::state::{browser, use_store};

/// Cells of a table that are put on the page; the CSV file has all.
const MAX_SHOWN_CELLS: usize = 6000;

/// What a panel's menu can do.
pub struct Kit {
    /// Names the panel in file names and tests.
    pub id: &'static str,
    /// What is to be seen, how to read it, where it comes from: a paragraph each.
    pub explain: &'static [&'static str],
    /// Its numbers.
    pub table: Option<Box<dyn Fn() -> Option<Table>>>,
    /// Its picture; a panel with a canvas gives PNG without it.
    pub picture: Option<Box<dyn Fn() -> Option<Picture>>>,
    /// Hooks that hold its tensors.
    pub hooks: Hooks,
}

/// Names the hooks that hold a panel's tensors, as the choices are now.
pub type Hooks = Option<Box<dyn Fn() -> Vec<String>>>;

impl Kit {
    /// Of a panel that shows one matrix.
    pub fn of_matrix(
        id: &'static str,
        explain: &'static [&'static str],
        view: Derived<Option<MatrixView>>,
        title: Derived<String>,
    ) -> Self {
        let store = use_store();
        let table = move || {
            let view = view.read_untracked();
            Some(Table::of_matrix((*view).as_ref()?, &title.read_untracked()))
        };
        let picture = move || {
            let view = view.read_untracked();
            svg::matrix((*view).as_ref()?, &title.read_untracked(), store.dark.get_untracked())
        };
        let (table, picture) = (Some(Box::new(table) as _), Some(Box::new(picture) as _));
        Self { id, explain, table, picture, hooks: None }
    }

    /// Of a panel that shows one chart.
    pub fn of_chart(
        id: &'static str,
        explain: &'static [&'static str],
        spec: Derived<Option<ChartSpec>>,
        table: impl Fn() -> Option<Table> + 'static,
    ) -> Self {
        let store = use_store();
        let picture = move || {
            let dark = store.dark.get_untracked();
            (*spec.read_untracked()).as_ref().map(|spec| svg::chart(spec, dark))
        };
        let (table, picture) = (Some(Box::new(table) as _), Some(Box::new(picture) as _));
        Self { id, explain, table, picture, hooks: None }
    }

    fn table(&self) -> Option<Table> {
        (self.table.as_ref()?)()
    }

    fn picture(&self) -> Option<Picture> {
        (self.picture.as_ref()?)()
    }

    fn file(&self, extension: &str) -> String {
        format!("vitrine-{}.{extension}", self.id)
    }
}

/// A panel: its menu, what is seen, controls at the right of the title. Its content goes into
/// [`Frame::body`].
pub fn panel(kit: Kit, title: Derived<String>, tools: Option<El>) -> Frame {
    let id = kit.id;
    let tools = el!(div class="panel-tools").child(tools).child(menu(kit, title));
    let head = el!(header class="panel-head").child(el!(h2).text(move || title.get())).child(tools);
    let section = el!(section)
        .set("class", &format!("panel panel-{id}"))
        .set("data-testid", id)
        .attr("aria-label", move || title.get())
        .child(head);
    Frame { section, body: el!(div class="panel-body") }
}

/// A panel whose content is still to come.
pub struct Frame {
    section: El,
    body: El,
}

impl Frame {
    /// Appends to the panel's content.
    pub fn child(self, child: impl Child) -> Self {
        Self { section: self.section, body: self.body.child(child) }
    }

    /// The whole panel.
    pub fn done(self) -> View {
        self.section.child(self.body).into()
    }
}

/// A title that never changes.
pub fn fixed(title: &'static str) -> Derived<String> {
    derive(move || title.to_owned())
}

/// An entry of the menu: its name and what it does with the panel's element.
type Item = (&'static str, Box<dyn Fn(&Element)>);

fn menu(kit: Kit, title: Derived<String>) -> View {
    let explains = Var::new(false);
    let shows_table = Var::new(false);
    let (id, explain) = (kit.id, kit.explain);
    let kit = Rc::new(kit);
    let items: Vec<View> = items(&kit, explains, shows_table).into_iter().map(item_view).collect();
    let leave = |event: FocusEvent| {
        let details = event.current_target();
        let inside = event.related_target().map(|to| to.unchecked_into::<Node>());
        let stays = details
            .as_ref()
            .is_some_and(|details| details.unchecked_ref::<Node>().contains(inside.as_ref()));
        if !stays {
            close_details(details);
        }
    };
    let summary = el!(summary)
        .attr("aria-label", move || format!("Menu of: {}", title.read()))
        .set("data-testid", &format!("menu-{id}"))
        .child(icon::menu());
    let details = el!(details class="menu")
        .closes_on_escape()
        .on("focusout", leave)
        .child(summary)
        .child(el!(div class="menu-items").child(items));
    let prose = move || {
        let paragraph = |text: &&'static str| el!(p).child(*text).into();
        el!(div class="prose").child(explain.iter().map(paragraph).collect::<Vec<_>>()).into()
    };
    let numbers = move || kit.table().map_or_else(Vec::new, table_view).into_node();
    vec![
        details.into(),
        dialog(explains, title, "explain", prose).into(),
        dialog(shows_table, title, "table", numbers).into(),
    ]
    .into_node()
}

fn items(kit: &Rc<Kit>, explains: Var<bool>, shows_table: Var<bool>) -> Vec<Item> {
    let store = use_store();
    let mut items: Vec<Item> = Vec::new();
    let mut add = |name, is_there: bool, act: Box<dyn Fn(&Element)>| {
        if is_there {
            items.push((name, act));
        }
    };
    let (has_table, has_picture) = (kit.table.is_some(), kit.picture.is_some());
    add("What am I looking at?", true, Box::new(move |_| explains.set(true)));
    add("Table", has_table, Box::new(move |_| shows_table.set(true)));
    add("Full screen", true, Box::new(full_screen));
    let known = Rc::clone(kit);
    let png = move |panel: &Element| {
        if let Ok(Some(canvas)) = panel.query_selector("canvas.picture") {
            let canvas: HtmlCanvasElement = canvas.unchecked_into();
            export::save_canvas(&known.file("png"), &canvas);
        } else if let Some(picture) = known.picture() {
            let (width, height) = (picture.width, picture.height);
            export::save_svg_as_png(&known.file("png"), &picture.svg, width, height);
        }
    };
    add("Picture (PNG)", has_picture || kit.id == "wall", Box::new(png));
    let known = Rc::clone(kit);
    let svg = move |_: &Element| {
        if let Some(picture) = known.picture() {
            export::save_text(&known.file("svg"), "image/svg+xml", &picture.svg);
        }
    };
    add("Picture (SVG)", has_picture, Box::new(svg));
    let known = Rc::clone(kit);
    let csv = move |_: &Element| {
        if let Some(table) = known.table() {
            export::save_text(&known.file("csv"), "text/csv", &table.to_csv());
        }
    };
    add("Data (CSV)", has_table, Box::new(csv));
    let known = Rc::clone(kit);
    let tensors = move |_: &Element| {
        let hooks = known.hooks.as_ref().map(|hooks| hooks()).unwrap_or_default();
        // Panels name the hooks of the stack that they show as if it were the only one.
        let of = store.attention.get_untracked();
        let hooks = hooks.iter().map(|hook| stack::full_name(hook, of)).collect();
        store.post(&ToWorker::Export { hooks });
    };
    add("Data (safetensors)", kit.hooks.is_some(), Box::new(tensors));
    let link = move |_: &Element| {
        let copied = export::copy(&browser::address());
        let said = if copied { "Link copied" } else { "The link is in the address bar" };
        store.said.set(said.into());
    };
    add("Copy link", true, Box::new(link));
    items
}

fn full_screen(panel: &Element) {
    if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    } else {
        // Refused where the page is embedded without leave.
        let _ = panel.request_fullscreen();
    }
}

fn item_view((name, act): Item) -> View {
    let on_click = move |event: Event| {
        if let Some(panel) = dom::around(&event, "section") {
            act(&panel);
        }
        close_around(&event);
    };
    el!(button type="button").on("click", on_click).child(name).into()
}

fn table_view(table: Table) -> Vec<View> {
    let n_rows_shown = (MAX_SHOWN_CELLS / table.columns.len().max(1)).max(1);
    let name = |name: &String| el!(th scope="col").child(bdi(name)).into();
    let head: Vec<View> = table.columns.iter().map(name).collect();
    let rows: Vec<View> = table.rows.iter().take(n_rows_shown).map(|row| row_view(row)).collect();
    let data = el!(table class="data")
        .child(el!(caption).child(table.caption))
        .child(el!(thead).child(el!(tr).child(head)))
        .child(el!(tbody).child(rows));
    let mut shown = vec![data.into()];
    if table.rows.len() > n_rows_shown {
        let n_rows = table.rows.len();
        let note = format!("The first {n_rows_shown} of {n_rows} rows; the CSV file has all.");
        shown.insert(0, el!(p).child(note).into());
    }
    shown
}

fn row_view(cells: &[String]) -> View {
    let cell_view = |(idx, cell): (usize, &String)| {
        let made = if idx == 0 { el!(th scope="row") } else { el!(td) };
        made.child(bdi(cell)).into()
    };
    el!(tr).child(cells.iter().enumerate().map(cell_view).collect::<Vec<View>>()).into()
}

fn bdi(text: &str) -> El {
    el!(bdi).child(text)
}
