//! Sentences compared by their embeddings (encoders): the cosine of every pair, the visitor's text
//! first. Whatever is typed is compared at once.

use std::rc::Rc;

use web_sys::Event;

use crate::lens::attention::MatrixView;
use crate::lens::table::Table;
use crate::lens::tokens::label;
use crate::palette::{Map, Scale};
use crate::parts::dom::{View, effect, el, value_of};
use crate::parts::frame::{Kit, fixed, panel};
use crate::parts::matrix::{Acts, Cursor, Matrix, matrix};
use crate::parts::svg;
use crate::protocol::ToWorker;
use crate::state::cell::{Var, derive};
use crate::state::url::Tab;
use crate::state::{self, use_store};

/// Sentences that are there already.
const FIRST_SENTENCES: &str = "The cat sits on the mat.\nA kitten rests on a rug.\nThe stock market fell today.\nShares lost value this morning.";
/// As many as are compared at once, beside the visitor's text.
const MAX_SENTENCES: usize = 24;

const TITLE: &str = "How alike the sentences are: cosine of their embeddings";

/// The panel.
pub fn similarity() -> View {
    let store = use_store();
    let text = Var::new(FIRST_SENTENCES.to_owned());
    let view = derive(move || cosines(&store.similarity.read()));
    let at: Var<Cursor> = Var::new((None, None));
    let set = move |cell: Option<(usize, usize)>| {
        at.set(cell.map_or((None, None), |(row, col)| (Some(row), Some(col))));
    };
    let acts = Rc::new(Acts {
        hover: Box::new(set),
        pin: Box::new(move |cell| set(Some(cell))),
        move_to: Box::new(move |cell| set(Some(cell))),
    });
    let picture = move || {
        let dark = store.dark.get_untracked();
        svg::matrix((*view.read_untracked()).as_ref()?, TITLE, dark)
    };
    let kit = Kit {
        id: "similarity",
        explain: &[
            "The model turns each sentence into one vector: the mean of its tokens’ last vectors, scaled to length 1. The number is the cosine of the angle between two of them: 1 for the same direction, about 0 for nothing in common.",
            "The first row is the text at the top of the page; the others are the lines of the box. Type in either: the numbers follow.",
        ],
        table: Some(Box::new(move || {
            let mut table =
                (*view.read_untracked()).as_ref().map(|view| Table::of_matrix(view, TITLE))?;
            table.columns[0] = "sentence".into();
            Some(table)
        })),
        picture: Some(Box::new(picture)),
        hooks: None,
    };
    let of_page = derive(move || store.url.read().text.trim().to_owned());
    effect(move || {
        let is_encoder = store.card.get().is_some_and(|card| !card.causal);
        let (of_page, lines) = (of_page.get(), text.get());
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty());
        let texts: Vec<String> = std::iter::once(of_page)
            .filter(|text| !text.is_empty())
            .chain(lines.take(MAX_SENTENCES).map(Into::into))
            .collect();
        if is_encoder {
            store.post(&ToWorker::Compare { texts });
        }
    });
    let hint = "Your text at the top is compared with these; one sentence a line, up to 24";
    let name = el!(label for="sentences" class="hint").child(hint);
    let input = el!(textarea id="sentences" data-testid="similarity-texts" rows="5" dir="auto"
        spellcheck="false")
    .value(move || text.get())
    .on("input", move |event: Event| text.set(value_of(&event)));
    let title = fixed(TITLE);
    let cursor = derive(move || at.get());
    let testid = "similarity-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: false, max_cell: 44.0 };
    let sentences = el!(div class="sentences").child(name).child(input);
    let halves = el!(div class="halves").child(sentences).child(matrix(spec, &acts));
    panel(kit, title, None).child(halves).done()
}

fn cosines(similarity: &state::Similarity) -> Option<MatrixView> {
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
        row_labels: labels.clone(),
        col_labels: labels,
        scale,
        quantity: "cosine".into(),
        ..MatrixView::default()
    })
}

/// Where other models show the next token: what an encoder is for, and the way there.
pub fn pooled() -> View {
    let store = use_store();
    let kit = Kit {
        id: "predictions",
        explain: &[
            "An encoder reads the whole text at once and predicts no next token. It turns a text into one vector, so that texts can be compared.",
        ],
        table: None,
        picture: None,
        hooks: Some(Box::new(|| vec!["last_hidden_state".into()])),
    };
    let words = "This model reads the whole text at once: every token looks at every other. It predicts no next token; it turns a text into one vector, so that texts can be compared.";
    let why = move || {
        let card = store.card.get()?;
        Some(match card.has_mlm {
            false => {
                "It has no head over the vocabulary either, so it cannot say what stands in a masked place: for that, open a masked language model (BERT, RoBERTa, DistilBERT, ESM) with its head."
            }
            true => "It could fill masked places, but its tokenizer has no mask token.",
        })
    };
    let button = el!(button type="button" class="act")
        .when("click", move || store.choose(|url| url.tab = Tab::Similarity))
        .child("Compare sentences");
    panel(kit, fixed("What this model is for"), None)
        .child(el!(p).child(words))
        .child(el!(p class="hint" data-testid="no-masks").text(why))
        .child(el!(p).child(button))
        .done()
}
