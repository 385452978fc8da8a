//! The few icons, as SVG nodes that take the colour of the text.

use crate::parts::dom::{El, el};

/// An icon of one path in a box of 16.
fn icon(path: &str) -> El {
    el!(svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false")
        .child(el!(path).set("d", path))
}

/// A circle that is half filled.
pub fn theme() -> El {
    icon("M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 0 0 0-13zM8 3a5 5 0 0 1 0 10z")
}

/// Three sliders.
pub fn settings() -> El {
    icon(
        "M1 3.5h7.2a2 2 0 0 1 3.6 0H15v1h-3.2a2 2 0 0 1-3.6 0H1zM1 7.5h2.2a2 2 0 0 1 3.6 0H15v1H6.8a2 2 0 0 1-3.6 0H1zM1 11.5h8.2a2 2 0 0 1 3.6 0H15v1h-2.2a2 2 0 0 1-3.6 0H1z",
    )
}

/// Three dots.
pub fn menu() -> El {
    icon(
        "M3 6.7a1.3 1.3 0 1 1 0 2.6a1.3 1.3 0 0 1 0-2.6zM8 6.7a1.3 1.3 0 1 1 0 2.6a1.3 1.3 0 0 1 0-2.6zM13 6.7a1.3 1.3 0 1 1 0 2.6a1.3 1.3 0 0 1 0-2.6z",
    )
}

/// A triangle to the right.
pub fn play() -> El {
    icon("M4 2.5l9 5.5l-9 5.5z")
}

/// A bar and a triangle to the left.
pub fn step_back() -> El {
    icon("M3 3h1.6v10H3zM13 3v10L6 8z")
}

/// A triangle to the right and a bar.
pub fn step_on() -> El {
    icon("M11.4 3H13v10h-1.6zM3 3l7 5l-7 5z")
}

/// A square.
pub fn stop() -> El {
    icon("M3.5 3.5h9v9h-9z")
}

/// A cross.
pub fn close() -> El {
    icon(
        "M3.7 2.6L8 6.9l4.3-4.3l1.1 1.1L9.1 8l4.3 4.3l-1.1 1.1L8 9.1l-4.3 4.3l-1.1-1.1L6.9 8L2.6 3.7z",
    )
}

/// An arrow head down.
pub fn down() -> El {
    icon("M3 5.5l5 5l5-5l-1-1l-4 4l-4-4z")
}
