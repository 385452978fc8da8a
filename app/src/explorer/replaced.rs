//! What a discriminator answers (ELECTRA, Clark et al. 2020): which tokens were put in the place of others.

use crate::format;
use crate::lens::pair::{REPLACED, replaced};
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::parts::dom::{El, View, el, part};
use crate::parts::frame::{Kit, fixed, panel};
use crate::state::cell::derive;
use crate::state::{Store, use_store};

/// The panel.
pub fn discriminator() -> View {
    let store = use_store();
    let kit = Kit {
        id: "replaced",
        explain: &[
            "This model was trained as a discriminator: a small generator filled some gaps of a text with words of its own, and this model says of every token whether it is one of those.",
            "Each token gets one number from the head, its logit; the probability is 1 / (1 + e to the power of −logit). Write something odd into a sentence and see which token is suspected.",
        ],
        table: Some(Box::new(move || Some(table(store)))),
        picture: None,
        hooks: Some(Box::new(|| vec![REPLACED.into()])),
    };
    let shares = derive(move || Some(replaced(store.trace.read().trace.get(REPLACED)?)));
    let rows = part(move || {
        let (tokens, shares) = (store.trace.read().tokens.clone(), shares.get());
        let shares = shares.unwrap_or_default();
        tokens.iter().zip(shares).map(|(token, share)| bar(&token.text, share).into()).collect()
    });
    let bars = el!(ol class="bars replaced" tabindex="0" aria-label="Probability that each token was replaced")
        .set("data-testid", "replaced-bars")
        .class("waiting", move || shares.read().is_none())
        .child(rows);
    let what = "How probable it is that each token was put there in the place of another.";
    panel(kit, fixed("Which tokens were put in the place of others?"), None)
        .child(el!(p class="hint").child(what))
        .child(bars)
        .done()
}

fn bar(text: &str, share: f32) -> El {
    let width = format::trimmed(f64::from(share) * 100.0) + "%";
    el!(li class="bar")
        .set("title", &format::exact(share))
        .child(el!(bdi class="bar-text").child(label(text, 16)))
        .child(
            el!(span class="bar-track" aria-hidden="true")
                .child(el!(span class="bar-fill").styled("width", &width)),
        )
        .child(el!(span class="bar-number num").child(format::three(share)))
}

fn table(store: Store) -> Table {
    let run = store.trace.read_untracked();
    let scores = run.trace.get(REPLACED);
    let shares = scores.map(replaced).unwrap_or_default();
    let logits = scores.map_or(&[][..], |scores| &scores.values);
    let row = |((at, share), logit): ((usize, f32), &f32)| {
        let text = run.tokens.get(at).map_or_else(String::new, |token| label(&token.text, 16));
        vec![text, at.to_string(), format::plain(*logit), format::plain(share)]
    };
    Table {
        caption: "Tokens, and whether they were put in the place of others".into(),
        columns: ["token", "place", "logit", "probability"].map(Into::into).into(),
        rows: shares.into_iter().enumerate().zip(logits).map(row).collect(),
    }
}
