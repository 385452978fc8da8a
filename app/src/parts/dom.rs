//! Nodes of the page. Leptos' `view!` makes a Rust type of every element, and code for each type;
//! here every element is made by the same few functions, which keeps the page's module a third
//! of the size. Signals, memos, effects and owners are leptos'.
//!
//! A component is a function that returns a [`View`]. What is written in [`el!`] never changes;
//! what changes is a closure, and runs again when what it read has changed. Text from a model
//! becomes text nodes and attribute values: no markup is ever read from a string.

use std::any::Any;
use std::borrow::Cow;

use leptos::prelude::{LocalStorage, Owner, RenderEffect, StoredValue, untrack};
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{
    Document, Element, Event, EventTarget, HtmlElement, HtmlInputElement, KeyboardEvent, Node,
    Window,
};

use crate::state::cell::{Derived, derive};

/// A node, or a fragment of several.
pub type View = Node;

/// Text that changes; no text at all removes an attribute.
pub type Words = Option<Cow<'static, str>>;

/// An element that is being made.
#[derive(Clone)]
pub struct El(Element);

/// Makes an element: `el!(button type="button" class="quiet")`.
macro_rules! el {
    ($tag:ident $($name:ident $(- $more:ident)* = $value:literal)*) => {
        $crate::parts::dom::make(concat!(
            stringify!($tag),
            $("\n", stringify!($name), $("-", stringify!($more),)* "=", $value,)*
        ))
    };
}
pub(crate) use el;

/// Makes an element from its tag and, a line each, its attributes. See [`el!`].
pub fn make(spec: &str) -> El {
    let mut lines = spec.split('\n');
    let tag = lines.next().unwrap_or_default();
    let document = document();
    let made = if matches!(tag, "svg" | "path" | "line" | "text") {
        document.create_element_ns(Some("http://www.w3.org/2000/svg"), tag)
    } else {
        document.create_element(tag)
    };
    let Ok(element) = made else { unreachable!("{tag} is a tag") };
    let el = El(element);
    for (name, value) in lines.filter_map(|line| line.split_once('=')) {
        set_attribute(&el.0, name, value);
    }
    el
}

impl El {
    /// An element that is there already.
    pub fn of(element: Element) -> Self {
        Self(element)
    }

    /// The element itself.
    pub fn element(&self) -> &Element {
        &self.0
    }

    /// Appends.
    pub fn child(self, child: impl Child) -> Self {
        append(&self.0, &child.into_node());
        self
    }

    /// An attribute that is known when the element is made.
    pub fn set(self, name: &str, value: &str) -> Self {
        set_attribute(&self.0, name, value);
        self
    }

    /// An attribute that changes.
    pub fn attr<T: IntoWords>(self, name: &'static str, words: impl Fn() -> T + 'static) -> Self {
        follow_attribute(&self.0, name, Box::new(move || words().into_words()));
        self
    }

    /// A boolean attribute that comes and goes.
    pub fn flag(self, name: &'static str, is_on: impl Fn() -> bool + 'static) -> Self {
        self.attr(name, move || is_on().then_some(""))
    }

    /// An ARIA state: `true` or `false`.
    pub fn state(self, name: &'static str, is_on: impl Fn() -> bool + 'static) -> Self {
        self.attr(name, move || if is_on() { "true" } else { "false" })
    }

    /// A class that comes and goes.
    pub fn class(self, name: &'static str, is_on: impl Fn() -> bool + 'static) -> Self {
        follow_class(&self.0, name, Box::new(is_on));
        self
    }

    /// A property of the element's style that changes.
    pub fn style<T: IntoWords>(self, name: &'static str, words: impl Fn() -> T + 'static) -> Self {
        follow_style(&self.0, name, Box::new(move || words().into_words()));
        self
    }

    /// A property of the element's style that is known when the element is made.
    pub fn styled(self, name: &str, value: &str) -> Self {
        // A value that CSS does not know leaves the old one.
        let _ = self.0.unchecked_ref::<HtmlElement>().style().set_property(name, value);
        self
    }

