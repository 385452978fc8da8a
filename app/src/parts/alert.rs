//! What failed: what, why, what to do. Announced at once; stays until dismissed.

use crate::parts::dom::{El, View, el, part};
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
    let dismiss = move || store.faults.update(|faults| faults.retain(|known| *known != fault));
    let button = el!(button type="button" class="quiet" aria-label="Dismiss")
        .when("click", dismiss)
        .child(icon::close());
    el!(div class="fault" data-testid="fault").child(words).child(button).into()
}
