//! μ and σ (or the root mean square) of every token before and after every norm, its weights γ
//! and β, and dimensions that stand out.

use crate::explorer::details::token_layer_acts;
use crate::explorer::{choice, is_recorded, trace_labels};
use crate::format;
use crate::lens::attention::MatrixView;
use crate::lens::norms::{self, Outlier, Statistic};
use crate::parts::chart::chart;
use crate::parts::dom::{El, View, el, part, show};
use crate::parts::frame::{Hooks, Kit, fixed, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::term::term;
use crate::protocol::ModelCard;
use crate::state::cell::{Var, derive};
use crate::state::{Store, use_store};

/// The panel, under a name of its own.
pub fn norms(id: &'static str) -> View {
    let store = use_store();
    let labels = trace_labels(store);
    let sites = derive(move || store.card.get().map(|card| norms::sites(&card)));
    let view_of = move |statistic: Statistic| {
        derive(move || {
            let card = store.card.get()?;
            let sites = sites.read();
            let sites = (*sites).as_ref()?;
            let run = store.trace.read();
            let labels = labels.read();
            let view = if store.url.read().norms_after && !card.is_recorded() {
                norms::after(&run.trace, &card, sites, statistic, &labels)
            } else {
                norms::before(&run.trace, sites, statistic, &labels)
            };
            view.map(|view| named(view, &card, statistic))
        })
    };
    let (mean, scale) = (view_of(Statistic::Mean), view_of(Statistic::Scale));
    let has_mean = move || store.card.get().is_some_and(|card| !card.rms_norm);
    let title = derive(move || title(store));
    let explain = &[
        "Before a block reads a token’s vector, a norm rescales it. LayerNorm takes off the mean μ and divides by the spread σ; RMSNorm divides by the root mean square alone. Then come the learned gain γ and bias β.",
        "Tokens are rows, norms are columns: 3.1 is the first norm of layer 3, 3.2 its second, out the last one. Before shows what the norm meets, after what it leaves, without γ and β: mean 0 and spread 1, but for rounding.",
        "An outlier dimension reaches six times the spread at some token.",
    ];
    let hooks: Hooks = Some(Box::new(|| vec!["blocks.*.ln*.hook_*".into(), "ln_final.*".into()]));
    let kit = Kit { hooks, ..Kit::of_matrix(id, explain, scale, title) };
    let col = Var::new(None);
    let layer_of = move |at: usize| {
        let sites = sites.read_untracked();
        site_layer((*sites).as_ref()?.get(at)?)
    };
    let acts = token_layer_acts(store, layer_of, col);
    let cursor = derive(move || (store.focus.read().query, col.get()));
    let drawn = move |view, name, testid| {
        let spec =
            Matrix { view, cursor, name: fixed(name), testid, square: false, max_cell: 28.0 };
        matrix(spec, &acts)
    };
    let scales = drawn(scale, "Scale of each token’s vector at each norm", "norms-scale");
    let means = show(has_mean, move || {
        drawn(mean, "Mean of each token’s vector at each norm", "norms-mean").into()
    });
    let norms = el!(div class="norms")
        .child(means)
        .child(scales)
        .child(weights(store))
        .child(outliers(store));
    let tools = show(move || !is_recorded(store), move || before_after(store).into());
    panel(kit, title, Some(el!(div).child(tools))).child(norms).done()
}

fn named(mut view: MatrixView, card: &ModelCard, statistic: Statistic) -> MatrixView {
    view.quantity = match statistic {
        Statistic::Mean => "μ".into(),
        Statistic::Scale if card.is_recorded() => "scale".into(),
        Statistic::Scale if card.rms_norm => "rms".into(),
        Statistic::Scale => "σ".into(),
    };
    view
}

fn title(store: Store) -> String {
    let is_rms = store.card.get().is_some_and(|card| card.rms_norm);
    if is_recorded(store) {
        return "Scale of each token before each norm".into();
    }
    let what = if is_rms { "Root mean square" } else { "Mean and spread" };
    let when = if store.url.read().norms_after { "after" } else { "before" };
    format!("{what} of each token {when} each norm (0.1: the first of layer 0)")
}

/// The layer of a site.
fn site_layer(site: &str) -> Option<u16> {
    site.strip_prefix("blocks.")?.split('.').next()?.parse().ok()
}

/// The norm whose weights are shown: the first of the chosen layer.
fn chosen_site(store: Store) -> String {
    format!("blocks.{}.ln1", store.focus.get().layer)
}

fn before_after(store: Store) -> El {
    let button = move |name: &str, testid: &str, after: bool| {
        let chosen = move || store.url.read().norms_after == after;
        choice("switch", testid, name, chosen, move || {
            store.choose(|url| url.norms_after = after);
        })
    };
    el!(div class="switches" role="group" aria-label="Where the vectors are measured")
        .child(button("Before", "norms-before", false))
        .child(button("After", "norms-after", true))
}

/// γ and β of the chosen layer's first norm.
fn weights(store: Store) -> El {
    let spec = derive(move || {
        let card = store.card.get()?;
        let site = chosen_site(store);
        let weights = norms::weights(&card, &site)?;
        let mut lines = vec![Line::of_values("γ", 0, &weights.gain)];
        if !weights.bias.is_empty() {
            lines.push(Line::of_values("β", 1, &weights.bias));
        }
        let names = if weights.bias.is_empty() { "γ" } else { "γ and β" };
        Some(ChartSpec {
            title: format!("{names} of layer {}, first norm", store.focus.read().layer),
            x_name: "dimensions".into(),
            y_name: names.into(),
            lines,
            is_x_whole: true,
            ..ChartSpec::default()
        })
    });
    el!(div class="norm-weights" data-testid="norms-weights")
        .child(chart(spec, "norms-weights-chart"))
}

/// The dimensions that stand out in the chosen layer.
fn outliers(store: Store) -> El {
    let labels = trace_labels(store);
    let found = derive(move || {
        let card = store.card.get()?;
        norms::outliers(&store.trace.read().trace, &card, &chosen_site(store))
    });
    let rows = part(move || {
        let labels = labels.read();
        let found = found.get().unwrap_or_default();
        found.iter().take(6).map(|outlier| outlier_view(outlier, &labels)).collect()
    });
    let words = move || match &*found.read() {
        None => String::new(),
        Some(found) if found.is_empty() => "None reaches six.".into(),
        Some(found) if found.len() > 6 => format!("and {} more", found.len() - 6),
        Some(_) => String::new(),
    };
    let layer = move || format!(" dimensions of layer {}", store.focus.read().layer);
    let name = |name: &str| el!(th scope="col").child(name);
    let names = el!(tr).child(name("dimension")).child(name("× scale")).child(name("at"));
    let table =
        el!(table class="data").child(el!(thead).child(names)).child(el!(tbody).child(rows));
    el!(div class="outliers" data-testid="norms-outliers")
        .child(el!(p class="hint").child(term("outlier")).text(layer))
        .child(table)
        .child(el!(p class="hint").text(words))
}

fn outlier_view(outlier: &Outlier, labels: &[String]) -> View {
    let token = labels.get(outlier.token).map_or("", String::as_str);
    el!(tr)
        .child(el!(th scope="row" class="num").child(outlier.dimension.to_string()))
        .child(el!(td class="num").child(format::three(outlier.magnitude)))
        .child(el!(td).child(el!(bdi class="token-text").child(token)))
        .into()
}
