//! What the worker says, put into the store. Answers to an older run are dropped.

use std::sync::Arc;

use wasm_bindgen::JsValue;

use crate::host;
use crate::lens::trace::Trace;
use crate::protocol::{
    Attention, Fault, FaultPlace, FromWorker, ModelCard, ModelSource, RunId, ToWorker, TokenView,
};
use crate::state::{Cells, Comparison, Expected, RunTrace, Similarity, Spectrum, Store};

/// Applies one message.
pub fn receive(store: Store, message: FromWorker, attachment: &JsValue) {
    let is_current = |run: RunId| run == store.run.get_untracked();
    match message {
        FromWorker::Engine(info) => store.engine.set(Some(info)),
        FromWorker::Models(offers) => {
            store.offers.set(offers);
            first_load(store);
        }
        FromWorker::Progress(progress) => store.progress.set(Some(progress)),
        FromWorker::Loaded(card) => loaded(store, *card),
        FromWorker::Tokens { run, tokens, notice } if is_current(run) => {
            if tokens.is_empty() {
                forget_run(store);
            }
            store.tokens.set(Arc::new(tokens));
            store.notice.set(notice);
        }
        FromWorker::Ran(report) if is_current(report.run) => {
            store.ended_run.set(report.run);
            store.report.set(Some(report));
        }
        FromWorker::Trace { run } if is_current(run) => {
            match Trace::from_safetensors(&host::bytes(attachment)) {
                Ok(trace) => store.traced.set(RunTrace {
                    run,
                    trace: Arc::new(trace),
                    tokens: store.tokens.get_untracked(),
                    keys: match store.attention.get_untracked() {
                        Attention::Own => store.tokens.get_untracked(),
                        _ => store.source.get_untracked(),
                    },
                }),
                Err(what) => fault(store, FaultPlace::Panel, what, "Change the text, or reload."),
            }
        }
        FromWorker::Predictions(predictions) if is_current(predictions.run) => {
            let logits = host::floats(attachment).into();
            store.expected.set(Some(Expected { predictions, logits }));
        }
        FromWorker::Lens { run, rows, .. } if is_current(run) => store.lens.set(rows),
        FromWorker::Losses { run, losses } if is_current(run) => {
            let is_known =
                |(token, loss): (&TokenView, &Option<f32>)| token.special || loss.is_some();
            if store.tokens.read_untracked().iter().zip(&losses).all(is_known) {
                store.masking.set(false);
            }
            store.losses.set(losses);
        }
        FromWorker::Masked { run, places } if is_current(run) => store.masked.set(places),
        FromWorker::Source { run, tokens, notice } if is_current(run) => {
            store.source.set(Arc::new(tokens));
            store.source_notice.set(notice);
        }
        FromWorker::Written(written) if is_current(written.run) => {
            if written.is_done {
                store.said.set(format!("Written: {}", written.text));
            }
            store.written.set(Arc::new(*written));
        }
        FromWorker::Changed(changed) if is_current(changed.run) => {
            store.changed.set(Some(changed));
        }
        FromWorker::Generated { run, end } if is_current(run) => {
            store.generating.set(false);
            store.ended.set(Some(end));
        }
        FromWorker::Similarity { texts, cosines } => {
            store.similarity.set(Similarity { texts, cosines });
        }
        FromWorker::EnginesCompared { engines, relative_error, pattern_error } => {
            store.comparing.set(false);
            let run = store.run.get_untracked();
            store.comparison.set(Some(Comparison { engines, relative_error, pattern_error, run }));
        }
        FromWorker::Exported { file_name } => {
            crate::parts::export::save(&file_name, "application/octet-stream", attachment);
        }
        FromWorker::Weights(part) if is_weighed(store, &part.name) => {
            let values = host::floats(attachment).into();
            store.cells.set(Arc::new(Cells { part, values }));
            if store.weighing.read_untracked().as_ref().as_ref().is_some_and(|ask| !ask.spectrum) {
                store.weighing.set(None);
            }
        }
        FromWorker::Spectrum { name, done, values, why_not } if is_weighed(store, &name) => {
            if done >= 1.0 {
                store.weighing.set(None);
            }
            store.spectrum.set(Arc::new(Spectrum { name, done, values, why_not }));
        }
        FromWorker::WallStale => store.wall_age.update(|age| *age += 1),
        FromWorker::Fault(fault) => show_fault(store, fault),
        // Of an older run, or of another matrix.
        FromWorker::Tokens { .. }
        | FromWorker::Ran(_)
        | FromWorker::Trace { .. }
        | FromWorker::Predictions(_)
        | FromWorker::Lens { .. }
        | FromWorker::Losses { .. }
        | FromWorker::Masked { .. }
        | FromWorker::Weights(_)
        | FromWorker::Spectrum { .. }
        | FromWorker::Source { .. }
        | FromWorker::Written(_)
        | FromWorker::Changed(_)
        | FromWorker::Generated { .. } => {}
    }
}

/// Whether an answer is about the matrix that was asked for last.
fn is_weighed(store: Store, name: &str) -> bool {
    store.weighing.read_untracked().as_ref().as_ref().is_some_and(|asked| asked.name == name)
}

/// Shows a failure, once.
pub fn fault(store: Store, place: FaultPlace, what: String, advice: &str) {
    show_fault(store, Fault::new(place, what, advice));
}

fn show_fault(store: Store, fault: Fault) {
    match fault.place {
        FaultPlace::Model => store.progress.set(None),
        FaultPlace::Run => {
            store.generating.set(false);
            store.ended_run.set(store.run.get_untracked());
        }
        FaultPlace::Panel => {
            store.comparing.set(false);
            store.masking.set(false);
            store.weighing.set(None);
        }
        FaultPlace::Engine => {}
    }
    store.faults.update(|faults| {
        faults.retain(|known| known != &fault);
        faults.push(fault);
        // Older ones step aside: the last three fit on screen.
        let n_old = faults.len().saturating_sub(3);
        faults.drain(..n_old);
    });
}

/// The model of the URL, or the first offer.
fn first_load(store: Store) {
    let is_idle =
        store.model.read_untracked().is_none() && store.progress.read_untracked().is_none();
    if !is_idle {
        return;
    }
    let asked = store.url.read_untracked().model.clone();
    let offers = store.offers.read_untracked();
    let first = offers.first().map(|offer| ModelSource::Bundled(offer.name.clone()));
    if let Some(source) = asked.or(first) {
        store.load(source);
    }
}

fn loaded(store: Store, card: ModelCard) {
    store.progress.set(None);
    store.said.set(format!("{} is ready", card.title));
    store.faults.update(|faults| faults.retain(|fault| fault.place != FaultPlace::Model));
    let source = card.source.clone();
    let is_first = store.model.read_untracked().is_none();
    store.weighing.set(None);
    forget_run(store);
    store.comparison.set(None);
    store.model.set(Some(Arc::new(card)));
    let change = |url: &mut crate::state::url::UrlState| {
        if url.model != source && (url.model.is_some() || !is_first) {
            url.model = source;
            // Other models cut the text elsewhere, and write in another language.
            url.masks.clear();
            url.target = None;
        }
    };
    store.adjust(change);
    store.post(&ToWorker::Want(store.wants.get_untracked()));
    store.run_text();
}

/// What the panels show of the last run goes: there is no text, or another model.
fn forget_run(store: Store) {
    store.expected.set(None);
    store.lens.set(Vec::new());
    store.losses.set(Vec::new());
    store.masked.set(Vec::new());
    store.traced.set(RunTrace::default());
    store.written.set(Arc::default());
}
