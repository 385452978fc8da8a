//! The wall from values that were read back, in plain pixels. The same picture as the GPU's: see
//! `draw/wall.wgsl`.

use crate::palette::{self, NON_FINITE, Rgb};
use crate::protocol::WallStyle;

/// Width of the frame around a thumbnail that is pinned or under the pointer, device pixels.
pub(super) const FRAME: u32 = 2;

/// Thumbnails that were read back: `[n_maps, n_rows, n_cols]`.
pub(in crate::worker) struct Thumbnails {
    /// Cells down.
    pub n_rows: usize,
    /// Cells across.
    pub n_cols: usize,
    /// Tokens that a cell stands for, across.
    pub block: usize,
    /// Their values.
    pub values: Vec<f32>,
}

/// RGBA of the whole canvas. Only cells that a pixel falls on are coloured: of a long text a
/// thumbnail has many more cells than pixels.
pub(super) fn pixels(
    thumbnails: Option<&Thumbnails>,
    style: &WallStyle,
    width: usize,
    height: usize,
) -> Vec<u8> {
    let [red, green, blue] = background(style.dark);
    let mut out = [red, green, blue, 255].repeat(width * height);
    let Some(thumbnails) = thumbnails.filter(|known| known.n_rows * known.n_cols > 0) else {
        return out;
    };
    let (n_rows, n_cols) = (thumbnails.n_rows, thumbnails.n_cols);
    let n_maps = thumbnails.values.len() / (n_rows * n_cols);
    let layout = Layout::new(style, width, height, n_maps);
    let hidden = hidden_cols(style, n_cols, thumbnails.block);
    let col_of_x: Vec<usize> =
        (0..layout.cell_width).map(|x| x * n_cols / layout.cell_width).collect();
    let colors = palette::table(palette::Map::Sequential);
    for place in 0..n_maps {
        let map = style.order.get(place).map_or(place, |&map| map as usize);
        if map >= n_maps {
            continue;
        }
        let values = &thumbnails.values[map * n_rows * n_cols..][..n_rows * n_cols];
        let (left, top) = layout.corner(place);
        let scale = 255.0 / largest(values, &hidden);
        let right = (left + layout.cell_width).min(width);
        for y in top..(top + layout.cell_height).min(height) {
            let row = &values[(y - top) * n_rows / layout.cell_height * n_cols..][..n_cols];
            let start = (y * width + left.min(right)) * 4;
            let line = &mut out[start..(y * width + right) * 4];
            for (pixel, &col) in line.chunks_exact_mut(4).zip(&col_of_x) {
                let value = row[col];
                if hidden[col] {
                    continue;
                }
                let color = if value.is_finite() {
                    colors[((value * scale).clamp(0.0, 255.0) + 0.5) as usize]
                } else {
                    NON_FINITE
                };
                pixel[..3].copy_from_slice(&color);
            }
        }
        let is_marked = |mark: Option<u32>| mark == Some(map as u32);
        if is_marked(style.selected) || is_marked(style.hovered) {
            let color = frame_color(style.dark, is_marked(style.selected));
            layout.frame(&mut out, width, height, place, color);
        }
    }
    out
}

/// Maps `[n_maps, n_rows, n_cols]` shrunk so that neither side has more than `most` cells, each
/// the largest value of the block that it stands for.
pub(super) fn shrunk(values: &[f32], n_rows: usize, n_cols: usize, most: usize) -> Thumbnails {
    let [down, across] = [n_rows, n_cols].map(|n| n.div_ceil(most).max(1));
    let (rows, cols) = (n_rows.div_ceil(down), n_cols.div_ceil(across));
    let mut out = Vec::new();
    for map in values.chunks_exact((n_rows * n_cols).max(1)) {
        let start = out.len();
        out.resize(start + rows * cols, f32::NEG_INFINITY);
        for (idx, &value) in map.iter().enumerate() {
            let cell = &mut out[start + idx / n_cols / down * cols + idx % n_cols / across];
            // A NaN stays: f32::max would drop it.
            if value > *cell || value.is_nan() {
                *cell = value;
            }
        }
    }
    Thumbnails { n_rows: rows, n_cols: cols, block: across, values: out }
}

/// The largest finite value of a thumbnail outside hidden columns; 1 where none is above 0.
fn largest(values: &[f32], hidden: &[bool]) -> f32 {
    let mut max = 0.0f32;
    for row in values.chunks_exact(hidden.len()) {
        for (&value, &is_hidden) in row.iter().zip(hidden) {
            if value > max && value < f32::INFINITY && !is_hidden {
                max = value;
            }
        }
    }
    if max > 0.0 { max } else { 1.0 }
}

/// Where thumbnails stand: columns and rows of equal places with gaps between.
struct Layout {
    n_cols: usize,
    gap: usize,
    cell_width: usize,
    cell_height: usize,
}

impl Layout {
    fn new(style: &WallStyle, width: usize, height: usize, n_maps: usize) -> Self {
        let n_cols = (style.n_cols as usize).clamp(1, n_maps.max(1));
        let n_rows = n_maps.div_ceil(n_cols).max(1);
        let gap = style.gap as usize;
        let side = |length: usize, n: usize| (length.saturating_sub(gap * (n - 1)) / n).max(1);
        Self { n_cols, gap, cell_width: side(width, n_cols), cell_height: side(height, n_rows) }
    }

    fn corner(&self, place: usize) -> (usize, usize) {
        let (row, col) = (place / self.n_cols, place % self.n_cols);
        (col * (self.cell_width + self.gap), row * (self.cell_height + self.gap))
    }

