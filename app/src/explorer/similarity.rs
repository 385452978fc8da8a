//! Sentences compared by their embeddings (encoders): the cosine of every pair.

use std::sync::Arc;

use leptos::prelude::*;

use crate::explorer::norms::table;
use crate::lens::attention::MatrixView;
use crate::lens::tokens::label;
use crate::palette::{Map, Scale};
use crate::parts::frame::{Kit, Panel};
use crate::parts::matrix::{Acts, Matrix};
use crate::parts::svg;
use crate::protocol::ToWorker;
use crate::state::url::Tab;
use crate::state::{self, use_store};

/// Sentences that are there already.
const FIRST_SENTENCES: &str = "The cat sits on the mat.\nA kitten rests on a rug.\nThe stock market fell today.\nShares lost value this morning.";
/// As many as are compared at once.
const MAX_SENTENCES: usize = 24;

/// The panel.
#[component]
pub fn Similarity() -> AnyView {
    let store = use_store();
    let text = RwSignal::new(FIRST_SENTENCES.to_owned());
    let view = Memo::new(move |_| matrix(&store.similarity.read()).map(Arc::new));
    let title = "How alike the sentences are: cosine of their embeddings";
    let col = RwSignal::new((None, None));
    let set = move |cell: Option<(usize, usize)>| {
        col.set(cell.map_or((None, None), |(row, at)| (Some(row), Some(at))));
    };
    let acts = Acts {
        hover: Callback::new(set),
        pin: Callback::new(move |cell| set(Some(cell))),
        move_to: Callback::new(move |cell| set(Some(cell))),
    };
    let kit = Kit {
        id: "similarity",
        explain: &[
            "The model turns each sentence into one vector: the mean of its tokens' last vectors, scaled to length 1. The number is the cosine of the angle between two of them: 1 for the same direction, about 0 for nothing in common.",
        ],
        table: Some(Callback::new(move |()| view.get_untracked().map(|view| table(&view, title)))),
        picture: Some(Callback::new(move |()| {
            svg::matrix(&*view.get_untracked()?, title, store.dark.get_untracked())
        })),
        hooks: None,
    };
    let compare = move |_| {
        let texts: Vec<String> = text
            .get_untracked()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .take(MAX_SENTENCES)
            .map(Into::into)
            .collect();
        store.post(&ToWorker::Compare { texts });
    };
    view! {
        <Panel kit title>
            <div class="halves">
                <div class="sentences">
                    <label for="sentences" class="hint">{"One sentence a line, up to 24"}</label>
                    <textarea
                        id="sentences"
                        data-testid="similarity-texts"
                        rows="5"
                        dir="auto"
                        spellcheck="false"
                        prop:value=text
                        on:input=move |event| text.set(event_target_value(&event))
                    ></textarea>
                    <button type="button" class="act" data-testid="similarity-compare" on:click=compare>
                        {"Compare"}
                    </button>
                </div>
                <Matrix view cursor=col name=title acts testid="similarity-matrix" max_cell=44.0 />
            </div>
        </Panel>
    }
    .into_any()
}

fn matrix(similarity: &state::Similarity) -> Option<MatrixView> {
    let n = similarity.texts.len();
    if n == 0 || similarity.cosines.len() != n * n {
        return None;
    }
    let labels: Vec<String> = similarity.texts.iter().map(|text| label(text, 12)).collect();
    let min = similarity.cosines.iter().copied().filter(|c| c.is_finite()).fold(0.0, f32::min);
    let scale = if min < -0.05 {
        Scale { map: Map::Diverging, min: -1.0, ..Scale::UNIT }
    } else {
        Scale::UNIT
    };
    Some(MatrixView {
        n_rows: n,
        n_cols: n,
        values: similarity.cosines.clone(),
        masked: Vec::new(),
        row_labels: labels.clone(),
        col_labels: labels,
        scale,
        quantity: "cosine".into(),
    })
}

/// Where other models show the next token: what an encoder is for, and the way there.
#[component]
pub fn Pooled() -> AnyView {
    let store = use_store();
    let kit = Kit {
        id: "predictions",
        explain: &[
            "An encoder reads the whole text at once and predicts no next token. It turns a text into one vector, so that texts can be compared.",
        ],
        table: None,
        picture: None,
        hooks: Some(Callback::new(|()| vec!["last_hidden_state".into()])),
    };
    view! {
        <Panel kit title="What this model is for">
            <p>
                {"This model reads the whole text at once: every token looks at every other. It predicts no next token; it turns a text into one vector, so that texts can be compared."}
            </p>
            <p>
                <button
                    type="button"
                    class="act"
                    on:click=move |_| store.choose(|url| url.tab = Tab::Similarity)
                >
                    {"Compare sentences"}
                </button>
            </p>
        </Panel>
    }
    .into_any()
}