    /// The value of an input, which the visitor changes too.
    pub fn value<T: IntoWords>(self, words: impl Fn() -> T + 'static) -> Self {
        follow_value(&self.0, Box::new(move || words().into_words()));
        self
    }

    /// A boolean property (`checked`, `selected`), which the visitor changes too.
    pub fn prop(self, name: &'static str, is_on: impl Fn() -> bool + 'static) -> Self {
        let element = self.0.clone();
        effect(move || set_property(&element, name, &is_on().into()));
        self
    }

    /// Text that changes.
    pub fn text<T: IntoWords>(self, words: impl Fn() -> T + 'static) -> Self {
        self.child(text(words))
    }

    /// Hears an event for as long as the element is part of the page.
    pub fn on<E: JsCast>(self, name: &'static str, mut act: impl FnMut(E) + 'static) -> Self {
        listen(self.0.clone().into(), name, Box::new(move |event| act(event.unchecked_into())));
        self
    }

    /// Hears an event of which nothing but its coming matters.
    pub fn when(self, name: &'static str, mut act: impl FnMut() + 'static) -> Self {
        listen(self.0.clone().into(), name, Box::new(move |_| act()));
        self
    }

    /// Escape closes this `<details>`.
    pub fn closes_on_escape(self) -> Self {
        self.on("keydown", |event: KeyboardEvent| {
            if event.key() == "Escape" && close_details(event.current_target()) {
                event.stop_propagation();
            }
        })
    }
}

/// What can stand in an element.
pub trait Child {
    /// Its node.
    fn into_node(self) -> Node;
}

impl Child for Node {
    fn into_node(self) -> Node {
        self
    }
}

impl Child for El {
    fn into_node(self) -> Node {
        self.0.into()
    }
}

impl Child for &str {
    fn into_node(self) -> Node {
        document().create_text_node(self).into()
    }
}

impl Child for String {
    fn into_node(self) -> Node {
        self.as_str().into_node()
    }
}

impl Child for Vec<View> {
    fn into_node(self) -> Node {
        let fragment: Node = document().create_document_fragment().into();
        for node in &self {
            append(&fragment, node);
        }
        fragment
    }
}

impl Child for Option<El> {
    fn into_node(self) -> Node {
        self.map_or_else(|| Vec::new().into_node(), El::into_node)
    }
}

impl From<El> for Node {
    fn from(el: El) -> Self {
        el.0.into()
    }
}

/// What a closure for text may return.
pub trait IntoWords {
    /// As [`Words`].
    fn into_words(self) -> Words;
}

impl IntoWords for Words {
    fn into_words(self) -> Words {
        self
    }
}

impl IntoWords for String {
    fn into_words(self) -> Words {
        Some(Cow::Owned(self))
    }
}

impl IntoWords for &'static str {
    fn into_words(self) -> Words {
        Some(Cow::Borrowed(self))
    }
}

impl IntoWords for Option<String> {
    fn into_words(self) -> Words {
        self.map(Cow::Owned)
    }
}

impl IntoWords for Option<&'static str> {
    fn into_words(self) -> Words {
        self.map(Cow::Borrowed)
    }
}

/// A text node that changes.
pub fn text<T: IntoWords>(words: impl Fn() -> T + 'static) -> View {
    follow_text(Box::new(move || words().into_words()))
}

/// A part of the page that is made anew when what `make` read has changed.
pub fn part(make: impl Fn() -> Vec<View> + 'static) -> View {
    follow_part(Box::new(make))
}

/// A part that is there while a condition holds.
pub fn show(
    when: impl Fn() -> bool + Send + Sync + 'static,
    make: impl Fn() -> View + 'static,
) -> View {
    either(derive(when), move |is_on| if is_on { vec![make()] } else { Vec::new() })
}

/// A part that depends on one value and nothing else.
pub fn either<T: Clone + Send + Sync + 'static>(
    value: Derived<T>,
    make: impl Fn(T) -> Vec<View> + 'static,
) -> View {
    part(move || {
        let value = value.get();
        untrack(|| make(value))
    })
}

