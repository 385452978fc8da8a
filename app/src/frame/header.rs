//! The top line: name, places, model, engine, theme, keys.

use web_sys::MouseEvent;

use crate::explorer::model_picker;
use crate::frame::keys::keys_help;
use crate::parts::dom::{Child, El, View, el, show};
use crate::parts::icon;
use crate::protocol::{EngineChoice, EngineInfo, ToWorker};
use crate::state::lab::use_lab;
use crate::state::room::use_rooms;
use crate::state::url::{Place, Theme};
use crate::state::{Store, use_store};

/// The places, in the order of the line.
const PLACES: [(Place, &str); 3] =
    [(Place::Home, "Rooms"), (Place::Explorer, "Explorer"), (Place::Lab, "Lab")];

/// The top line.
pub fn header() -> El {
    let store = use_store();
    let toggle = move || {
        let next = if store.dark.get_untracked() { Theme::Light } else { Theme::Dark };
        store.choose(|url| url.theme = next);
    };
    let theme_name = move || if store.dark.get() { "Paper colours" } else { "Night colours" };
    let tab = |&(place, name): &(Place, &'static str)| {
        let id = format!("place-{}", place.word());
        place_link(store, place, name).set("data-testid", &id).into()
    };
    let places: Vec<View> = PLACES.iter().map(tab).collect();
    let rooms = el!(nav class="rooms" aria-label="Parts of Vitrine").child(places);
    let has_model = move || store.url.read().place != Place::Lab;
    let theme = el!(button type="button" class="quiet" data-testid="theme")
        .attr("aria-label", theme_name)
        .attr("title", theme_name)
        .when("click", toggle)
        .child(icon::theme());
    let tools = el!(div class="top-tools")
        .child(show(has_model, model_picker))
        .child(engine_badge())
        .child(theme)
        .child(keys_help());
    el!(header class="top")
        .child(el!(h1 class="wordmark").child(place_link(store, Place::Home, "Vitrine")))
        .child(rooms)
        .child(tools)
}

/// A link to a place; the address tells what is shown there.
fn place_link(store: Store, place: Place, name: &'static str) -> El {
    let is_here = move || store.url.read().place == place;
    // The rooms belong to the list.
    let is_within =
        move || is_here() || place == Place::Home && store.url.read().place == Place::Room;
    let go = move |event: MouseEvent| {
        // With a key held it opens beside, as any link does.
        if !(event.ctrl_key() || event.meta_key() || event.shift_key()) {
            event.prevent_default();
            store.go(place);
        }
    };
    el!(a)
        .set("href", &format!("#p={}", place.word()))
        .class("here", is_within)
        .attr("aria-current", move || is_here().then_some("page"))
        .on("click", go)
        .child(name)
}

/// The engine of the place that is shown.
fn engine_here(store: Store) -> Option<EngineInfo> {
    match store.url.read().place {
        Place::Home | Place::Explorer => store.engine.get(),
        Place::Lab => use_lab().engine.get(),
        // Until the room has asked its own, the one of the model whose text it shows.
        Place::Room => use_rooms().engine.get().or(store.engine.get()),
    }
}

/// Which engine runs, why, and the choice of another.
fn engine_badge() -> El {
    let store = use_store();
    let name = move || match &engine_here(store) {
        None if store.url.read().place == Place::Lab => "Engine: none yet",
        None => "Engine: starting",
        Some(engine) if engine.gpu && engine.software => "Engine: WebGPU in software",
        Some(engine) if engine.gpu => "Engine: WebGPU",
        Some(_) => "Engine: CPU",
    };
    let what = move || engine_here(store).map(|engine| engine.name);
    let why = move || match engine_here(store) {
        None => Some("It is chosen when a run begins.".to_owned()),
        Some(engine) => Some(engine.why),
    };
    let choices = [
        engine_choice(EngineChoice::Auto, "The faster one", "auto"),
        engine_choice(EngineChoice::Gpu, "WebGPU", "gpu"),
        engine_choice(EngineChoice::Cpu, "CPU", "cpu"),
    ];
    let summary =
        el!(summary data-testid="engine-badge").child(el!(span).text(name)).child(icon::down());
    let body = el!(div class="drop-body")
        .child(el!(p class="engine-name").child(el!(bdi).text(what)))
        .child(el!(p).text(why))
        .child(
            el!(fieldset data-testid="engine-choice")
                .child(el!(legend).child("Engine"))
                .child(choices.to_vec().into_node()),
        );
    el!(details class="drop").closes_on_escape().child(summary).child(body)
}

fn engine_choice(choice: EngineChoice, name: &str, word: &str) -> View {
    let store = use_store();
    let has_gpu =
        move || (*store.engine.read()).as_ref().is_some_and(|engine| engine.gpu_available);
    let choose = move || {
        store.choose(|url| url.engine = choice);
        store.post(&ToWorker::UseEngine(choice));
    };
    let input = el!(input type="radio" name="engine")
        .set("value", word)
        .set("data-testid", &format!("engine-choice-{word}"))
        .prop("checked", move || store.url.read().engine == choice)
        .flag("disabled", move || choice == EngineChoice::Gpu && !has_gpu())
        .when("change", choose);
    el!(label class="choice").child(input).child(el!(span).child(name)).into()
}
