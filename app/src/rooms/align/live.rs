//! Real sentences through a translator that is loaded: its alignment, as the Explorer shows it.

use crate::explorer::alignment_of;
use crate::parts::dom::{El, View, el};
use crate::protocol::ModelCard;
use crate::rooms::Visit;
use crate::rooms::needed::{Needed, needed};
use crate::rooms::typing::page_text;
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
    let input = page_text(visit, "A sentence to translate", "align-text", |url| url.target = None);
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
