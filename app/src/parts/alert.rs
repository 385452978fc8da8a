//! What failed: what, why, what to do. Announced at once; stays until dismissed.

use crate::format;
use crate::parts::dom::{Child, El, View, el, part};
use crate::parts::icon;
use crate::protocol::{Fault, FaultPlace};
use crate::state::use_store;

/// All failures that were not dismissed.
pub fn faults() -> El {
    let store = use_store();
    let items = part(move || store.faults.get().into_iter().map(fault_view).collect());
    el!(div class="faults" role="alert" data-testid="faults").child(items)
}

fn fault_view(fault: Fault) -> View {
    let store = use_store();
    let place = match fault.place {
        FaultPlace::Engine => "Engine: ",
        FaultPlace::Model => "Model: ",
        FaultPlace::Run => "Text: ",
        FaultPlace::Panel => "Panel: ",
    };
    let what = format!("{}.", fault.what.trim_end_matches('.'));
    let words = el!(p)
        .child(el!(strong).child(place))
        .child(el!(bdi).child(what))
        .child(" ")
        .child(el!(span class="fault-advice").child(fault.advice.as_str()));
    let facts = facts(&fault.facts);
    let dismiss = move || store.faults.update(|faults| faults.retain(|known| *known != fault));
    let button = el!(button type="button" class="quiet" aria-label="Dismiss")
        .when("click", dismiss)
        .child(icon::close());
    el!(div class="fault" data-testid="fault")
        .child(el!(div class="fault-words").child(words).child(facts))
        .child(button)
        .into()
}

/// What the file says of its model, folded.
fn facts(facts: &[(String, String)]) -> View {
    if facts.is_empty() {
        return Vec::new().into_node();
    }
    let row = |(name, value): &(String, String)| {
        el!(tr)
            .child(el!(th scope="row").child(el!(bdi).child(name.as_str())))
            .child(el!(td class="num hash").child(el!(bdi).child(value.as_str())))
            .into()
    };
    let rows: Vec<View> = facts.iter().map(row).collect();
    let table = el!(table class="data").child(el!(tbody).child(rows));
    let summary = format!("What the file says of itself, {}", format::plural(facts.len(), "field"));
    let frame = el!(div class="files-frame" tabindex="0" role="region"
        aria-label="What the file says of itself")
    .child(table);
    el!(details class="fault-facts" data-testid="fault-facts")
        .child(el!(summary).child(summary).child(icon::down()))
        .child(frame)
        .into()
}