/// A list that grows and shrinks at its end; the nodes of what stays are left alone.
pub fn list(count: impl Fn() -> usize + 'static, make: impl Fn(usize) -> View + 'static) -> View {
    follow_list(Box::new(count), Box::new(make))
}

/// Runs now, and again whenever what it read has changed.
pub fn effect(run: impl FnMut() + 'static) {
    follow(Box::new(run));
}

/// Hears an event of the window.
pub fn on_window<E: JsCast>(name: &'static str, mut act: impl FnMut(E) + 'static) {
    listen(window().into(), name, Box::new(move |event| act(event.unchecked_into())));
}

/// Hears the first of some events of an element that nothing else makes.
pub fn once(element: &Element, names: [&'static str; 2], act: impl Fn() + Clone + 'static) {
    for name in names {
        let act = act.clone();
        listen(element.clone().into(), name, Box::new(move |_| act()));
    }
}

/// Runs once the page has been put together.
pub fn soon(run: impl FnOnce() + 'static) {
    let run = Closure::once_into_js(run);
    window().queue_microtask(run.unchecked_ref());
}

/// Keeps a thing for as long as the part of the page that is being made, then drops it.
pub fn keep(thing: Box<dyn Any>) {
    let _: StoredValue<Box<dyn Any>, LocalStorage> = StoredValue::new_local(thing);
}

/// The window.
pub fn window() -> Window {
    js_sys::global().unchecked_into()
}

/// The document.
pub fn document() -> Document {
    let Some(document) = window().document() else { unreachable!("a page has a document") };
    document
}

/// What was typed or chosen.
pub fn value_of(event: &Event) -> String {
    input_of(event).map(|input| input.value()).unwrap_or_default()
}

/// The input (or text area, or select: all have a value) that an event is about.
pub fn input_of(event: &Event) -> Option<HtmlInputElement> {
    event.target().map(JsCast::unchecked_into)
}

/// Closes a `<details>`; true if it was open.
pub fn close_details(details: Option<EventTarget>) -> bool {
    let Some(details) = details.map(EventTarget::unchecked_into::<Element>) else { return false };
    let was_open = details.has_attribute("open");
    if was_open {
        // The attribute is there.
        let _ = details.remove_attribute("open");
    }
    was_open
}

/// Closes the `<details>` around what an event is about.
pub fn close_around(event: &Event) {
    close_details(around(event, "details").map(Into::into));
}

/// The nearest element around what an event is about, or itself.
pub fn around(event: &Event, selector: &str) -> Option<Element> {
    event.target()?.unchecked_into::<Element>().closest(selector).ok()?
}

/// Moves the focus; false if there is no such element.
pub fn focus(selector: &str) -> bool {
    let Some(found) = document().query_selector(selector).ok().flatten() else { return false };
    found.unchecked_into::<HtmlElement>().focus().is_ok()
}

fn append(parent: &Node, child: &Node) {
    if parent.append_child(child).is_err() {
        unreachable!("elements and fragments take children");
    }
}

fn set_attribute(element: &Element, name: &str, value: &str) {
    if element.set_attribute(name, value).is_err() {
        unreachable!("{name} is the name of an attribute");
    }
}

fn set_property(element: &Element, name: &str, value: &JsValue) {
    // Only frozen objects refuse.
    let _ = js_sys::Reflect::set(element, &name.into(), value);
}

/// What follows when text has changed.
type Act = Box<dyn FnMut(Option<&str>)>;

/// Runs `act` when what `words` gives has changed.
fn follow_words(words: Box<dyn Fn() -> Words>, mut act: Act) {
    let mut last: Option<Words> = None;
    effect(move || {
        let now = Some(words());
        if now != last {
            act(now.as_ref().and_then(|now| now.as_deref()));
            last = now;
        }
    });
}

fn follow_attribute(element: &Element, name: &'static str, words: Box<dyn Fn() -> Words>) {
    let element = element.clone();
    let act = move |words: Option<&str>| match words {
        Some(words) => set_attribute(&element, name, words),
        None => {
            // One that is not there is removed without complaint.
            let _ = element.remove_attribute(name);
        }
    };
    follow_words(words, Box::new(act));
}

fn follow_style(element: &Element, name: &'static str, words: Box<dyn Fn() -> Words>) {
    let style = element.unchecked_ref::<HtmlElement>().style();
    let act = move |words: Option<&str>| {
        // A value that CSS does not know leaves the old one.
        let _ = style.set_property(name, words.unwrap_or_default());
    };
    follow_words(words, Box::new(act));
}

fn follow_text(words: Box<dyn Fn() -> Words>) -> View {
    let node: Node = document().create_text_node("").into();
    let shown = node.clone();
    follow_words(words, Box::new(move |words| shown.set_node_value(words)));
    node
}

fn follow_value(element: &Element, words: Box<dyn Fn() -> Words>) {
    let input: HtmlInputElement = element.clone().unchecked_into();
    let act = move |words: Option<&str>| {
        let words = words.unwrap_or_default();
        // Setting what is there already would move the cursor.
        if input.value() != words {
            input.set_value(words);
        }
    };
    follow_words(words, Box::new(act));
}

fn follow_class(element: &Element, name: &'static str, is_on: Box<dyn Fn() -> bool>) {
    let classes = element.class_list();
    effect(move || {
        // Only empty names and names with spaces are refused.
        let _ = classes.toggle_with_force(name, is_on());
    });
}

/// What is between two marks is replaced at each run.
fn follow_part(make: Box<dyn Fn() -> Vec<View>>) -> View {
    let (start, end) = ("".into_node(), "".into_node());
    let fragment = vec![start.clone(), end.clone()].into_node();
    effect(move || {
        let made = make().into_node();
        let Some(parent) = end.parent_node() else { return };
        while let Some(old) = start.next_sibling().filter(|old| *old != end) {
            // It is a child of the parent of its sibling.
            let _ = parent.remove_child(&old);
        }
        insert(&parent, &made, &end);
    });
    fragment
}

fn insert(parent: &Node, node: &Node, before: &Node) {
    if parent.insert_before(node, Some(before)).is_err() {
        unreachable!("a mark is a child of its parent");
    }
}

fn follow_list(count: Box<dyn Fn() -> usize>, make: Box<dyn Fn(usize) -> View>) -> View {
    let end = "".into_node();
    let fragment = vec![end.clone()].into_node();
    let outer = Owner::current().unwrap_or_default();
    let mut rows: Vec<(Owner, Node)> = Vec::new();
    effect(move || {
        let n_rows = count();
        let Some(parent) = end.parent_node() else { return };
        for (owner, node) in rows.drain(n_rows.min(rows.len())..) {
            owner.cleanup();
            // It was put there below.
            let _ = parent.remove_child(&node);
        }
        for idx in rows.len()..n_rows {
            let owner = outer.child();
            let node = owner.with(|| untrack(|| make(idx)));
            insert(&parent, &node, &end);
            rows.push((owner, node));
        }
    });
    fragment
}

fn follow(mut run: Box<dyn FnMut()>) {
    keep(Box::new(RenderEffect::new(move |_: Option<()>| run())));
}

/// Hears an event until it is dropped.
struct Listener {
    target: EventTarget,
    name: &'static str,
    act: Closure<dyn FnMut(Event)>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        let act = self.act.as_ref().unchecked_ref();
        // A target that is gone hears nothing anyway.
        let _ = self.target.remove_event_listener_with_callback(self.name, act);
    }
}

/// Hears an event of a target for as long as the part of the page that is being made.
pub fn listen(target: EventTarget, name: &'static str, act: Box<dyn FnMut(Event)>) {
    let act = Closure::wrap(act);
    if target.add_event_listener_with_callback(name, act.as_ref().unchecked_ref()).is_ok() {
        keep(Box::new(Listener { target, name, act }));
    }
}
