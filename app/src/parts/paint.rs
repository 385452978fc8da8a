//! Paints a matrix on a 2D canvas: one image of the values, scaled without smoothing, with labels
//! and, where there is room, the numbers.

use wasm_bindgen::{Clamped, JsCast, JsValue};
use web_sys::{CanvasRenderingContext2d, HtmlCanvasElement, ImageData};

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::{css, wants_dark_text};
use crate::parts::dom::document;
use crate::parts::grid::{CHAR_WIDTH, Grid};

/// Colours of the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inks {
    /// Text.
    pub ink: &'static str,
    /// Quiet text.
    pub quiet: &'static str,
    /// What is behind.
    pub paper: &'static str,
}

impl Inks {
    /// Paper or night.
    pub fn of(dark: bool) -> Self {
        if dark {
            Self { ink: "#e9e7e2", quiet: "#9a9996", paper: "#131518" }
        } else {
            Self { ink: "#1b1d21", quiet: "#6f7073", paper: "#faf9f6" }
        }
    }
}

/// The face of labels and numbers.
const FACE: &str = "12px 'Vitrine Mono', ui-monospace, monospace";

/// Paints; `None` if the browser gives no context.
pub fn paint(
    canvas: &HtmlCanvasElement,
    view: &MatrixView,
    grid: &Grid,
    inks: Inks,
    pixel_ratio: f64,
) -> Option<()> {
    canvas.set_width((grid.width * pixel_ratio).ceil() as u32);
    canvas.set_height((grid.height * pixel_ratio).ceil() as u32);
    let context = context(canvas)?;
    context.scale(pixel_ratio, pixel_ratio).ok()?;
    paint_cells(&context, view, grid)?;
    if grid.cell_width >= 9.0 && grid.cell_height >= 9.0 {
        paint_gaps(&context, grid, inks);
    }
    hatch(&context, view, grid, "#ffffff", |row, col| {
        view.value(row, col).is_some_and(|value| !value.is_finite())
    });
    hatch(&context, view, grid, inks.quiet, |row, col| view.is_far(row, col));
    paint_labels(&context, view, grid, inks);
    if grid.cell_width >= 36.0 && grid.cell_height >= 16.0 {
        paint_numbers(&context, view, grid);
    }
    Some(())
}

fn context(canvas: &HtmlCanvasElement) -> Option<CanvasRenderingContext2d> {
    canvas.get_context("2d").ok()??.dyn_into().ok()
}

fn paint_cells(context: &CanvasRenderingContext2d, view: &MatrixView, grid: &Grid) -> Option<()> {
    let mut pixels = Vec::with_capacity(view.values.len() * 4);
    for row in 0..view.n_rows {
        for col in 0..view.n_cols {
            match view.value(row, col) {
                Some(value) => {
                    let [r, g, b] = view.scale.color(value);
                    pixels.extend([r, g, b, 255]);
                }
                None => pixels.extend([0, 0, 0, 0]),
            }
        }
    }
    let (width, height) = (view.n_cols as u32, view.n_rows as u32);
    let image =
        ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels), width, height).ok()?;
    let small: HtmlCanvasElement = document().create_element("canvas").ok()?.unchecked_into();
    small.set_width(width);
    small.set_height(height);
    self::context(&small)?.put_image_data(&image, 0.0, 0.0).ok()?;
    context.set_image_smoothing_enabled(false);
    context
        .draw_image_with_html_canvas_element_and_dw_and_dh(
            &small,
            grid.left,
            grid.top,
            grid.cell_width * f64::from(width),
            grid.cell_height * f64::from(height),
        )
        .ok()
}

/// Hairlines of paper between cells.
fn paint_gaps(context: &CanvasRenderingContext2d, grid: &Grid, inks: Inks) {
    context.set_fill_style_str(inks.paper);
    let (width, height) =
        (grid.cell_width * grid.n_cols as f64, grid.cell_height * grid.n_rows as f64);
    for col in 1..grid.n_cols {
        context.fill_rect(grid.left + col as f64 * grid.cell_width - 1.0, grid.top, 1.0, height);
    }
    for row in 1..grid.n_rows {
        context.fill_rect(grid.left, grid.top + row as f64 * grid.cell_height - 1.0, width, 1.0);
    }
}

