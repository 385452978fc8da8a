//! The logit lens: what the model would predict if it stopped after each layer.
//! (nostalgebraist 2020, "interpreting GPT: the logit lens".)

use crate::explorer::{is_causal, is_recorded};
use crate::format;
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::parts::chart;
use crate::parts::dom::{View, either, el, part};
use crate::parts::frame::{Hooks, Kit, fixed, panel};
use crate::parts::plot::{ChartSpec, Line};
use crate::protocol::LensRow;
use crate::state::cell::derive;
use crate::state::{Store, use_store};

/// The panel; only for models that predict a next token.
pub fn lens() -> View {
    let store = use_store();
    let is_causal = is_causal(store);
    let kind = derive(move || (is_causal.get(), is_recorded(store)));
    either(kind, |kind| match kind {
        (_, true) => vec![lens_of_none()],
        (true, false) => vec![lens_panel()],
        (false, false) => Vec::new(),
    })
}

fn lens_of_none() -> View {
    let explain = &["The lens needs the model’s unembedding, which a recorded run does not hold."];
    let kit = Kit { id: "lens", explain, table: None, picture: None, hooks: None };
    let words = "The logit lens needs the model’s unembedding: load the model and type the text.";
    panel(kit, fixed("What each layer would say"), None)
        .child(el!(p class="hint").child(words))
        .done()
}

fn lens_panel() -> View {
    let store = use_store();
    let spec = derive(move || {
        let rows = store.lens.read();
        let layer = store.focus.read().layer;
        (!rows.is_empty()).then(|| chart(&rows, layer))
    });
    let numbers = move || {
        let rows = store.lens.read_untracked();
        (!rows.is_empty()).then(|| table(&rows))
    };
    let explain = &[
        "The unembedding turns the stream after the last layer into logits. Applied to the stream of an earlier layer it shows what the model leans to at that depth.",
        "The line is the probability that each layer gives to the token which the last layer puts first.",
        "Below it: the favourite of the layer that is chosen, and how sure it is.",
    ];
    let hooks: Hooks = Some(Box::new(|| vec!["blocks.*.hook_resid_pre".into()]));
    let kit = Kit { hooks, ..Kit::of_chart("lens", explain, spec, numbers) };
    let favourite = part(move || favourite(store).unwrap_or_default());
    let title = derive(move || {
        let (at, tokens) = (store.wants.read().lens_at, store.tokens.read());
        match at.and_then(|at| tokens.get(at as usize)) {
            Some(token) => {
                format!("What each layer would say after “{}”", label(&token.text, 16))
            }
            None => "What each layer would say".to_owned(),
        }
    });
    panel(kit, title, None)
        .child(chart::chart(spec, "lens-chart"))
        .child(el!(p class="hint lens-favourite").child(favourite))
        .done()
}

fn favourite(store: Store) -> Option<Vec<View>> {
    let rows = store.lens.read();
    let layer = store.focus.read().layer;
    let row = rows.get(layer)?;
    let best = row.top.first()?;
    let rank = format::ordinal(row.rank_of_final + 1);
    let sure =
        format!(" ({}); the final favourite (the line) comes {rank}.", format::three(best.logit));
    Some(vec![
        el!(span).child(format!("Before layer {layer} it leans to ")).into(),
        el!(bdi class="token-text").child(label(&best.text, 16)).into(),
        el!(span).child(sure).into(),
    ])
}

fn chart(rows: &[LensRow], layer: usize) -> ChartSpec {
    let points = |of: fn(&LensRow) -> f32| {
        rows.iter().enumerate().map(|(idx, row)| (idx as f32, of(row))).collect()
    };
    ChartSpec {
        title: "Probability of the final favourite at each layer".into(),
        x_name: "layers".into(),
        y_name: "probability".into(),
        lines: vec![Line {
            name: "final favourite".into(),
            color: 0,
            points: points(|row| row.p_of_final),
        }],
        y_range: Some((0.0, 1.0)),
        is_x_whole: true,
        marker: Some(layer as f32),
        ..ChartSpec::default()
    }
}

fn table(rows: &[LensRow]) -> Table {
    let columns =
        ["read at", "favourite", "its probability", "entropy", "rank of final", "p of final"];
    let rows = rows.iter().map(|row| {
        let best = row.top.first();
        vec![
            row.hook.clone(),
            best.map(|best| best.text.clone()).unwrap_or_default(),
            best.map(|best| format::plain(best.logit)).unwrap_or_default(),
            format::plain(row.entropy),
            (row.rank_of_final + 1).to_string(),
            format::plain(row.p_of_final),
        ]
    });
    Table {
        caption: "Logit lens".into(),
        columns: columns.map(Into::into).to_vec(),
        rows: rows.collect(),
    }
}
