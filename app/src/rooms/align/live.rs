//! Real sentences through a translator that is loaded: its alignment, as the Explorer shows it.

use web_sys::Event;

use crate::explorer::{alignment_of, typed};
use crate::parts::dom::{El, View, el, value_of};
use crate::protocol::ModelCard;
use crate::rooms::Visit;
use crate::rooms::needed::{Needed, needed};
use crate::state::browser;
use crate::state::url::AlignOf;

const TRANSLATOR: Needed = Needed {
    name: "bergamot-en-pt",
    text: "The agreement on the European Economic Area was signed in August 1992.",
    said: "A small translator from English to Portuguese, of the kind that Firefox runs: an encoder of attention, and a decoder that is recurrent, as the paper’s is.",
    will_do,
};

/// A Bergamot translator, whichever way it translates.
fn will_do(card: &ModelCard) -> bool {
    card.architecture == "bergamot" && card.encoder.is_some()
}

/// The sentence, what is written for it, and where each word came from.
pub fn live(visit: Visit) -> El {
    needed(visit, TRANSLATOR, move || translation(visit))
}

fn translation(visit: Visit) -> View {
    let store = visit.store;
    let on_text = move |event: Event| {
        let value = value_of(&event);
        browser::keep_text(&value);
        typed(store, &|url| {
            url.text.clone_from(&value);
            url.target = None;
        });
    };
    let input = el!(input type="text" data-testid="align-text" aria-label="A sentence to translate"
        dir="auto" spellcheck="false" autocomplete="off")
    .value(move || store.url.read().text.clone())
    .on("input", on_text);
    let last = move || {
        let card = store.model.get_untracked();
        card.map_or(0, |card| card.n_layers.saturating_sub(1)) as u16
    };
    let is_shown = move || {
        let n_layers = store.model.get().map_or(0, |card| card.n_layers);
        let url = store.url.read();
        url.align == AlignOf::Head && url.head == 0 && u32::from(url.layer) + 1 == n_layers
    };
    let trained = el!(button type="button" class="act" data-testid="align-trained")
        .state("aria-pressed", is_shown)
        .when("click", move || {
            let last = last();
            store.choose(|url| (url.align, url.layer, url.head) = (AlignOf::Head, last, 0));
        })
        .child("The head that was trained to align");
    el!(div class="fast-machine align-live")
        .child(el!(div class="fast-text").child(input).child(trained))
        .child(alignment_of(["live", "live-matrix", "live-lines"]))
        .into()
}
