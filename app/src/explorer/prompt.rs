//! The text, live as you type; its continuation.

use std::cell::Cell;

use web_sys::Event;

use crate::explorer::settings::settings;
use crate::explorer::{is_causal, is_pair, is_recorded};
use crate::parts::dom::{Child, El, View, either, el, part, show, value_of};
use crate::parts::icon;
use crate::protocol::{GenerateEnd, ToWorker, TokenView};
use crate::state::cell::derive;
use crate::state::url::{MAX_SAID, UrlState};
use crate::state::{Store, browser, use_store};

/// How many hypotheses run side by side, and what that is called.
const SEARCHES: [(u8, &str); 5] =
    [(1, "greedy"), (2, "2 beams"), (4, "4 beams"), (6, "6 beams"), (8, "8 beams")];

thread_local! {
    /// When something was typed last: a pause in typing ends a step of the history.
    static LAST_TYPED: Cell<f64> = const { Cell::new(0.0) };
}

/// Text, pair, generate and stop.
pub fn prompt() -> View {
    let store = use_store();
    let is_recorded = derive(move || is_recorded(store));
    either(is_recorded, move |is_recorded| {
        vec![if is_recorded { recorded(store) } else { text(store) }.into()]
    })
}

/// Where the text of a model stands: what is shown instead, and the way back.
fn recorded(store: Store) -> El {
    let notes = part(move || {
        let facts = store.card.get().and_then(|card| card.recorded.clone()).unwrap_or_default();
        let note = |note: String| el!(p class="hint").child(el!(bdi).child(note)).into();
        facts.notes.into_iter().map(note).collect()
    });
    let title = move || store.card.get().map(|card| card.title.clone());
    let back = el!(button type="button" class="act" data-testid="close-recorded")
        .when("click", move || store.post(&ToWorker::CloseRecorded))
        .child("Back to the model");
    let words = el!(div class="recorded-words")
        .child(el!(p class="recorded-title").child(el!(bdi).text(title)))
        .child(el!(p class="hint").child("All numbers are those of the file. Its text cannot be changed, and nothing can be generated: that needs a model."))
        .child(notes);
    el!(div class="prompt" data-testid="recorded").child(words).child(back)
}

fn text(store: Store) -> El {
    let (is_causal, is_pair) = (is_causal(store), is_pair(store));
    let on_text = move |event: Event| {
        let value = value_of(&event);
        browser::keep_text(&value);
        typed(store, &|url| {
            url.text.clone_from(&value);
        });
    };
    let text = el!(textarea id="prompt" data-testid="prompt" aria-label="Text for the model"
        rows="1" spellcheck="false" autocapitalize="off" dir="auto"
        placeholder="Type a text: everything below shows what the model does with it")
    .value(move || store.url.read().text.clone())
    .on("input", on_text);
    el!(div class="prompt")
        .class("with-pair", move || !is_causal.get() || is_pair.get())
        .child(text)
        .child(show(move || !is_causal.get(), move || pair(store).into()))
        .child(show(move || is_pair.get(), move || target(store)))
        .child(show(move || is_causal.get() && !is_pair.get(), move || go_on(store).into()))
        .child(show(move || has_chat(store), move || chat(store).into()))
}

fn has_chat(store: Store) -> bool {
    store.card.read().as_ref().as_ref().is_some_and(|card| card.has_chat)
}

/// The switch of models that come with a template for conversations, and what the system says.
fn chat(store: Store) -> El {
    let is_on = move || store.url.read().system.is_some();
    let toggle = move || {
        store.choose(|url| {
            url.system = if url.system.is_some() { None } else { Some(String::new()) };
            (url.query, url.key) = (None, None);
        });
        store.run_text();
    };
    let switch = el!(input type="checkbox" data-testid="as-chat")
        .prop("checked", is_on)
        .when("change", toggle);
    let on_system = move |event: Event| {
        let value = value_of(&event);
        typed(store, &|url| url.system = Some(value.clone()));
    };
    let system = move || {
        el!(textarea data-testid="system" aria-label="What the system says" rows="1" dir="auto"
            spellcheck="false" placeholder="What the system says, if anything; the text above is what the user says")
        .value(move || store.url.read().system.clone())
        .on("input", on_system)
        .into()
    };
    el!(div class="chat")
        .child(el!(label class="check").child(switch).child(el!(span).child("as chat")))
        .child(show(is_on, system))
        .child(show(is_on, move || turns(store)))
}

/// What was said before, and what keeps an answer as said.
fn turns(store: Store) -> View {
    let said = part(move || {
        let turn = |(at, words): (usize, &String)| {
            let role = if at % 2 == 0 { "user" } else { "assistant" };
            let words = el!(bdi class="turn-words").child(words.as_str());
            el!(li).child(el!(span class="hint").child(role)).child(words).into()
        };
        store.url.read().said.iter().enumerate().map(turn).collect()
    });
    let has_said = move || !store.url.read().said.is_empty();
    let list =
        el!(ol class="turns" tabindex="0" data-testid="turns" aria-label="What was said before")
            .class("unseen", move || !has_said())
            .child(said);
    let keep = move || {
        let answer = answer(&store.tokens.read_untracked());
        store.choose(|url| {
            let asked = std::mem::take(&mut url.text);
            url.said.extend([asked, answer]);
            (url.query, url.key) = (None, None);
        });
        store.run_text();
    };
    let has_answer = move || {
        let is_written = store.tokens.read().iter().any(|token| token.generated);
        is_written && !store.generating.get() && store.url.read().said.len() < MAX_SAID
    };
    let kept = el!(button type="button" class="act" data-testid="keep-answer")
        .flag("disabled", move || !has_answer())
        .set(
            "title",
            "The answer becomes part of the conversation; then type what the user says next",
        )
        .when("click", keep)
        .child("Keep the answer");
    let take_back = move || {
        store.choose(|url| {
            url.said.pop();
            url.text = url.said.pop().unwrap_or_default();
            (url.query, url.key) = (None, None);
        });
        store.run_text();
    };
    let back = show(has_said, move || {
        el!(button type="button" class="act" data-testid="take-back")
            .when("click", take_back)
            .child("Take back")
            .into()
    });
    let buttons = el!(div class="turn-tools").child(kept).child(back);
    vec![buttons.into(), list.into()].into_node()
}

