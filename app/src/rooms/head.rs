//! The head of a room: its number and year, its question, the papers, and how it is shown.

use crate::parts::dom::{El, View, el, window};
use crate::rooms::{Paper, Visit};

/// The head.
pub fn head(visit: Visit) -> El {
    let entry = visit.entry();
    let number = format!("Room {:02}", visit.room.number);
    let papers: Vec<View> = entry.papers.iter().map(cited).collect();
    el!(header class="room-head" data-part="question" tabindex="-1")
        .child(
            el!(p class="room-number num")
                .child(number)
                .child(el!(span class="hint").child(format!(" · first paper {}", entry.year))),
        )
        .child(el!(h2 id="room-title").child(entry.name))
        .child(el!(p class="room-question" data-testid="room-question").child(entry.question))
        .child(el!(ul class="papers" aria-label="Papers").child(papers))
        .child(tools(visit))
}

/// A paper with its address, where it has one.
pub fn cited(paper: &Paper) -> View {
    let cite = if paper.arxiv.is_empty() {
        el!(span).child(paper.cite)
    } else {
        let address = format!("https://arxiv.org/abs/{}", paper.arxiv);
        el!(a rel="noopener noreferrer" target="_blank")
            .set("href", &address)
            .child(format!("{}, arXiv {}", paper.cite, paper.arxiv))
    };
    el!(li class="hint").child(cite).into()
}

fn tools(visit: Visit) -> El {
    let is_presented = move || visit.store.url.read().room.presented.is_some();
    let turn = move || {
        let now = visit.store.url.read_untracked().room.presented;
        visit.present(if now.is_some() { None } else { Some(0) });
    };
    let print = || {
        // A browser that cannot print does nothing.
        let _ = window().print();
    };
    el!(p class="room-tools")
        .child(
            el!(button type="button" class="quiet-text" data-testid="present")
                .state("aria-pressed", is_presented)
                .set("title", "One part at a time in large type. Up and down walk the parts.")
                .when("click", turn)
                .child("Present"),
        )
        .child(
            el!(button type="button" class="quiet-text" data-testid="print")
                .when("click", print)
                .child("Print a handout"),
        )
}
