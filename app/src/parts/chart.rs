//! A line chart on the page.

use crate::parts::dom::{El, View, el, part};
use crate::parts::plot::{self, ChartSpec, Mark, Role};
use crate::parts::size::use_size;
use crate::parts::svg::{path_data, scaled};
use crate::parts::symbol::with_indices;
use crate::state::cell::Derived;

/// A chart that fills its space; a shape stands in while there is nothing to draw.
pub fn chart(spec: Derived<Option<ChartSpec>>, testid: &str) -> El {
    let frame = el!(div class="chart-frame");
    let size = use_size(&frame);
    let marks = part(move || {
        let (width, height) = size.get();
        let spec = spec.read();
        let drawn = (*spec).as_ref().map(|spec| plot::draw(spec, width, height));
        drawn.unwrap_or_default().into_iter().map(mark_view).collect()
    });
    let keys = part(move || match &*spec.read() {
        Some(spec) => spec.lines.iter().map(key_view).collect(),
        None => Vec::new(),
    });
    let name = move || match &*spec.read() {
        Some(spec) => spec.title.clone(),
        None => "Nothing is drawn yet".into(),
    };
    let axes = part(move || match &*spec.read() {
        Some(spec) => with_indices(&format!("{} over {}", spec.y_name, spec.x_name)),
        None => Vec::new(),
    });
    let svg = el!(svg class="chart-svg" role="img")
        .attr("aria-label", name)
        .set("data-testid", testid)
        .child(marks);
    let legend =
        el!(figcaption class="legend").child(keys).child(el!(span class="legend-name").child(axes));
    el!(figure class="chart")
        .class("waiting", move || spec.read().is_none())
        .child(frame.child(svg))
        .child(legend)
}

fn key_view(line: &plot::Line) -> View {
    let swatch = el!(i).set("class", Role::Series(line.color).class());
    el!(span class="key").child(swatch).child(el!(span).child(with_indices(&line.name))).into()
}

fn mark_view(mark: Mark) -> View {
    match mark {
        Mark::Path { role, points } => {
            el!(path).set("class", role.class()).set("d", &path_data(&points)).into()
        }
        Mark::Text { text, at, anchor } => el!(text class="plot-label" dominant-baseline="middle")
            .set("x", &scaled(at.0))
            .set("y", &scaled(at.1))
            .set("text-anchor", anchor)
            .child(text)
            .into(),
    }
}