/// What the model wrote, without the tokens that end it.
fn answer(tokens: &[TokenView]) -> String {
    let written = tokens.iter().filter(|token| token.generated && !token.special);
    let bytes: Vec<u8> = written.flat_map(|token| token.bytes.iter().copied()).collect();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Changes what the model reads. Tokens have other places then, so that what pointed at them lets go.
pub fn typed(store: Store, change: &dyn Fn(&mut UrlState)) {
    let change = |url: &mut UrlState| {
        change(url);
        (url.query, url.key) = (None, None);
        url.masks.clear();
    };
    let now = js_sys::Date::now();
    let is_step = now - LAST_TYPED.replace(now) > 1500.0;
    if is_step {
        store.choose(change);
    } else {
        store.adjust(change);
    }
    store.run_text();
}

fn pair(store: Store) -> El {
    let on_pair = move |event: Event| {
        let value = value_of(&event);
        typed(store, &|url| url.pair = Some(value.clone()).filter(|pair| !pair.is_empty()));
    };
    el!(textarea data-testid="pair" aria-label="Second text, compared as a pair" rows="1"
        spellcheck="false" dir="auto" placeholder="Second text of a pair, if you want")
    .value(move || store.url.read().pair.clone())
    .on("input", on_pair)
}

/// The target of an encoder–decoder: what the model writes, until the visitor types there.
fn target(store: Store) -> View {
    let on_target = move |event: Event| {
        let value = value_of(&event);
        typed(store, &|url| url.target = Some(value.clone()));
    };
    let shown = move || match &store.url.read().target {
        Some(target) => target.clone(),
        None => store.written.read().text.clone(),
    };
    let text = el!(textarea data-testid="target" aria-label="Target text: what the model writes, or what you type" rows="1"
        spellcheck="false" autocapitalize="off" dir="auto" placeholder="The model writes here; or type yourself")
    .value(shown)
    .on("input", on_target);
    let option = |&(n_beams, name): &(u8, &'static str)| {
        el!(option)
            .set("value", &n_beams.to_string())
            .prop("selected", move || store.url.read().beams == n_beams)
            .child(name)
            .into()
    };
    let on_beams = move |event: Event| {
        if let Ok(n_beams) = value_of(&event).parse() {
            store.write(n_beams);
        }
    };
    let select = el!(select data-testid="beams")
        .on("change", on_beams)
        .child(SEARCHES.iter().map(option).collect::<Vec<View>>());
    let whose = move || match store.url.read().target {
        Some(_) => "typed",
        None => "written live",
    };
    let writing = derive(move || {
        let written = store.written.read();
        store.url.read().target.is_none() && !written.is_done && !written.nodes.is_empty()
    });
    let write = either(writing, move |writing| {
        vec![if writing { stop_writing(store) } else { write(store) }]
    });
    let side = el!(div class="continue")
        .child(el!(span class="hint").text(whose))
        .child(el!(label class="select").child(el!(span).child("search")).child(select))
        .child(write);
    vec![text.into(), side.into()].into_node()
}

fn write(store: Store) -> View {
    el!(button type="button" class="act" data-testid="write")
        .flag("disabled", move || store.url.read().target.is_none())
        .when("click", move || store.write(store.url.read_untracked().beams))
        .child(icon::play())
        .child("Let it write")
        .into()
}

/// What is written so far becomes the target, as if the visitor had typed it.
fn stop_writing(store: Store) -> View {
    let stop = move || {
        let text = store.written.read_untracked().text.clone();
        typed(store, &|url| url.target = Some(text.clone()));
    };
    el!(button type="button" class="act" data-testid="stop-writing")
        .when("click", stop)
        .child(icon::stop())
        .child("Stop")
        .into()
}

fn go_on(store: Store) -> El {
    let ended = move || {
        store.ended.get().and_then(|end| match end {
            GenerateEnd::Length | GenerateEnd::Stopped => None,
            GenerateEnd::EndToken => Some("The model ended its text."),
            GenerateEnd::Context => Some("The context is full."),
        })
    };
    let generating = derive(move || store.generating.get());
    let button = either(generating, move |generating| {
        vec![if generating { stop(store) } else { generate(store) }]
    });
    el!(div class="continue")
        .child(el!(span class="hint" role="status").text(ended))
        .child(button)
        .child(settings())
}

fn generate(store: Store) -> View {
    let is_ready = move || store.card.read().is_some() && !store.tokens.read().is_empty();
    el!(button type="button" class="act" data-testid="generate")
        .flag("disabled", move || !is_ready())
        .when("click", move || store.generate())
        .child(icon::play())
        .child("Generate")
        .into()
}

fn stop(store: Store) -> View {
    el!(button type="button" class="act" data-testid="stop")
        .when("click", move || store.post(&ToWorker::Stop))
        .child(icon::stop())
        .child("Stop")
        .into()
}
