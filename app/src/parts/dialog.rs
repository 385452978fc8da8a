//! A native dialog: the browser traps the focus, closes it on Escape and gives the focus back.

use leptos::html;
use leptos::prelude::*;

use crate::parts::icon;

/// A dialog that shows its children while `open` is true.
#[component]
pub fn Dialog(
    /// Whether it is shown; closing sets it to false.
    open: RwSignal<bool>,
    /// Its heading.
    #[prop(into)]
    title: Signal<String>,
    /// For tests.
    testid: &'static str,
    /// What it shows; made anew each time it opens.
    children: ChildrenFn,
) -> AnyView {
    let dialog = NodeRef::<html::Dialog>::new();
    Effect::new(move |_| {
        let is_open = open.get();
        if let Some(dialog) = dialog.get() {
            if is_open && !dialog.open() {
                // Refused only where the element is not on the page; then there is nothing to show.
                let _ = dialog.show_modal();
            } else if !is_open && dialog.open() {
                dialog.close();
            }
        }
    });
    let body = move || open.get().then(|| children());
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            data-testid=testid
            aria-label=title
            on:close=move |_| open.set(false)
        >
            <header class="dialog-head">
                <h2>{title}</h2>
                <button type="button" class="quiet" aria-label="Close" on:click=move |_| open.set(false)>
                    {icon::close()}
                </button>
            </header>
            <div class="dialog-body" tabindex="0" role="region" aria-label=title>{body}</div>
        </dialog>
    }
    .into_any()
}
