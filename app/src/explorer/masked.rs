//! What encoders answer beside their maps: the words in masked places, and whether the second text
//! follows the first.

use crate::explorer::replaced::discriminator;
use crate::explorer::similarity::pooled;
use crate::format;
use crate::lens::pair::{REPLACED, follows};
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::parts::dom::{View, either, el, part};
use crate::parts::frame::{Kit, panel};
use crate::parts::term::term;
use crate::protocol::{Candidate, MaskedPlace, ModelCard, TokenView};
use crate::state::cell::derive;
use crate::state::url::Tab;
use crate::state::{Store, use_store};

/// Candidates on screen for each masked place.
const N_BARS: usize = 5;

/// The panel of encoders, by the head that they have: over masked words, over replaced ones, or none.
pub fn encoder() -> View {
    let store = use_store();
    let heads = derive(move || {
        let card = store.model.get();
        let has = |of: fn(&ModelCard) -> bool| card.as_deref().is_some_and(of);
        (has(ModelCard::can_mask), has(|card| card.hooks.iter().any(|hook| hook == REPLACED)))
    });
    either(heads, |heads| {
        vec![match heads {
            (true, _) => masked(),
            (false, true) => discriminator(),
            (false, false) => pooled(),
        }]
    })
}

fn masked() -> View {
    let store = use_store();
    let kit = Kit {
        id: "masked",
        explain: &[
            "This model was trained to fill gaps: some tokens of a text are replaced by its mask, and it says what stood there, from the words on both sides.",
            "Click a token of the strip to mask it, or focus it and press Enter; again gives it back. Under it stands the most probable token, here are the next ones, and how probable the masked token itself is: rank 1 means that the model would have put it there.",
            "The probabilities are the softmax of the head’s logits at that place, over the whole vocabulary.",
        ],
        table: Some(Box::new(move || Some(table(store)))),
        picture: None,
        hooks: Some(Box::new(|| vec!["logits".into(), "nsp_logits".into()])),
    };
    let title = derive(move || match store.masked.read().len() {
        0 => "Masked tokens: what stood there?".into(),
        n => format!("What stands in the place of {}", format::plural(n, "masked token")),
    });
    let places = part(move || {
        let (tokens, places) = (store.tokens.get(), store.masked.read());
        if places.is_empty() {
            let words = "Click a token above to mask it, or focus it and press Enter: its place then shows what the model would put there.";
            return vec![el!(p).child(words).into()];
        }
        places.iter().map(|place| place_view(place, &tokens)).collect()
    });
    let each = move || {
        store.choose(|url| url.tab = Tab::Loss);
        store.mask_each();
    };
    let button = el!(button type="button" class="act" data-testid="mask-each-here")
        .flag("disabled", move || store.masking.get() || store.tokens.read().is_empty())
        .when("click", each)
        .child("Mask each token in turn");
    let places = el!(div class="places" tabindex="0" role="region" aria-label="Masked places" data-testid="places")
        .child(places);
    panel(kit, title, None)
        .child(places)
        .child(el!(p).child(button))
        .child(el!(p class="hint").child(term("mask")).child(" · ").child(term("softmax")))
        .child(next_sentence(store))
        .done()
}

fn place_view(place: &MaskedPlace, tokens: &[TokenView]) -> View {
    let name = name_of(place, tokens);
    let rank = place.rank_of_original + 1;
    let p = format::three(place.p_of_original);
    let words = format!("masked: probability {p}, rank {rank}");
    let most = place.top.first().map_or(0.0, |best| best.logit);
    let bars: Vec<View> = place.top.iter().take(N_BARS).map(|one| bar(one, most)).collect();
    let head = el!(h3 class="place-head")
        .child(el!(bdi class="token-text").child(name))
        .child(el!(span class="hint num").child(words));
    el!(section class="place")
        .set("data-testid", &format!("place-{}", place.position))
        .child(head)
        .child(el!(ol class="bars").child(bars))
        .into()
}

fn bar(one: &Candidate, most: f32) -> View {
    let share = one.logit / most.max(f32::MIN_POSITIVE);
    let width = format::trimmed(f64::from(share) * 100.0) + "%";
    let fill = el!(span class="bar-fill").styled("width", &width);
    el!(li class="bar")
        .set("title", &format::exact(one.logit))
        .child(el!(bdi class="bar-text").child(label(&one.text, 16)))
        .child(el!(span class="bar-track" aria-hidden="true").child(fill))
        .child(el!(span class="bar-number num").child(format::three(one.logit)))
        .into()
}

fn name_of(place: &MaskedPlace, tokens: &[TokenView]) -> String {
    tokens.get(place.position as usize).map_or_else(String::new, |token| label(&token.text, 16))
}

fn table(store: Store) -> Table {
    let tokens = store.tokens.get_untracked();
    let row = |place: &MaskedPlace| {
        let mut cells = vec![
            name_of(place, &tokens),
            place.position.to_string(),
            format::plain(place.p_of_original),
            (place.rank_of_original + 1).to_string(),
        ];
        for one in place.top.iter().take(N_BARS) {
            cells.extend([one.text.clone(), format::plain(one.logit)]);
        }
        cells
    };
    let mut columns: Vec<String> =
        ["masked token", "place", "its p", "its rank"].map(Into::into).into();
    for rank in 1..=N_BARS {
        columns.extend([format!("candidate {rank}"), format!("p {rank}")]);
    }
    Table {
        caption: "Masked places and their most probable tokens".into(),
        columns,
        rows: store.masked.read_untracked().iter().map(row).collect(),
    }
}

/// Whether the second text follows the first, by the model's head for that.
fn next_sentence(store: Store) -> View {
    let words = move || {
        let card = store.card.get()?;
        if !card.hooks.iter().any(|hook| hook == "nsp_logits") {
            return Some("This model has no head for pairs of sentences.".to_owned());
        }
        let is_pair = store.tokens.read().iter().any(|token| token.second);
        if !is_pair {
            let advice =
                "Type a second text above, and this head says whether it follows the first.";
            return Some(advice.to_owned());
        }
        let run = store.trace.read();
        let p = follows(run.trace.get("nsp_logits")?)?;
        Some(format!(
            "B follows A with probability {}; something else stands there with {}.",
            format::three(p),
            format::three(1.0 - p)
        ))
    };
    el!(section class="place" data-testid="next-sentence")
        .child(el!(h3 class="place-head").child("Next sentence"))
        .child(el!(p).text(words))
        .into()
}
