//! The panels at the foot: one at a time.

use std::rc::Rc;

use web_sys::KeyboardEvent;

use crate::explorer::{
    alignment, beam, card, loss, mlp, norms, positions, residual, similarity, weights,
};
use crate::lens::recorded;
use crate::parts::dom::{View, either, el, focus, part};
use crate::parts::matrix::Acts;
use crate::state::cell::{Var, derive};
use crate::state::url::Tab;
use crate::state::{Hover, Store, tab_of, tabs_of, use_store};

/// Tabs and the chosen panel.
pub fn details() -> View {
    let store = use_store();
    let all = derive(move || tabs_of(store.model.get().as_deref()).collect::<Vec<Tab>>());
    let tab = derive(move || shown(store));
    let tabs = part(move || all.read().iter().map(|&tab| tab_view(store, tab)).collect());
    let lacking = derive(move || {
        let layer = store.focus.read().layer;
        store.card.get().and_then(|card| recorded::tab(&card, tab.get(), layer))
    });
    let panel = either(tab, |tab| {
        vec![match tab {
            Tab::Alignment => alignment::alignment(),
            Tab::Beam => beam::beam(),
            Tab::First | Tab::Norms => norms::norms("norms"),
            Tab::Residual => residual::residual("residual"),
            Tab::Mlp => mlp::mlp(),
            Tab::Loss => loss::loss(),
            Tab::Similarity => similarity::similarity(),
            Tab::Positions => positions::positions(),
            Tab::Weights => weights::weights(),
            Tab::Card => card::card(),
        }]
    });
    let on_key = move |event: KeyboardEvent| {
        let tabs = all.get_untracked();
        let at = tabs.iter().position(|&known| known == tab.get_untracked()).unwrap_or(0);
        let to = match event.key().as_str() {
            "ArrowLeft" => at.saturating_sub(1),
            "ArrowRight" => (at + 1).min(tabs.len() - 1),
            "Home" => 0,
            "End" => tabs.len() - 1,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        store.choose(|url| url.tab = tabs[to]);
        focus(&format!("#tab-{}", tabs[to].word()));
    };
    let tabs = el!(div class="tabs" role="tablist" aria-label="More about this run")
        .on("keydown", on_key)
        .child(tabs);
    let panel = el!(div class="tab-panel" role="tabpanel" id="tab-panel")
        .attr("aria-labelledby", move || format!("tab-{}", tab.get().word()))
        .child(el!(p class="hint lacking" data-testid="lacking").text(move || lacking.get()))
        .child(panel);
    el!(div class="details" data-testid="details").child(tabs).child(panel).into()
}

/// The tab that is open.
fn shown(store: Store) -> Tab {
    tab_of(store.url.read().tab, store.model.get().as_deref())
}

fn tab_view(store: Store, tab: Tab) -> View {
    let name = match tab {
        Tab::Alignment => "Alignment",
        Tab::Beam => "Search",
        Tab::First | Tab::Norms => "Norms",
        Tab::Residual => "Residual",
        Tab::Mlp => "MLP",
        Tab::Loss => "Loss",
        Tab::Similarity => "Similarity",
        Tab::Positions => "Positions",
        Tab::Weights => "Weights",
        Tab::Card => "Card",
    };
    let is_chosen = derive(move || shown(store) == tab);
    let id = format!("tab-{}", tab.word());
    el!(button type="button" role="tab" class="tab" aria-controls="tab-panel")
        .set("id", &id)
        .set("data-testid", &id)
        .state("aria-selected", move || is_chosen.get())
        .attr("tabindex", move || if is_chosen.get() { "0" } else { "-1" })
        .when("click", move || store.choose(|url| url.tab = tab))
        .child(name)
        .into()
}

/// Acts of a matrix of tokens × layers: pointing previews the token, clicking pins both.
pub fn token_layer_acts(
    store: Store,
    layer_of: impl Fn(usize) -> Option<u16> + 'static,
    col: Var<Option<usize>>,
) -> Rc<Acts> {
    let pin = move |(row, at): (usize, usize)| {
        col.set(Some(at));
        store.choose(|url| {
            url.query = Some(row as u32);
            url.layer = layer_of(at).unwrap_or(url.layer);
        });
    };
    Rc::new(Acts {
        hover: Box::new(move |cell: Option<(usize, usize)>| {
            col.set(cell.map(|(_, at)| at));
            let query = cell.map(|(row, _)| row as u32);
            store.preview(Hover { query, ..Hover::default() });
        }),
        pin: Box::new(pin),
        move_to: Box::new(move |(row, at): (usize, usize)| {
            col.set(Some(at));
            store.adjust(|url| url.query = Some(row as u32));
        }),
    })
}
