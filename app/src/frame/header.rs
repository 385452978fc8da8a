//! The top line: name, model, engine, theme, keys.

use crate::explorer::keys::keys_help;
use crate::explorer::models::model_picker;
use crate::parts::dom::{Child, El, View, el};
use crate::parts::icon;
use crate::protocol::{EngineChoice, ToWorker};
use crate::state::url::Theme;
use crate::state::use_store;

/// The top line.
pub fn header() -> El {
    let store = use_store();
    let toggle = move || {
        let next = if store.dark.get_untracked() { Theme::Light } else { Theme::Dark };
        store.choose(|url| url.theme = next);
    };
    let theme_name = move || if store.dark.get() { "Paper colours" } else { "Night colours" };
    let closed = |name: &str| el!(span class="closed" title="Not open yet").child(name);
    let rooms = el!(nav class="rooms" aria-label="Parts of Vitrine")
        .child(closed("Rooms"))
        .child(el!(span aria-current="page" class="here").child("Explorer"))
        .child(closed("Lab"))
        .child(el!(span class="closed-note").child("Rooms and Lab are not open yet"));
    let theme = el!(button type="button" class="quiet" data-testid="theme")
        .attr("aria-label", theme_name)
        .attr("title", theme_name)
        .when("click", toggle)
        .child(icon::theme());
    let tools = el!(div class="top-tools")
        .child(model_picker())
        .child(engine_badge())
        .child(theme)
        .child(keys_help());
    el!(header class="top")
        .child(el!(h1 class="wordmark").child("Vitrine"))
        .child(rooms)
        .child(tools)
}

/// Which engine runs, why, and the choice of another.
fn engine_badge() -> El {
    let store = use_store();
    let name = move || match &*store.engine.read() {
        None => "Engine: starting",
        Some(engine) if engine.gpu && engine.software => "Engine: WebGPU in software",
        Some(engine) if engine.gpu => "Engine: WebGPU",
        Some(_) => "Engine: CPU",
    };
    let what = move || store.engine.get().map(|engine| engine.name);
    let why = move || store.engine.get().map(|engine| engine.why);
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
