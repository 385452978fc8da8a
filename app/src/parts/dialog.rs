//! A native dialog: the browser traps the focus, closes it on Escape and gives the focus back.

use wasm_bindgen::JsCast;
use web_sys::HtmlDialogElement;

use crate::parts::dom::{El, View, effect, el, show};
use crate::parts::icon;
use crate::state::cell::{Derived, Var};

/// A dialog that shows what `make` makes while `open` is true; closing sets it to false.
pub fn dialog(
    open: Var<bool>,
    title: Derived<String>,
    testid: &str,
    make: impl Fn() -> View + 'static,
) -> El {
    let head = el!(header class="dialog-head").child(el!(h2).text(move || title.get())).child(
        el!(button type="button" class="quiet" aria-label="Close")
            .when("click", move || open.set(false))
            .child(icon::close()),
    );
    let body = el!(div class="dialog-body" tabindex="0" role="region")
        .attr("aria-label", move || title.get())
        .child(show(move || open.get(), make));
    let dialog = el!(dialog class="dialog")
        .set("data-testid", testid)
        .attr("aria-label", move || title.get())
        .when("close", move || open.set(false))
        .child(head)
        .child(body);
    let shown: HtmlDialogElement = dialog.element().clone().unchecked_into();
    effect(move || {
        let is_open = open.get();
        if is_open && !shown.open() {
            // Refused only where the element is not on the page; then there is nothing to show.
            let _ = shown.show_modal();
        } else if !is_open && shown.open() {
            shown.close();
        }
    });
    dialog
}
