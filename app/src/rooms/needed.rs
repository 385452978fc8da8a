//! A part of a room that looks into one kind of model: it is there while such a model is loaded; before, a button
//! loads one that lies beside the page.

use crate::parts::dom::{El, View, el, show};
use crate::protocol::{ModelCard, ModelSource};
use crate::rooms::Visit;
use crate::state::cell::derive;

/// What a part needs.
#[derive(Clone, Copy)]
pub struct Needed {
    /// Folder of the model that the button loads.
    pub name: &'static str,
    /// What it reads first.
    pub text: &'static str,
    /// What the part looks into, and why this model: a sentence or two.
    pub said: &'static str,
    /// Whether a model will do.
    pub will_do: fn(&ModelCard) -> bool,
}

/// The part, or the way to it. Tests find the button as `load-NAME`.
pub fn needed(visit: Visit, of: Needed, view: impl Fn() -> View + 'static) -> El {
    let store = visit.store;
    let is_there =
        derive(move || store.model.read().as_ref().as_ref().is_some_and(|card| (of.will_do)(card)));
    let offer = derive(move || {
        let offers = store.offers.read();
        offers.iter().find(|offer| offer.name == of.name).map(|offer| offer.title.clone())
    });
    let load = move || {
        store.choose(|url| {
            url.text = of.text.to_owned();
            (url.target, url.query, url.key) = (None, None, None);
        });
        store.load(ModelSource::Bundled(of.name.to_owned()));
    };
    let button = move || -> View {
        el!(button type="button" class="act")
            .set("data-testid", &format!("load-{}", of.name))
            .when("click", load)
            .text(move || match (store.progress.read().is_some(), offer.get()) {
                (true, _) => "Opening the model".to_owned(),
                (false, title) => format!("Open {}", title.as_deref().unwrap_or(of.name)),
            })
            .into()
    };
    let way = move || -> View {
        let none = move || {
            offer.get().is_none().then(|| {
                let name = of.name;
                format!("This site was published without {name}; cargo xtask models fetches it.")
            })
        };
        el!(div class="room-needed")
            .child(el!(p).child(of.said))
            .child(show(move || offer.get().is_some(), button))
            .child(el!(p class="hint").text(none))
            .into()
    };
    el!(div).child(show(move || !is_there.get(), way)).child(show(move || is_there.get(), view))
}
