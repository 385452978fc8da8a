//! A line chart on the page.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;

use crate::parts::plot::{self, ChartSpec, Mark, Role};
use crate::parts::size::use_size;
use crate::parts::svg::{path_data, scaled};

/// A chart that fills its space; a shape stands in while there is nothing to draw.
#[component]
pub fn Chart(
    /// What is drawn.
    #[prop(into)]
    spec: Signal<Option<Arc<ChartSpec>>>,
    /// For tests.
    testid: &'static str,
) -> AnyView {
    let frame = NodeRef::<html::Div>::new();
    let size = use_size(frame);
    let marks = move || {
        let (width, height) = size.get();
        let drawn = spec.read().as_ref().map(|spec| plot::draw(spec, width, height));
        drawn.unwrap_or_default().into_iter().map(mark_view).collect::<Vec<_>>()
    };
    let name = move || spec.read().as_ref().map(|spec| spec.title.clone()).unwrap_or_default();
    let legend = move || {
        let spec = spec.get()?;
        let names = spec.lines.iter().map(|line| {
            let class = Role::Series(line.color).class();
            let name = line.name.clone();
            view! { <span class="key"><i class=class></i>{name}</span> }.into_any()
        });
        Some(names.collect::<Vec<_>>())
    };
    let axes =
        move || spec.read().as_ref().map(|spec| format!("{} over {}", spec.y_name, spec.x_name));
    view! {
        <figure class="chart" class:waiting=move || spec.read().is_none()>
            <div class="chart-frame" node_ref=frame>
                <svg class="chart-svg" role="img" aria-label=name data-testid=testid>{marks}</svg>
            </div>
            <figcaption class="legend">{legend}<span class="legend-name">{axes}</span></figcaption>
        </figure>
    }
    .into_any()
}

fn mark_view(mark: Mark) -> AnyView {
    match mark {
        Mark::Path { role, points } => {
            view! { <path class=role.class() d=path_data(&points)></path> }.into_any()
        }
        Mark::Text { text, at, anchor } => view! {
            <text class="plot-label" x=scaled(at.0).to_string() y=scaled(at.1).to_string() text-anchor=anchor dominant-baseline="middle">
                {text}
            </text>
        }
        .into_any(),
    }
}
