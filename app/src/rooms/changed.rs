//! The loaded model with something of it changed: how far its predictions move, and what it would say next.

use std::cell::Cell;

use crate::format;
use crate::lens::rooms::changed::{by_token, summary};
use crate::lens::tokens::label;
use crate::parts::dom::{El, View, el, part};
use crate::protocol::{ChangeAsk, ChangeOf, Changed, ToWorker};
use crate::rooms::Visit;
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Derived, Var, derive};

thread_local! {
    /// Counts what is asked for.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// The block of a change. `change` says what is to be otherwise now; none while that cannot be said.
/// Tests find the button as `change-SLOT`, the map as `changed-SLOT`, the table as `next-SLOT`.
pub fn changed(
    visit: Visit,
    slot: &'static str,
    [button, testid]: [&'static str; 2],
    change: Derived<Option<ChangeOf>>,
) -> El {
    let store = visit.store;
    // What was asked last, and of what.
    let asked: Var<(u32, Option<ChangeOf>)> = Var::default();
    let answer = derive(move || -> Option<Changed> {
        let (no, of) = asked.get();
        let is_now = store.run.get() == store.changed.read().as_ref().as_ref()?.run;
        store.changed.get().filter(|changed| is_now && changed.no == no && change.get() == of)
    });
    let waits = derive(move || {
        let (no, of) = asked.get();
        let answered = store.changed.read().as_ref().as_ref().map_or(0, |changed| changed.no);
        no > answered && change.get() == of && of.is_some()
    });
    let ask = move || {
        let Some(of) = change.get_untracked() else { return };
        LAST.set(LAST.get() + 1);
        asked.set((LAST.get(), Some(of.clone())));
        let run = store.run.get_untracked();
        store.post(&ToWorker::Change(ChangeAsk { no: LAST.get(), run, of }));
    };
    let press = el!(button type="button" class="act")
        .set("data-testid", &format!("change-{slot}"))
        .flag("disabled", move || change.read().is_none() || waits.get())
        .when("click", ask)
        .child(button);
    let said = move || {
        let answer = answer.read();
        match (answer.as_ref(), waits.get(), change.read().is_none()) {
            (_, _, true) => Some("The model’s run on the text is on its way.".to_owned()),
            (_, true, _) => Some("The model runs once more.".to_owned()),
            (None, ..) => Some("Not looked at yet, or of another text or setting.".to_owned()),
            (Some(changed), ..) if !changed.why_not.is_empty() => Some(changed.why_not.clone()),
            (Some(changed), ..) => Some(summary(changed)),
        }
    };
    let view = derive(move || {
        let names: Vec<String> =
            store.tokens.read().iter().map(|token| label(&token.text, 12)).collect();
        by_token(answer.read().as_ref().as_ref()?, &names)
    });
    let title = derive(|| "KL of the prediction after each token, in nats".to_owned());
    let map = Plate { symbol: "KL", title, view, testid, max_cell: 48.0, cursor: None };
    let rows = part(move || {
        let answer = answer.read();
        answer
            .as_ref()
            .as_ref()
            .map_or_else(Vec::new, |changed| changed.next.iter().map(row).collect())
    });
    let head = el!(tr)
        .child(el!(th scope="col").child("next token"))
        .child(el!(th scope="col").child("before"))
        .child(el!(th scope="col").child("after the change"));
    let has_rows = move || answer.read().as_ref().as_ref().is_some_and(|one| !one.next.is_empty());
    let table = el!(table class="data claim-table")
        .set("data-testid", &format!("next-{slot}"))
        .class("unseen", move || !has_rows())
        .child(el!(thead).child(head))
        .child(el!(tbody).child(rows));
    el!(div class="claim")
        .set("data-testid", &format!("change-block-{slot}"))
        .class("running", move || waits.get())
        .child(
            el!(p class="claim-tools")
                .child(press)
                .child(el!(span class="hint" role="status").text(said)),
        )
        .child(el!(div class="fast-row fast-vectors").child(plate(map)))
        .child(table)
}

fn row((text, before, after): &(String, f32, f32)) -> View {
    let share = |p: f32| el!(td class="num").child(format::three(p));
    el!(tr)
        .child(el!(th scope="row").child(el!(bdi class="token-text").child(label(text, 16))))
        .child(share(*before))
        .child(share(*after))
        .into()
}
