//! What comes next: the most probable tokens, with the arithmetic of softmax.

use crate::explorer::is_causal;
use crate::explorer::masked::encoder;
use crate::explorer::settings::temperature;
use crate::format;
use crate::lens::predict::{Bar, Distribution, distribution};
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::parts::dom::{View, either, el};
use crate::parts::frame::{Kit, fixed, panel};
use crate::parts::term::term;
use crate::state::cell::{Derived, Var, derive};
use crate::state::{Store, use_store};

/// Bars on screen.
const N_BARS: usize = 8;

/// The panel; encoders, which predict no next token, get another in its place.
pub fn next_token() -> View {
    let store = use_store();
    let is_causal = is_causal(store);
    // A run without a model: whether its file has logits.
    let recorded = derive(move || {
        let card = store.card.get().filter(|card| card.is_recorded())?;
        Some(card.hooks.iter().any(|hook| hook == "logits"))
    });
    let kind = derive(move || (recorded.get(), is_causal.get()));
    either(kind, |kind| {
        vec![match kind {
            (Some(false), _) => no_logits(),
            (Some(true), _) | (None, true) => predictions(),
            (None, false) => encoder(),
        }]
    })
}

fn no_logits() -> View {
    let kit = Kit {
        id: "predictions",
        explain: &[
            "The logits of a recorded run lie in its file under the name logits, a row a token.",
        ],
        table: None,
        picture: None,
        hooks: None,
    };
    let words = "The file has no logits, so it does not say what the model expected next.";
    panel(kit, fixed("Next token"), None).child(el!(p class="hint").child(words)).done()
}

fn predictions() -> View {
    let store = use_store();
    let shown = derive(move || {
        let expected = store.expected.read();
        let expected = (*expected).as_ref()?;
        let sampling = store.url.read().sampling;
        Some(distribution(&expected.logits, &expected.predictions.top, sampling))
    });
    let chosen = Var::new(0_usize);
    let kit = Kit {
        id: "predictions",
        explain: &[
            "After the last token the model gives every token of its vocabulary a logit. Divide by the temperature, take e to the power of it, divide by the sum over all: that is the probability.",
            "Top-k and top-p cut the tail off before a token is drawn; what is left is divided by its own sum. None of this runs the model again.",
            "Point at a bar to see its arithmetic.",
        ],
        table: Some(Box::new(move || (*shown.read_untracked()).as_ref().map(table))),
        picture: None,
        hooks: Some(Box::new(|| vec!["logits".into()])),
    };
    let title = derive(move || match store.tokens.get().last() {
        Some(last) => format!("Next token, after “{}”", label(&last.text, 16)),
        None => "Next token".into(),
    });
    let rows: Vec<View> = (0..N_BARS).map(|idx| bar_view(shown, chosen, idx)).collect();
    let bars = el!(ol class="bars" aria-label="Most probable next tokens")
        .class("waiting", move || shown.read().is_none())
        .child(rows);
    let words = move || {
        let all = shown.read();
        let all = (*all).as_ref()?;
        Some(arithmetic(all, all.bars.get(chosen.get())?, store))
    };
    let hint = el!(p class="hint")
        .text(move || (*shown.read()).as_ref().map(note))
        .child(" ")
        .child(term("logit"))
        .child(" · ")
        .child(term("softmax"))
        .child(" · ")
        .child(term("temperature"));
    panel(kit, title, None)
        .child(bars)
        .child(el!(p class="arithmetic num" data-testid="arithmetic").text(words))
        .child(temperature())
        .child(hint)
        .done()
}

fn bar_view(shown: Derived<Option<Distribution>>, chosen: Var<usize>, idx: usize) -> View {
    let bar = derive(move || (*shown.read()).as_ref().and_then(|d| d.bars.get(idx).cloned()));
    let text = move || (*bar.read()).as_ref().map(|b| label(&b.candidate.text, 16));
    // Lengths are in proportion, and the longest fills the track.
    let share = move || {
        let longest = (*shown.read()).as_ref().map_or(0.0, longest);
        (*bar.read()).as_ref().map_or(0.0, |b| b.probability / longest.max(f32::MIN_POSITIVE))
    };
    let number = move || (*bar.read()).as_ref().map(|b| format::three(b.probability));
    let exact = move || (*bar.read()).as_ref().map(|b| format::exact(b.probability));
    let is_cut = move || (*bar.read()).as_ref().is_some_and(|b| !b.kept);
    let is_chosen = derive(move || chosen.get() == idx);
    let fill = el!(span class="bar-fill")
        .style("width", move || format::trimmed(f64::from(share()) * 100.0) + "%");
    let button = el!(button type="button" class="bar")
        .class("chosen", move || is_chosen.get())
        .set("data-testid", &format!("prediction-{idx}"))
        .attr("title", exact)
        .state("aria-pressed", move || is_chosen.get())
        .when("pointerenter", move || chosen.set(idx))
        .when("focus", move || chosen.set(idx))
        .when("click", move || chosen.set(idx))
        .child(el!(bdi class="bar-text").text(text))
        .child(el!(span class="bar-track" aria-hidden="true").child(fill))
        .child(el!(span class="bar-number num").text(number));
    el!(li).class("cut", is_cut).class("unseen", move || bar.read().is_none()).child(button).into()
}

fn longest(all: &Distribution) -> f32 {
    all.bars.iter().map(|bar| bar.probability).fold(0.0, f32::max)
}

/// logit ÷ T → exp → ÷ Σ.
fn arithmetic(all: &Distribution, bar: &Bar, store: Store) -> String {
    let temperature = store.url.read().sampling.temperature;
    let three = format::three;
    if temperature <= 0.0 {
        return format!(
            "logit {}: at temperature 0 the largest is taken",
            three(bar.candidate.logit)
        );
    }
    if !bar.kept {
        return format!("{} of all, cut off by top-k or top-p", three(bar.share));
    }
    format!(
        "{} ÷ {} = {} → e^({} − {}) = {} → ÷ {} = {}",
        three(bar.candidate.logit),
        three(temperature),
        three(bar.scaled),
        three(bar.scaled),
        three(all.max),
        three(bar.exponential),
        three(all.kept_sum),
        three(bar.probability),
    )
}

fn note(all: &Distribution) -> String {
    let mut words = format!("Entropy {} nats", format::three(all.entropy));
    let n_all = all.bars.len();
    if all.n_kept > 0 && all.n_kept < n_all {
        words.push_str(&format!(", {} can be drawn", format::plural(all.n_kept, "token")));
    }
    if all.n_non_finite > 0 {
        words.push_str(&format!(", {} logits are not finite", all.n_non_finite));
    }
    words.push('.');
    words
}

fn table(all: &Distribution) -> Table {
    let columns = ["token", "id", "logit", "÷ T", "exp", "share of all", "probability"];
    let rows = all.bars.iter().map(|bar| {
        vec![
            bar.candidate.text.clone(),
            bar.candidate.id.to_string(),
            format::plain(bar.candidate.logit),
            format::plain(bar.scaled),
            format::plain(bar.exponential),
            format::plain(bar.share),
            format::plain(bar.probability),
        ]
    });
    Table {
        caption: "The most probable next tokens".into(),
        columns: columns.map(Into::into).to_vec(),
        rows: rows.collect(),
    }
}
