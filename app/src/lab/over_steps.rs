//! A quantity of several places over the steps: lines, and a map of places by steps.

use crate::explorer::own_cursor;
use crate::lens::attention::MatrixView;
use crate::lens::lab::over_steps::OverSteps;
use crate::parts::chart::chart;
use crate::parts::dom::{El, View};
use crate::parts::frame::{Kit, panel};
use crate::parts::matrix::{Matrix, matrix};
use crate::parts::plot::ChartSpec;
use crate::parts::svg;
use crate::state::cell::Derived;
use crate::state::use_store;

/// What a panel shows.
pub struct Shown {
    /// Of the panel.
    pub id: &'static str,
    /// Of its map, and of its lines.
    pub testids: [&'static str; 2],
    /// What it says about itself.
    pub explain: &'static [&'static str],
    /// The heading.
    pub title: Derived<String>,
    /// The map.
    pub view: Derived<Option<MatrixView>>,
    /// The lines.
    pub spec: Derived<Option<ChartSpec>>,
}

/// The panel. `numbers` are those of the table.
pub fn over_steps(shown: Shown, numbers: fn() -> OverSteps, tools: El) -> View {
    let Shown { id, testids: [map_id, lines_id], explain, title, view, spec } = shown;
    let store = use_store();
    let picture = move || {
        let view = view.read_untracked();
        svg::matrix((*view).as_ref()?, &title.read_untracked(), store.dark.get_untracked())
    };
    let kit = Kit {
        id,
        explain,
        table: Some(Box::new(move || numbers().table())),
        picture: Some(Box::new(picture)),
        hooks: None,
    };
    let (cursor, acts) = own_cursor();
    let spec_of_map =
        Matrix { view, cursor, name: title, testid: map_id, square: false, max_cell: 24.0 };
    panel(kit, title, None)
        .child(tools)
        .child(chart(spec, lines_id))
        .child(matrix(spec_of_map, &acts))
        .done()
}
