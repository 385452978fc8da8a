//! The words of a room: fetched, brought into the page as nodes, and given life.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, Node};

use crate::host;
use crate::parts::dom::{Child, El, View, around, document, effect, either, el};
use crate::parts::steps::{Steps, steps};
use crate::parts::term::explained;
use crate::rooms::knob::{apart, knobs};
use crate::rooms::{Mount, Visit};
use crate::state::cell::{Var, derive};
use crate::state::url::room_place;

/// What came: the root of the words, or why there are none.
type Came = Rc<RefCell<Option<Result<Element, String>>>>;

/// The words, once they are there.
pub fn words(visit: Visit) -> El {
    let came: Came = Rc::default();
    let age = Var::new(0_u32);
    fetch(visit, &came, age);
    let body = either(derive(move || age.get()), move |_| match came.borrow_mut().take() {
        None => {
            vec![el!(p class="hint").child("The words of this room are on their way.").into()]
        }
        Some(Ok(root)) => vec![alive(visit, &root)],
        Some(Err(why)) => vec![
            el!(p class="fault" role="alert")
                .child(why)
                .child(" Reload the page; if it stays, the site was not copied completely.")
                .into(),
        ],
    });
    el!(div class="room-words" data-testid="room-words").child(body)
}

fn fetch(visit: Visit, came: &Came, age: Var<u32>) {
    let came = Rc::clone(came);
    let told = Closure::once_into_js(move |root: JsValue, why: String| {
        *came.borrow_mut() = Some(root.dyn_into::<Element>().map_err(|_| why));
        // The room may have been left meanwhile.
        age.try_set_other(1);
    });
    let name = room_place(visit.room.number);
    if let Err(err) = host::call_boot("readRoom", &[name.into(), told]) {
        host::log(&err);
    }
}

/// The words as part of the page, with what the room makes in its places.
fn alive(visit: Visit, root: &Element) -> View {
    let Ok(article) = document().import_node_with_deep(root, true) else {
        return "The words of this room are no part of a page.".into_node();
    };
    let article: Element = article.unchecked_into();
    let mount = (visit.room.enter)(visit);
    for place in all(&article, "[data-mount]") {
        let name = place.get_attribute("data-mount").unwrap_or_default();
        if let Some(made) = made(visit, &mount, &name) {
            // A place is an element of the article, which has a parent.
            let _ = place.replace_with_with_node_1(&made);
        } else {
            host::log(&format!("no room makes {name}"));
        }
    }
    for word in all(&article, "[data-means]") {
        let means = word.get_attribute("data-means").unwrap_or_default();
        let term = explained(&word.text_content().unwrap_or_default(), &means);
        let kept = el!(span class="kept").child(term);
        take_sign(&word, kept.element());
        let _ = word.replace_with_with_node_1(kept.element());
    }
    let parts = all(&article, "[data-part]");
    visit.n_parts.set(parts.len() as u8 + 1);
    follow_presented(visit, parts);
    follow_lit(visit, &article);
    on_buttons(visit, article)
}

/// Takes the sign behind a word, a comma say, into an element: no line begins with it.
fn take_sign(word: &Element, into: &Element) {
    let behind = word.next_sibling().filter(|node| node.node_type() == Node::TEXT_NODE);
    let Some((behind, text)) = behind.and_then(|node| node.node_value().map(|text| (node, text)))
    else {
        return;
    };
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    if into.append_with_str_1(&text[..end]).is_ok() {
        behind.set_node_value(Some(&text[end..]));
    }
}

fn made(visit: Visit, mount: &Mount, name: &str) -> Option<View> {
    match name {
        "knobs" => Some(knobs(visit).into()),
        "steps" => {
            let spec = Steps {
                n_steps: derive(move || visit.n_steps.get()),
                at: visit.step(),
                playing: visit.playing,
                go: Rc::new(move |step| visit.set_step(step)),
            };
            Some(steps(spec).into())
        }
        name => match name.strip_prefix("knob-") {
            Some(knob) => Some(apart(visit, knob)?.into()),
            None => mount(name),
        },
    }
}

/// The elements within an element, in order.
fn all(within: &Element, selector: &str) -> Vec<Element> {
    let Ok(found) = within.query_selector_all(selector) else { return Vec::new() };
    (0..found.length()).filter_map(|at| found.item(at)?.dyn_into().ok()).collect()
}

/// While the room is presented, one part is shown.
fn follow_presented(visit: Visit, parts: Vec<Element>) {
    let presented = derive(move || visit.store.url.read().room.presented);
    effect(move || {
        let now = presented.get();
        for (at, part) in (1..).zip(&parts) {
            toggle(part, "presented", now == Some(at));
        }
    });
}

/// Symbols, and what they name, light up together.
fn follow_lit(visit: Visit, article: &Element) {
    let article = article.clone();
    effect(move || {
        let lit = visit.lit.get();
        for element in all(&article, "[data-symbol]") {
            let is_lit =
                !lit.is_empty() && element.get_attribute("data-symbol") == Some(lit.clone());
            toggle(&element, "lit", is_lit);
        }
    });
}

fn toggle(element: &Element, class: &str, is_on: bool) {
    // The names of classes have no spaces.
    let _ = element.class_list().toggle_with_force(class, is_on);
}

/// Pointing at or moving the focus to a symbol lights it; a click on a button with settings applies them.
fn on_buttons(visit: Visit, article: Element) -> View {
    let light = move |event: &Event| {
        let symbol = around(event, "[data-symbol]");
        let name = symbol.and_then(|symbol| symbol.get_attribute("data-symbol"));
        visit.lit.try_set_other(name.unwrap_or_default());
    };
    let dark = move || visit.lit.try_set_other(String::new());
    let press = move |event: Event| {
        if let Some(button) = around(&event, "[data-set]") {
            visit.set_all(&button.get_attribute("data-set").unwrap_or_default());
        }
    };
    El::of(article)
        .on("pointerover", move |event: Event| light(&event))
        .on("focusin", move |event: Event| light(&event))
        .when("pointerleave", dark)
        .when("focusout", dark)
        .on("click", press)
        .into()
}
