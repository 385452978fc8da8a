//! Matrices of the weights as heat-maps, and their singular values; of each attention also what a
//! head's matrices do together. (Elhage et al. 2021, "A Mathematical Framework for Transformer
//! Circuits"; Martin and Mahoney 2021 on what spectra say, arXiv 1810.01075.)

use web_sys::Event;

use crate::explorer::cells::{self, labelled, number, own_cursor};
use crate::format;
use crate::lens::table::Table;
use crate::lens::weights::{self, Choice};
use crate::parts::chart::chart;
use crate::parts::dom::{El, View, el, part, value_of};
use crate::parts::frame::{Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::state::cell::{Derived, derive};
use crate::state::{Store, use_store};

/// The panel.
pub fn weights() -> View {
    let store = use_store();
    let choices = derive(move || {
        let card = store.card.get();
        let url = store.url.read();
        card.map(|card| weights::choices(&card, layer_of(store), url.head.into()))
            .unwrap_or_default()
    });
    let chosen =
        derive(move || weights::chosen(&choices.read(), &store.url.read().matrix).cloned());
    cells::follow(store, derive(move || chosen.get().map(|choice| choice.name)), true);
    let view = derive(move || {
        let (cells, choice) = (store.cells.get(), chosen.get()?);
        let is_it = cells.part.name == choice.name;
        weights::matrix(&cells.part, &cells.values, cells.part.stored_as.is_empty())
            .filter(|_| is_it)
    });
    let title = derive(move || match chosen.get() {
        Some(choice) => title(store, &choice),
        None => "Weights".into(),
    });
    let explain = &[
        "A part of one matrix as the file holds it, dequantised: outputs are rows, inputs columns; of a table of tokens or positions each row is one of those. Blue is positive, red negative.",
        "W_Qᵀ·W_K of a head scores the direction of one token (row) against that of another (column); W_O·W_V says what a direction that is looked at (column) becomes where it is written (row). Biases, gains of norms and rotations are left out: of a model with rotary positions this is the product at distance 0.",
        "Singular values say by how much the matrix stretches the directions it stretches most, next most, and so on. A steep fall means that few directions do the work.",
    ];
    let kit = Kit::of_matrix("weights", explain, view, title);
    let (cursor, acts) = own_cursor();
    let testid = "weights-matrix";
    let spec = Matrix { view, cursor, name: title, testid, square: false, max_cell: 28.0 };
    let shape = derive(move || chosen.get().map(|choice| choice.shape));
    let left = el!(div).child(tools(store, choices, chosen, shape)).child(matrix(spec, &acts));
    let halves = el!(div class="halves").child(left).child(spectrum(store, chosen));
    panel(kit, title, None).child(halves).done()
}

/// The page's layer, as far as the model has it. What the pointer previews elsewhere is left out:
/// each look at a matrix is a read from the files.
fn layer_of(store: Store) -> usize {
    let n_layers = store.card.get().map_or(1, |card| card.n_layers.max(1)) as usize;
    usize::from(store.url.read().layer).min(n_layers - 1)
}

fn title(store: Store, choice: &Choice) -> String {
    let (n_rows, n_cols) = choice.shape;
    let of =
        if choice.is_per_layer { format!(" of layer {}", layer_of(store)) } else { String::new() };
    let stored = store.cells.get().part.stored_as.clone();
    let stored = if stored.is_empty() { stored } else { format!(", stored as {stored}") };
    format!("{}{of}: {n_rows} × {n_cols}{stored}", choice.label)
}

fn tools(
    store: Store,
    choices: Derived<Vec<Choice>>,
    chosen: Derived<Option<Choice>>,
    shape: Derived<Option<(u32, u32)>>,
) -> El {
    let options = part(move || {
        let now = chosen.read();
        choices
            .read()
            .iter()
            .map(|choice| {
                let is_it = (*now).as_ref().is_some_and(|now| now.key == choice.key);
                el!(option)
                    .set("value", &choice.key)
                    .prop("selected", move || is_it)
                    .child(choice.label.as_str())
                    .into()
            })
            .collect()
    });
    let select = el!(select data-testid="weights-choice")
        .on("change", move |event: Event| {
            let key = value_of(&event);
            store.choose(|url| {
                url.matrix.clone_from(&key);
                url.cells = (0, 0);
            });
        })
        .child(options);
    let n_layers = move || store.card.get().map_or(1, |card| card.n_layers.max(1));
    let layer = number(
        "Layer of the matrix",
        "cells-layer",
        move || layer_of(store) as u32,
        move || n_layers() - 1,
        move |layer| store.choose(|url| url.layer = layer.min(n_layers() - 1) as u16),
    );
    el!(div class="cells-tools")
        .class("unseen", move || chosen.read().is_none())
        .child(labelled("matrix", select))
        .child(labelled("layer", layer))
        .child(cells::place(store, shape))
}

/// Singular values, on an axis of powers of ten.
fn spectrum(store: Store, chosen: Derived<Option<Choice>>) -> View {
    let own = derive(move || {
        let (all, choice) = (store.spectrum.get(), chosen.get()?);
        (all.name == choice.name).then_some(all)
    });
    let label = move || chosen.get().map(|choice| choice.label).unwrap_or_default();
    let spec = derive(move || own.get().and_then(|all| weights::chart(&all.values, &label())));
    let title = derive(move || format!("Singular values of {}", label()));
    let numbers = move || {
        let all = own.get_untracked()?;
        let rows = all.values.iter().enumerate();
        Some(Table {
            caption: title.get_untracked(),
            columns: vec!["rank".into(), "singular value".into()],
            rows: rows.map(|(at, &v)| vec![(at + 1).to_string(), format::plain(v)]).collect(),
        })
    };
    let explain = &[
        "The singular values of the whole matrix, largest first, computed in double precision from its file. The axis is one of powers of ten.",
        "The stable rank is the sum of their squares divided by the largest square: the number of directions that would do if all were stretched equally.",
    ];
    let kit = Kit::of_chart("spectrum", explain, spec, numbers);
    let words = move || {
        let all = own.get()?;
        if let Some(why) = &all.why_not {
            return Some(format!("{why}."));
        }
        if all.done < 1.0 {
            let percent = format::fixed(f64::from(all.done) * 100.0, 0);
            return Some(format!("Computing the singular values: {percent} %"));
        }
        let n = all.values.len();
        let found = weights::summary(&all.values)?;
        Some(format!(
            "{n} values from {} to {}, stable rank {}; the first {} hold nine tenths of the squares.",
            format::three(found.largest),
            format::three(found.smallest),
            format::three(found.stable_rank),
            found.n_for_most,
        ))
    };
    panel(kit, title, None)
        .child(chart(spec, "spectrum-chart"))
        .child(el!(p class="hint" data-testid="spectrum-words").text(words))
        .done()
}