/// Cells that are no number, or out of reach, are hatched, so that they differ by more than a
/// colour.
fn hatch(
    context: &CanvasRenderingContext2d,
    view: &MatrixView,
    grid: &Grid,
    ink: &str,
    is_hatched: impl Fn(usize, usize) -> bool,
) {
    context.set_stroke_style_str(ink);
    context.set_line_width(1.0);
    for row in 0..view.n_rows {
        for col in 0..view.n_cols {
            if is_hatched(row, col) {
                let (x, y) = grid.corner(row, col);
                context.begin_path();
                context.move_to(x, y + grid.cell_height);
                context.line_to(x + grid.cell_width, y);
                context.stroke();
            }
        }
    }
}

fn paint_labels(context: &CanvasRenderingContext2d, view: &MatrixView, grid: &Grid, inks: Inks) {
    context.set_font(FACE);
    context.set_fill_style_str(inks.ink);
    context.set_text_baseline("middle");
    context.set_text_align("right");
    // Tokens of any script keep their place: a label never turns the line around.
    let _ = js_sys::Reflect::set(context, &"direction".into(), &JsValue::from_str("ltr"));
    for row in (0..view.n_rows).step_by(grid.row_stride) {
        let (_, y) = grid.corner(row, 0);
        let text = view.row_labels.get(row).map_or("", String::as_str);
        let y = y + grid.cell_height * 0.5;
        let _ = context.fill_text_with_max_width(text, grid.left - 6.0, y, grid.left - 6.0);
    }
    for col in (0..view.n_cols).step_by(grid.col_stride) {
        let (x, y) = grid.corner(0, col);
        let text = view.col_labels.get(col).map_or("", String::as_str);
        context.save();
        let moved = context.translate(x + grid.cell_width * 0.5, y - 5.0);
        if moved.is_ok() && grid.is_slanted {
            context.set_text_align("left");
            let _ = context.rotate(-std::f64::consts::FRAC_PI_4);
            let _ = context.fill_text(text, 0.0, 0.0);
        } else if moved.is_ok() {
            context.set_text_align("center");
            // The last label keeps off the edge.
            let half = text.chars().count() as f64 * CHAR_WIDTH * 0.5;
            let shift = grid.label_shift(col, text);
            let over = (x + grid.cell_width * 0.5 + shift + half - grid.width).max(0.0);
            let _ = context.fill_text(text, shift - over, -5.0);
        }
        context.restore();
    }
}

fn paint_numbers(context: &CanvasRenderingContext2d, view: &MatrixView, grid: &Grid) {
    context.set_font(FACE);
    context.set_text_baseline("middle");
    context.set_text_align("center");
    // Where hundredths would be all that is said of them.
    let is_small = view.scale.max.abs().max(view.scale.min.abs()) < 0.05;
    for row in 0..view.n_rows {
        for col in 0..view.n_cols {
            let Some(value) = view.value(row, col) else { continue };
            let dark = wants_dark_text(view.scale.color(value));
            context.set_fill_style_str(if dark { "#000000" } else { "#ffffff" });
            let (x, y) = grid.corner(row, col);
            let text = if is_small { format::three(value) } else { short(value) };
            let (x, y) = (x + grid.cell_width * 0.5 - 0.5, y + grid.cell_height * 0.5);
            let _ = context.fill_text_with_max_width(&text, x, y, grid.cell_width - 4.0);
        }
    }
}

/// As much of a number as a cell holds; the read-out has all of it.
fn short(value: f32) -> String {
    let size = value.abs();
    if size < 0.995 {
        let text = format::fixed(value.into(), 2);
        if size < 0.005 { "0".into() } else { text.replacen("0.", ".", 1).replace('-', "−") }
    } else if size < 1.0 {
        format::fixed(value.round().into(), 2).replace('-', "−")
    } else {
        format::three(value)
    }
}

/// The colours of a map from first to last as a picture of one row.
pub fn paint_ramp(canvas: &HtmlCanvasElement, colors: &[[u8; 3]]) -> Option<()> {
    canvas.set_width(colors.len() as u32);
    canvas.set_height(1);
    let context = context(canvas)?;
    for (idx, color) in colors.iter().enumerate() {
        context.set_fill_style_str(&css(*color));
        context.fill_rect(idx as f64, 0.0, 1.0, 1.0);
    }
    Some(())
}
