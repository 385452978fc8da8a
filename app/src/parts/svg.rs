//! Pictures as SVG text, for files.

use std::fmt::Write;

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::css;
use crate::parts::grid::{Content, Grid};
use crate::parts::paint::Inks;
use crate::parts::plot::{self, ChartSpec, FINENESS, HELD_OUT, Mark, Role};

/// Beyond this many cells a picture is not made of rectangles any more.
pub const MAX_CELLS: usize = 40_000;

/// A picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The SVG.
    pub svg: String,
    /// Width in CSS pixels.
    pub width: f64,
    /// Height in CSS pixels.
    pub height: f64,
}

/// A matrix with labels and a caption. Larger ones than [`MAX_CELLS`] give none.
pub fn matrix(view: &MatrixView, caption: &str, dark: bool) -> Option<Picture> {
    if view.values.is_empty() || view.values.len() > MAX_CELLS {
        return None;
    }
    let content = Content::of(view, view.n_rows == view.n_cols, 36.0);
    let grid = Grid::fit(content, 900.0, 900.0, 1.0);
    let inks = Inks::of(dark);
    let (width, height) = (grid.width.max(320.0), grid.height + 32.0);
    let mut out = open(width, height, inks, caption);
    for row in 0..view.n_rows {
        for col in 0..view.n_cols {
            let Some(value) = view.value(row, col) else { continue };
            let (x, y) = grid.corner(row, col);
            let (w, h) = (grid.cell_width - 0.5, grid.cell_height - 0.5);
            let color = css(view.scale.color(value));
            let [x, y, w, h] = [x, y, w, h].map(|side| format::fixed(side, 1));
            let _ = write!(
                out,
                r#"<rect x="{x}" y="{y}" width="{w}" height="{h}" fill="{color}"><title>{}</title></rect>"#,
                format::exact(value)
            );
        }
    }
    for row in (0..view.n_rows).step_by(grid.row_stride) {
        let (_, y) = grid.corner(row, 0);
        let label = view.row_labels.get(row).map_or("", String::as_str);
        text(&mut out, grid.left - 6.0, y + grid.cell_height * 0.5 + 4.0, "end", None, label, inks);
    }
    for col in (0..view.n_cols).step_by(grid.col_stride) {
        let (x, y) = grid.corner(0, col);
        let label = view.col_labels.get(col).map_or("", String::as_str);
        let turn = grid.is_slanted.then_some(-45);
        let anchor = if grid.is_slanted { "start" } else { "middle" };
        let x = x + grid.cell_width * 0.5 + grid.label_shift(col, label);
        text(&mut out, x, y - 6.0, anchor, turn, label, inks);
    }
    text(&mut out, 0.0, height - 8.0, "start", None, caption, inks);
    out.push_str("</svg>");
    Some(Picture { svg: out, width, height })
}

/// A chart with a caption.
pub fn chart(spec: &ChartSpec, dark: bool) -> Picture {
    let (width, height) = (640.0, 320.0);
    let inks = Inks::of(dark);
    let mut out = open(width, height + 32.0, inks, &spec.title);
    for mark in plot::draw(spec, width, height) {
        match mark {
            Mark::Path { role, points } => {
                let color = match role {
                    Role::Quiet | Role::Hairline => inks.quiet,
                    Role::Marker => inks.ink,
                    Role::Series(number) => series_color(number % HELD_OUT, dark),
                };
                let _ = write!(
                    out,
                    r#"<path d="{}" fill="none" stroke="{color}" stroke-width="{}"/>"#,
                    path_data(&points),
                    match role {
                        Role::Series(number) if number >= HELD_OUT => "4\" stroke-opacity=\"0.4",
                        Role::Series(_) => "1.5",
                        _ => "0.5",
                    },
                );
            }
            Mark::Text { text: words, at, anchor } => {
                let (x, y) = (pixels(at.0), pixels(at.1));
                text(&mut out, x, y + 4.0, anchor, None, &words, inks);
            }
        }
    }
    text(&mut out, 0.0, height + 24.0, "start", None, &spec.title, inks);
    out.push_str("</svg>");
    Picture { svg: out, width, height: height + 32.0 }
}

/// `M0 0L1 2`, in CSS pixels.
pub fn path_data(points: &[(i32, i32)]) -> String {
    let mut data = String::with_capacity(points.len() * 12);
    for (idx, &(x, y)) in points.iter().enumerate() {
        let _ = write!(data, "{}{} {}", if idx == 0 { 'M' } else { 'L' }, scaled(x), scaled(y));
    }
    data
}

/// From the plot's fine grid to CSS pixels.
fn pixels(fine: i32) -> f64 {
    f64::from(fine) / f64::from(FINENESS)
}

/// As CSS pixels in words.
pub fn scaled(fine: i32) -> String {
    format::trimmed(pixels(fine))
}

/// Okabe and Ito's blue, vermilion, green and purple, as the style sheet has them.
fn series_color(number: u8, dark: bool) -> &'static str {
    match (number, dark) {
        (0, false) => "#0a5c9e",
        (0, true) => "#6cb8f0",
        (1, false) => "#b4481e",
        (1, true) => "#f0a27a",
        (2, false) => "#00735a",
        (2, true) => "#4fc3a1",
        (_, false) => "#8a4f9e",
        (_, true) => "#d3a4e3",
    }
}

fn open(width: f64, height: f64, inks: Inks, caption: &str) -> String {
    let (paper, caption) = (inks.paper, escape(caption));
    let (width, height) = (format::fixed(width, 0), format::fixed(height, 0));
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"><title>{caption}</title><rect width="100%" height="100%" fill="{paper}"/>"#
    )
}

fn text(
    out: &mut String,
    x: f64,
    y: f64,
    anchor: &str,
    turn: Option<i32>,
    words: &str,
    inks: Inks,
) {
    let (x, y) = (format::fixed(x, 1), format::fixed(y, 1));
    let turn = turn.map(|t| format!(r#" transform="rotate({t} {x} {y})""#)).unwrap_or_default();
    let _ = write!(
        out,
        r#"<text x="{x}" y="{y}" font-family="monospace" font-size="12" text-anchor="{anchor}" fill="{}"{turn}>{}</text>"#,
        inks.ink,
        escape(words)
    );
}

/// Text for XML; characters that XML forbids are dropped.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::Scale;

    #[test]
    fn tokens_cannot_write_markup() {
        let view = MatrixView {
            n_rows: 1,
            n_cols: 1,
            values: vec![0.5],
            row_labels: vec!["<script>\"&\u{0}".into()],
            col_labels: vec!["</svg>".into()],
            scale: Scale::UNIT,
            quantity: "p".into(),
            ..MatrixView::default()
        };
        let picture = matrix(&view, "a < b", false).unwrap();
        assert!(picture.svg.contains("&lt;script&gt;&quot;&amp;"));
        assert_eq!(picture.svg.matches("</svg>").count(), 1);
        assert!(picture.svg.contains("<title>a &lt; b</title>"));
        assert!(picture.svg.contains(">0.5</title>"));
    }

    #[test]
    fn a_matrix_too_large_is_none() {
        let n = 201;
        let view = MatrixView {
            n_rows: n,
            n_cols: n,
            values: vec![0.0; n * n],
            row_labels: Vec::new(),
            col_labels: Vec::new(),
            scale: Scale::UNIT,
            quantity: String::new(),
            ..MatrixView::default()
        };
        assert_eq!(matrix(&view, "", true), None);
    }

    #[test]
    fn paths_are_written_in_pixels() {
        assert_eq!(path_data(&[(0, 4), (6, 8)]), "M0 1L1.5 2");
    }
}
