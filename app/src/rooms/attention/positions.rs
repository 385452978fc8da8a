//! The sinusoids: all positions, a pair of columns as waves, and how alike positions are.

use std::rc::Rc;

use crate::format;
use crate::lens::rooms::attention::{heat_map, product_chart, wave_chart, wave_words};
use crate::parts::chart::chart;
use crate::parts::dom::{El, el};
use crate::parts::matrix::{Acts, Cell, Cursor};
use crate::rooms::Visit;
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::derive;

/// Heat-map, waves and products; a click on the heat-map chooses the column.
pub fn view(visit: Visit) -> El {
    let d = derive(move || visit.number("d") as usize);
    let column = derive(move || (visit.number("column") as usize).min(d.get().saturating_sub(1)));
    let choose = move |(_, column): Cell| {
        visit.turn("column", &format::plain(column as f32));
    };
    let acts =
        Rc::new(Acts { hover: Box::new(|_| {}), pin: Box::new(choose), move_to: Box::new(choose) });
    let cursor = derive(move || -> Cursor { (None, Some(column.get())) });
    let map = plate(Plate {
        symbol: "PE",
        title: derive(|| "PE: a row a position, columns from fast to slow".to_owned()),
        view: derive(move || Some(heat_map(d.get()))),
        testid: "attention-sinusoid",
        max_cell: 12.0,
        cursor: Some((cursor, acts)),
    });
    let wave = derive(move || Some(wave_chart(d.get(), column.get())));
    let alike = derive(move || Some(product_chart(d.get())));
    let words = move || wave_words(d.get(), column.get());
    let titled = |title: El, drawn: El| el!(div class="attention-chart").child(title).child(drawn);
    let name = |spec: crate::state::cell::Derived<Option<crate::parts::plot::ChartSpec>>| {
        el!(p class="hint").text(move || (*spec.read()).as_ref().map(|spec| spec.title.clone()))
    };
    el!(div class="attention-positions")
        .child(map)
        .child(
            el!(div class="attention-charts")
                .child(titled(name(wave), chart(wave, "attention-wave")))
                .child(titled(name(alike), chart(alike, "attention-products"))),
        )
        .child(el!(p class="hint" data-testid="attention-wavelength").text(words))
}
