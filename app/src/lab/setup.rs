//! What is to be trained on what, and how: presets, the task with examples, the knobs.

use web_sys::Event;

use crate::format;
use crate::lab::knob::knob;
use crate::lens::lab::examples;
use crate::lens::lab::knobs::{Choice, Group, KNOBS, Knob, TASK};
use crate::lens::lab::presets::{PRESETS, Preset};
use crate::parts::dom::{El, View, el, part, show, value_of};
use crate::state::cell::{Var, derive};
use crate::state::lab::{Lab, MAX_CORPUS};
use crate::state::url::Corpus;
use crate::state::{browser, use_store};

/// Examples of a task that are shown.
const N_EXAMPLES: usize = 3;

/// The column of choices.
pub fn setup(lab: Lab) -> View {
    let presets: Vec<View> = PRESETS.iter().map(|preset| preset_view(lab, preset)).collect();
    let groups: Vec<View> = Group::ALL.iter().map(|&(of, name)| group(lab, of, name)).collect();
    let title = el!(h2 id="lab-setup").child("What to train");
    el!(section class="lab-setup" aria-labelledby="lab-setup")
        .child(title)
        .child(el!(div class="presets" role="group" aria-label="Ready runs").child(presets))
        .child(el!(p class="hint").text(move || note(&lab.choice.read())))
        .child(about(lab))
        .child(groups)
        .into()
}

fn preset_view(lab: Lab, preset: &'static Preset) -> View {
    let choice = preset.choice();
    let same = choice.clone();
    let is_chosen = derive(move || *lab.choice.read() == same);
    el!(button type="button" class="preset")
        .set("data-testid", &format!("preset-{}", preset.name))
        .set("title", preset.note)
        .state("aria-pressed", move || is_chosen.get())
        .when("click", move || lab.set_choice(choice.clone()))
        .child(preset.title)
        .into()
}

/// What is to be seen in the preset that is chosen.
fn note(choice: &Choice) -> &'static str {
    let chosen = PRESETS.iter().find(|preset| preset.choice() == *choice);
    chosen.map_or(
        "Your own settings: the page’s address keeps them, so that they can be shared.",
        |preset| preset.note,
    )
}

/// What is learned: examples of the task, or where the text comes from.
fn about(lab: Lab) -> El {
    let is_text = move || lab.choice.read().is_text();
    el!(div class="about")
        .child(show(move || !is_text(), move || task(lab).into()))
        .child(show(is_text, move || corpus(lab).into()))
}

fn task(lab: Lab) -> El {
    let seed = Var::new(1_u32);
    let title = move || examples::title(lab.choice.read().get(TASK));
    let rows = part(move || {
        let choice = lab.choice.read();
        let (task, difficulty) = (choice.get(TASK), choice.get("data.difficulty"));
        let pair = |(input, output): (String, String)| {
            el!(li)
                .child(el!(bdi class="token-text").child(input))
                .child(el!(span aria-label="becomes" role="img").child(" → "))
                .child(el!(bdi class="token-text").child(output))
                .into()
        };
        let made = examples::examples(task, difficulty, N_EXAMPLES, seed.get().into());
        made.into_iter().map(pair).collect()
    });
    el!(div)
        .child(el!(p).text(title))
        .child(el!(ul class="examples" data-testid="examples").child(rows))
        .child(
            el!(button type="button" class="quiet-text")
                .when("click", move || seed.update(|seed| *seed = seed.wrapping_add(1)))
                .child("Other examples"),
        )
}

fn corpus(lab: Lab) -> El {
    let store = use_store();
    let choice = move |of: Corpus, name: &str, testid: &str| {
        let input = el!(input type="radio" name="corpus")
            .set("data-testid", testid)
            .prop("checked", move || store.url.read().corpus == of)
            .when("change", move || store.choose(|url| url.corpus = of));
        el!(label class="choice").child(input).child(el!(span).child(name))
    };
    let on_text = move |event: Event| {
        let text = value_of(&event);
        browser::keep_corpus(&text);
        lab.text.set(text);
        store.adjust(|url| url.corpus = Corpus::Pasted);
    };
    let text = el!(textarea rows="4" spellcheck="false" dir="auto" data-testid="corpus"
        aria-label="The text to train on" placeholder="Paste a text of a few thousand characters or more. It stays in this tab.")
    .value(move || lab.text.get())
    .on("input", on_text);
    let size = move || {
        let text = lab.text.read();
        match text.len() {
            0 => None,
            n if n > MAX_CORPUS => Some(format!("The first {} are trained on.", bytes(MAX_CORPUS))),
            n => Some(bytes(n)),
        }
    };
    el!(div class="corpus")
        .child(choice(Corpus::Toy, "Sentences of a small grammar, made here", "corpus-toy"))
        .child(choice(Corpus::Pasted, "Your own text", "corpus-pasted"))
        .child(text)
        .child(el!(p class="hint").text(size))
}

fn bytes(n: usize) -> String {
    format::bytes(n as u64)
}

/// A group of knobs; closed, it names those that were turned.
fn group(lab: Lab, of: Group, name: &'static str) -> View {
    let members = move || KNOBS.iter().filter(move |knob| knob.group == of);
    let knobs: Vec<View> = members().map(|one| knob(lab, one)).collect();
    let turned = move || {
        let choice = lab.choice.read();
        let words = |knob: &Knob| {
            let value = choice.get(knob.name);
            (value != knob.plain)
                .then(|| format!("{} {}", knob.title.to_lowercase(), knob.shown(value)))
        };
        members().filter_map(words).collect::<Vec<_>>().join(", ")
    };
    let summary = el!(summary)
        .set("data-testid", &format!("group-{}", name.to_lowercase().replace(' ', "-")))
        .child(el!(span class="group-name").child(name))
        .child(el!(span class="hint turned-words").text(turned));
    let details = el!(details class="knobs").child(summary).child(knobs);
    match of {
        Group::Data => details.set("open", ""),
        _ => details,
    }
    .into()
}
