//! What failed: what, why, what to do. Announced at once; stays until dismissed.

use leptos::prelude::*;

use crate::parts::icon;
use crate::protocol::{Fault, FaultPlace};
use crate::state::use_store;

/// All failures that were not dismissed.
#[component]
pub fn Faults() -> AnyView {
    let store = use_store();
    let items = move || {
        let faults = store.faults.get().into_iter();
        faults.map(|fault| fault_view(fault).into_any()).collect::<Vec<_>>()
    };
    view! { <div class="faults" role="alert" data-testid="faults">{items}</div> }.into_any()
}

fn fault_view(fault: Fault) -> AnyView {
    let store = use_store();
    let place = match fault.place {
        FaultPlace::Engine => "Engine",
        FaultPlace::Model => "Model",
        FaultPlace::Run => "Text",
        FaultPlace::Panel => "Panel",
    };
    let what = format!("{}.", fault.what.trim_end_matches('.'));
    let advice = fault.advice.clone();
    let dismiss = move |_| store.faults.update(|faults| faults.retain(|known| *known != fault));
    view! {
        <div class="fault" data-testid="fault">
            <p>
                <strong>{place}": "</strong>
                <bdi>{what}</bdi>
                " "
                <span class="fault-advice">{advice}</span>
            </p>
            <button type="button" class="quiet" aria-label="Dismiss" on:click=dismiss>
                {icon::close()}
            </button>
        </div>
    }
    .into_any()
}
