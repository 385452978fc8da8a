//! How much each token surprised the model.

use crate::format;
use crate::lens::table::Table;
use crate::lens::tokens::labels;
use crate::parts::chart::chart;
use crate::parts::dom::{Child, View, either, el, part, show};
use crate::parts::frame::{Hooks, Kit, panel};
use crate::parts::plot::{ChartSpec, Line};
use crate::parts::term::term;
use crate::protocol::ToWorker;
use crate::state::cell::derive;
use crate::state::{Hover, Store, use_store};

/// The panel.
pub fn loss() -> View {
    let store = use_store();
    let spec = derive(move || spec(store));
    let numbers = move || {
        let tokens = store.tokens.get_untracked();
        let losses = store.losses.read_untracked();
        let rows = tokens.iter().zip(losses.iter()).map(|(token, loss)| {
            vec![token.text.clone(), loss.map(format::plain).unwrap_or_default()]
        });
        Some(Table {
            caption: "Loss of each token, nats".into(),
            columns: vec!["token".into(), "loss".into()],
            rows: rows.collect(),
        })
    };
    let explain = &[
        "The loss of a token is −ln of the probability that the model gave it, seeing only the tokens before. 0 would be certainty; ln of the vocabulary’s size is a blind guess.",
        "The first token has none: there is nothing before it.",
        "A model that fills gaps sees both sides: here each token alone is masked, and its loss is −ln of the probability at its place given all others. The sum is the text’s pseudo-log-likelihood.",
    ];
    let hooks: Hooks = Some(Box::new(|| vec!["logits".into()]));
    let kit = Kit { hooks, ..Kit::of_chart("loss", explain, spec, numbers) };
    let list = el!(ol class="losses")
        .when("pointerleave", move || store.preview(Hover::default()))
        .child(part(move || bars(store)));
    let frame =
        el!(div class="losses-frame" tabindex="0" role="region" aria-label="Loss of each token")
            .child(list);
    let words = el!(p class="hint").child(term("loss")).child(" ").text(move || mean(store));
    let right = el!(div).child(words).child(chart(spec, "loss-chart"));
    let can_mask = derive(move || store.card.get().is_some_and(|card| card.can_mask()));
    let title = derive(move || {
        let when = if can_mask.get() { " when it alone is masked" } else { "" };
        format!("How much each token surprises the model{when}")
    });
    let tools = el!(div).child(show(move || can_mask.get(), move || in_turn(store)));
    panel(kit, title, Some(tools)).child(el!(div class="halves").child(frame).child(right)).done()
}

fn spec(store: Store) -> Option<ChartSpec> {
    let losses = store.losses.read();
    let known = losses.iter().enumerate().filter_map(|(idx, loss)| Some((idx as f32, (*loss)?)));
    let points: Vec<(f32, f32)> = known.collect();
    if points.is_empty() {
        return None;
    }
    Some(ChartSpec {
        title: "Loss of each token".into(),
        x_name: "tokens".into(),
        y_name: "nats".into(),
        lines: vec![Line { name: "−ln p".into(), color: 0, points }],
        is_x_whole: true,
        marker: store.focus.read().query.map(|query| query as f32),
        ..ChartSpec::default()
    })
}

fn mean(store: Store) -> Option<String> {
    let losses = store.losses.read();
    let known: Vec<f32> = losses.iter().copied().flatten().filter(|l| l.is_finite()).collect();
    if known.is_empty() {
        return None;
    }
    let mean = known.iter().sum::<f32>() / known.len() as f32;
    let (mean, perplexity) = (format::three(mean), format::three(mean.exp()));
    let sum = format::three(-known.iter().sum::<f32>());
    let is_masked = store.card.read().as_ref().as_ref().is_some_and(|card| card.can_mask());
    Some(if is_masked {
        format!("Pseudo-log-likelihood {sum}, mean {mean} nats, pseudo-perplexity {perplexity}.")
    } else {
        format!("Mean {mean} nats, perplexity {perplexity}.")
    })
}

/// Masks each token in turn, and stops that.
fn in_turn(store: Store) -> View {
    let progress = move || {
        let losses = store.losses.read();
        let n_done = losses.iter().flatten().count();
        let n_all = store.tokens.read().iter().filter(|token| !token.special).count();
        if store.masking.get() {
            Some(format!("{n_done} of {n_all}"))
        } else if n_done == 0 {
            Some("Nothing has been masked yet.".into())
        } else {
            None
        }
    };
    let masking = derive(move || store.masking.get());
    let button = either(masking, move |is_masking| {
        let stop = move || {
            store.post(&ToWorker::Stop);
            store.masking.set(false);
        };
        vec![if is_masking {
            el!(button type="button" class="act" data-testid="mask-stop")
                .when("click", stop)
                .child("Stop")
                .into()
        } else {
            el!(button type="button" class="act" data-testid="mask-each")
                .flag("disabled", move || store.tokens.read().is_empty())
                .when("click", move || store.mask_each())
                .child("Mask each token in turn")
                .into()
        }]
    });
    vec![el!(span class="hint num" role="status").text(progress).into(), button].into_node()
}

fn bars(store: Store) -> Vec<View> {
    let tokens = store.tokens.get();
    let losses = store.losses.read();
    let most = losses.iter().copied().flatten().filter(|l| l.is_finite()).fold(1.0, f32::max);
    let shown = labels(&tokens, 16).into_iter().zip(losses.iter()).enumerate();
    shown.map(|(idx, (label, loss))| loss_view(store, idx, label, *loss, most)).collect()
}

fn loss_view(store: Store, idx: usize, label: String, loss: Option<f32>, most: f32) -> View {
    let height = loss.map_or(0.0, |loss| (loss / most).clamp(0.0, 1.0) * 100.0);
    let height = format::trimmed(height.into()) + "%";
    let number = loss.map_or("·".into(), format::three);
    let is_focused = derive(move || store.focus.read().query == Some(idx));
    let hover = Hover { query: Some(idx as u32), ..Hover::default() };
    // A token of which nothing was said in advance has no bar, not even a low one.
    let visibility = if loss.is_some() { "visible" } else { "hidden" };
    let fill =
        el!(span class="loss-fill").styled("height", &height).styled("visibility", visibility);
    el!(li class="loss")
        .class("focused", move || is_focused.get())
        .when("pointerenter", move || store.preview(hover))
        .child(el!(span class="num").child(number))
        .child(el!(span class="loss-track" aria-hidden="true").child(fill))
        .child(el!(bdi class="token-text").child(label))
        .into()
}