    fn frame(&self, out: &mut [u8], width: usize, height: usize, place: usize, color: Rgb) {
        let (left, top) = self.corner(place);
        let line = (FRAME as usize).min(self.cell_width).min(self.cell_height);
        for y in top..(top + self.cell_height).min(height) {
            for x in left..(left + self.cell_width).min(width) {
                let inner = y >= top + line
                    && y < top + self.cell_height - line
                    && x >= left + line
                    && x < left + self.cell_width - line;
                if !inner {
                    let at = (y * width + x) * 4;
                    out[at..at + 3].copy_from_slice(&color);
                }
            }
        }
    }
}

/// Whether each column of cells stands for hidden tokens only.
pub(super) fn hidden_cols(style: &WallStyle, n_cells: usize, block: usize) -> Vec<bool> {
    let is_hidden = |col: usize| {
        let mut tokens = (col * block..(col + 1) * block).map(|token| token as u32);
        tokens.all(|token| style.hidden_keys.contains(&token))
    };
    (0..n_cells).map(is_hidden).collect()
}

/// Gaps and hidden columns.
pub(super) fn background(dark: bool) -> Rgb {
    if dark { [0x13, 0x15, 0x18] } else { [0xfa, 0xf9, 0xf6] }
}

/// The frame of a pinned thumbnail, or of the one under the pointer.
pub(super) fn frame_color(dark: bool, is_selected: bool) -> Rgb {
    match (is_selected, dark) {
        (true, _) => [0xe6, 0x9f, 0x00],
        (false, true) => [0xff, 0xff, 0xff],
        (false, false) => [0x00, 0x00, 0x00],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::palette::Scale;

    fn pixel(out: &[u8], width: usize, x: usize, y: usize) -> [u8; 3] {
        let at = (y * width + x) * 4;
        [out[at], out[at + 1], out[at + 2]]
    }

    #[test]
    fn thumbnails_stand_in_rows_with_gaps() {
        let values = vec![0.0, 1.0, 1.0, f32::NAN, 0.5, 0.0, 0.0, 0.0];
        let thumbnails = Thumbnails { n_rows: 2, n_cols: 2, block: 1, values };
        let style = WallStyle { n_cols: 2, gap: 2, ..WallStyle::default() };
        let out = pixels(Some(&thumbnails), &style, 10, 4);
        let (low, high) = (Scale::UNIT.color(0.0), Scale::UNIT.color(1.0));
        assert_eq!(pixel(&out, 10, 0, 0), low);
        assert_eq!(pixel(&out, 10, 3, 0), high);
        assert_eq!(pixel(&out, 10, 3, 3), NON_FINITE);
        assert_eq!(pixel(&out, 10, 4, 0), background(false), "the gap");
        // Each map has its own scale.
        assert_eq!(pixel(&out, 10, 6, 0), high);
        assert_eq!(out.len(), 160);
    }

    #[test]
    fn order_marks_and_hidden_columns() {
        let values = vec![1.0, 0.0, 0.0, 0.0, 0.5, 1.0, 0.25, 0.5];
        let thumbnails = Thumbnails { n_rows: 2, n_cols: 2, block: 1, values };
        let order = vec![1, 0];
        let style = WallStyle { n_cols: 1, order, hidden_keys: vec![0], ..WallStyle::default() };
        let out = pixels(Some(&thumbnails), &style, 8, 16);
        assert_eq!(pixel(&out, 8, 0, 0), background(false), "a hidden column");
        assert_eq!(pixel(&out, 8, 7, 0), Scale::UNIT.color(1.0));
        assert_eq!(pixel(&out, 8, 7, 7), Scale::UNIT.color(0.5));
        assert_eq!(pixel(&out, 8, 7, 8), Scale::UNIT.color(0.0));
        let style = WallStyle { selected: Some(1), ..style };
        let out = pixels(Some(&thumbnails), &style, 8, 16);
        assert_eq!(pixel(&out, 8, 0, 0), frame_color(false, true));
        assert_eq!(pixel(&out, 8, 4, 4), Scale::UNIT.color(0.5), "inside the frame");
        assert_ne!(pixel(&out, 8, 0, 8), frame_color(false, true));
    }

    #[test]
    fn maps_of_unequal_sides_shrink_to_their_largest_values() {
        let values = [[0.0, 1.0, 2.0, 3.0, 4.0, 0.5], [f32::NAN, 0.0, 0.0, 0.0, 0.0, 9.0]];
        let small = shrunk(values.as_flattened(), 2, 3, 2);
        assert_eq!((small.n_rows, small.n_cols, small.block), (2, 2, 2));
        assert_eq!(small.values[..4], [1.0, 2.0, 4.0, 0.5]);
        assert!(small.values[4].is_nan() && small.values[7] == 9.0);
        assert_eq!(shrunk(&[1.0, 2.0], 1, 2, 64).values, [1.0, 2.0]);
        assert_eq!(shrunk(&[], 0, 0, 64).n_rows, 0);
    }

    #[test]
    fn nothing_to_paint_is_background() {
        let out = pixels(None, &WallStyle { dark: true, ..WallStyle::default() }, 2, 1);
        assert_eq!(out, [0x13, 0x15, 0x18, 255, 0x13, 0x15, 0x18, 255]);
        let empty = Thumbnails { n_rows: 0, n_cols: 0, block: 1, values: Vec::new() };
        assert_eq!(pixels(Some(&empty), &WallStyle::default(), 1, 1).len(), 4);
    }
}
