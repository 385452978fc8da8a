//! A bar for what has an order: back, on, play, scrub, speed.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Event, HtmlInputElement};

use crate::parts::dom::{El, View, effect, el, input_of, part, value_of, window};
use crate::parts::icon;
use crate::state::browser;
use crate::state::cell::{Derived, Var, derive};

/// What a bar steps through.
pub struct Steps {
    /// How many steps there are.
    pub n_steps: Derived<usize>,
    /// Where it stands.
    pub at: Derived<usize>,
    /// Whether it goes on by itself.
    pub playing: Var<bool>,
    /// Moves it.
    pub go: Rc<dyn Fn(usize)>,
}

/// Steps a second.
const SPEEDS: [(&str, &str, i32); 4] = [
    ("half", "½ a second", 2000),
    ("1", "1 a second", 1000),
    ("2", "2 a second", 500),
    ("5", "5 a second", 200),
];

/// The bar. Where motion is to be reduced, playing jumps to the end.
pub fn steps(spec: Steps) -> El {
    let Steps { n_steps, at, playing, go } = spec;
    let last = derive(move || n_steps.get().saturating_sub(1));
    let speed = Var::new(1000_i32);
    play(last, at, playing, speed, Rc::clone(&go));
    let back = Rc::clone(&go);
    let on = Rc::clone(&go);
    let scrub = Rc::clone(&go);
    let is_empty = move || n_steps.get() == 0;
    let back =
        el!(button type="button" class="quiet" data-testid="step-back" aria-label="One step back")
            .flag("disabled", move || at.get() == 0)
            .when("click", move || back(at.get_untracked().saturating_sub(1)))
            .child(icon::step_back());
    let on = el!(button type="button" class="quiet" data-testid="step-on" aria-label="One step on")
        .flag("disabled", move || at.get() >= last.get())
        .when("click", move || on((at.get_untracked() + 1).min(last.get_untracked())))
        .child(icon::step_on());
    let toggle = el!(button type="button" class="quiet" data-testid="step-play")
        .attr("aria-label", move || if playing.get() { "Pause" } else { "Play the steps" })
        .flag("disabled", is_empty)
        .when("click", move || playing.set(!playing.get_untracked()))
        .child(part(move || vec![if playing.get() { icon::stop() } else { icon::play() }.into()]));
    let range = el!(input type="range" min="0" data-testid="step-scrub" aria-label="Step")
        .flag("disabled", is_empty)
        .attr("aria-valuetext", move || format!("{} of {}", at.get() + 1, n_steps.get()))
        .on("input", move |event: Event| {
            if let Some(input) = input_of(&event) {
                playing.set(false);
                scrub(input.value_as_number() as usize);
            }
        });
    let thumb: HtmlInputElement = range.element().clone().unchecked_into();
    effect(move || {
        // A value above the old maximum would be cut down to it.
        thumb.set_max(&last.get().to_string());
        thumb.set_value(&at.get().to_string());
    });
    let options: Vec<View> = SPEEDS
        .iter()
        .map(|&(word, name, ms)| {
            el!(option)
                .set("value", word)
                .prop("selected", move || speed.get() == ms)
                .child(name)
                .into()
        })
        .collect();
    let speeds = el!(select data-testid="step-speed" aria-label="Speed")
        .on("change", move |event: Event| {
            let word = value_of(&event);
            if let Some((.., ms)) = SPEEDS.iter().find(|(known, ..)| *known == word) {
                speed.set(*ms);
            }
        })
        .child(options);
    let now = move || match n_steps.get() {
        0 => "no steps yet".to_owned(),
        n => format!("{} of {n}", at.get() + 1),
    };
    el!(div class="steps" role="group" aria-label="Steps of the machine")
        .child(back)
        .child(toggle)
        .child(on)
        .child(range)
        .child(el!(span class="num" data-testid="step-now").text(now))
        .child(speeds)
}

/// Moves on while it plays.
fn play(
    last: Derived<usize>,
    at: Derived<usize>,
    playing: Var<bool>,
    speed: Var<i32>,
    go: Rc<dyn Fn(usize)>,
) {
    let running: Rc<RefCell<Option<Interval>>> = Rc::default();
    effect(move || {
        let is_on = playing.get();
        let ms = speed.get();
        running.take();
        if !is_on {
            return;
        }
        let (end, now) = (last.get_untracked(), at.get_untracked());
        if browser::media("(prefers-reduced-motion: reduce)") {
            go(end);
            return playing.set(false);
        }
        // From the end it begins anew.
        if now >= end {
            go(0);
        }
        let go = Rc::clone(&go);
        let tick = move || {
            let (end, now) = (last.get_untracked(), at.get_untracked());
            if now < end {
                go(now + 1);
            }
            if now + 1 >= end {
                playing.set(false);
            }
        };
        *running.borrow_mut() = Interval::start(ms, tick);
    });
}

/// Ticks until it is dropped.
struct Interval {
    handle: i32,
    _tick: Closure<dyn FnMut()>,
}

impl Interval {
    fn start(ms: i32, tick: impl FnMut() + 'static) -> Option<Self> {
        let tick = Closure::<dyn FnMut()>::new(tick);
        let act = tick.as_ref().unchecked_ref();
        let handle =
            window().set_interval_with_callback_and_timeout_and_arguments_0(act, ms).ok()?;
        Some(Self { handle, _tick: tick })
    }
}

impl Drop for Interval {
    fn drop(&mut self) {
        window().clear_interval_with_handle(self.handle);
    }
}
