//! Where the cells of a matrix and their labels stand: plain arithmetic, in CSS pixels.

use crate::lens::attention::MatrixView;

/// Width of a character of a label: the mono face is 0.6 em wide, labels are 12 px.
pub const CHAR_WIDTH: f64 = 7.2;
/// Height of a line of labels.
pub const LINE_HEIGHT: f64 = 14.0;
/// Labels take at most so much, or this share of the width where that is more, up to a limit.
const MAX_LABEL: f64 = 88.0;
const LABEL_SHARE: f64 = 0.34;
const LABEL_LIMIT: f64 = 152.0;
/// Height of a label on its slope for each pixel of its length.
const SLOPE: f64 = std::f64::consts::FRAC_1_SQRT_2;
/// Space below the last row: its label is higher than a low cell.
const BELOW: f64 = 6.0;
/// Smallest cell; what does not fit then is scrolled to.
const MIN_CELL: f64 = 3.0;

/// Characters of the longest label.
fn longest(labels: &[String]) -> usize {
    labels.iter().map(|label| label.chars().count()).max().unwrap_or(0)
}

/// What is to be placed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_cols: usize,
    /// Characters of the longest row label.
    pub row_chars: usize,
    /// Characters of the longest column label but the last.
    pub col_chars: usize,
    /// Characters of the last column's label.
    pub last_chars: usize,
    /// Cells as high as wide.
    pub square: bool,
    /// Largest width of a cell.
    pub max_cell: f64,
}

/// Where everything stands.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Grid {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_cols: usize,
    /// Left edge of the cells.
    pub left: f64,
    /// Top edge of the cells.
    pub top: f64,
    /// Width of a cell.
    pub cell_width: f64,
    /// Height of a cell.
    pub cell_height: f64,
    /// Column labels stand on a slope.
    pub is_slanted: bool,
    /// A label at every so many rows.
    pub row_stride: usize,
    /// A label at every so many columns.
    pub col_stride: usize,
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
}

impl Content {
    /// Of a matrix.
    pub fn of(view: &MatrixView, square: bool, max_cell: f64) -> Self {
        let (others, last) = view.col_labels.split_at(view.col_labels.len().saturating_sub(1));
        Self {
            n_rows: view.n_rows,
            n_cols: view.n_cols,
            row_chars: longest(&view.row_labels),
            col_chars: longest(others),
            last_chars: longest(last),
            square,
            max_cell,
        }
    }
}

impl Grid {
    /// Fits a matrix into some space on a screen of so many device pixels a CSS pixel.
    pub fn fit(content: Content, width: f64, height: f64, pixel_ratio: f64) -> Self {
        let Content { n_rows, n_cols, row_chars, col_chars, last_chars, square, max_cell } =
            content;
        if n_rows == 0 || n_cols == 0 {
            return Self::default();
        }
        // Whole device pixels, so that cells are of equal size, and edges and letters sharp.
        let up = |size: f64| (size * pixel_ratio).ceil() / pixel_ratio;
        let most = (width * LABEL_SHARE).clamp(MAX_LABEL, LABEL_LIMIT);
        let left = up((row_chars as f64 * CHAR_WIDTH + 8.0).min(most));
        let label_width = col_chars as f64 * CHAR_WIDTH + 4.0;
        let last_width = last_chars as f64 * CHAR_WIDTH + 4.0;
        let mut flat = (width - left) / n_cols as f64;
        if square {
            flat = flat.min((height - LINE_HEIGHT) / n_rows as f64);
        }
        let is_slanted = label_width > flat.min(max_cell) && flat >= 9.0 && col_chars > 3;
        let (top, right) = if is_slanted {
            let rise = up(label_width.max(last_width).min(MAX_LABEL) * SLOPE);
            (up(rise + 12.0), rise)
        } else {
            // One that is longer than the others, as a mark of the end is, goes on beside the cells.
            let beyond = if last_chars > col_chars { last_width - flat.min(max_cell) } else { 0.0 };
            (up(LINE_HEIGHT + 6.0), up(beyond.clamp(4.0, MAX_LABEL)))
        };
        let snap = |size: f64| ((size * pixel_ratio).floor() / pixel_ratio).max(up(MIN_CELL));
        let mut cell_width = snap(((width - left - right) / n_cols as f64).min(max_cell));
        let mut cell_height = snap(((height - top - BELOW) / n_rows as f64).min(max_cell));
        if square {
            cell_width = cell_width.min(cell_height);
            cell_height = cell_width;
        } else {
            cell_height = cell_height.min(24.0);
        }
        let stride = |room: f64, cell: f64| ((room / cell).ceil() as usize).max(1);
        let col_room = if is_slanted { LINE_HEIGHT / SLOPE } else { label_width };
        Self {
            n_rows,
            n_cols,
            left,
            top,
            cell_width,
            cell_height,
            is_slanted,
            row_stride: stride(LINE_HEIGHT, cell_height),
            col_stride: stride(col_room, cell_width),
            width: up(left + cell_width * n_cols as f64 + right),
            height: up(top + cell_height * n_rows as f64 + BELOW),
        }
    }

    /// How far right of its column's middle a label stands: the last one begins at its cell and goes on beside it.
    pub fn label_shift(&self, col: usize, label: &str) -> f64 {
        let beyond = label.chars().count() as f64 * CHAR_WIDTH - self.cell_width;
        let is_last = col + 1 == self.n_cols && !self.is_slanted;
        if is_last && beyond > 0.0 { beyond * 0.5 } else { 0.0 }
    }

    /// The cell at a point.
    pub fn cell_at(&self, x: f64, y: f64) -> Option<(usize, usize)> {
        let (x, y) = (x - self.left, y - self.top);
        if x < 0.0 || y < 0.0 || self.n_rows == 0 {
            return None;
        }
        let (col, row) = ((x / self.cell_width) as usize, (y / self.cell_height) as usize);
        (row < self.n_rows && col < self.n_cols).then_some((row, col))
    }

    /// Left and top of a cell.
    pub fn corner(&self, row: usize, col: usize) -> (f64, f64) {
        (self.left + col as f64 * self.cell_width, self.top + row as f64 * self.cell_height)
    }

    /// The cell to which a key leads; none if the key moves nothing.
    pub fn step(&self, from: Option<(usize, usize)>, key: &str) -> Option<(usize, usize)> {
        let (last_row, last_col) = (self.n_rows.checked_sub(1)?, self.n_cols.checked_sub(1)?);
        let is_move = matches!(
            key,
            "ArrowUp"
                | "ArrowDown"
                | "ArrowLeft"
                | "ArrowRight"
                | "Home"
                | "End"
                | "PageUp"
                | "PageDown"
        );
        if !is_move {
            return None;
        }
        let Some((row, col)) = from else { return Some((0, 0)) };
        let (row, col) = (row.min(last_row), col.min(last_col));
        Some(match key {
            "ArrowUp" => (row.saturating_sub(1), col),
            "ArrowDown" => ((row + 1).min(last_row), col),
            "ArrowLeft" => (row, col.saturating_sub(1)),
            "ArrowRight" => (row, (col + 1).min(last_col)),
            "Home" => (row, 0),
            "End" => (row, last_col),
            "PageUp" => (0, col),
            _ => (last_row, col),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTENT: Content = Content {
        n_rows: 9,
        n_cols: 9,
        row_chars: 6,
        col_chars: 6,
        last_chars: 6,
        square: true,
        max_cell: 48.0,
    };

    #[test]
    fn a_small_matrix_fits_its_space() {
        let grid = Grid::fit(CONTENT, 480.0, 420.0, 2.0);
        assert!(grid.width <= 480.0 && grid.height <= 420.0, "{grid:?}");
        assert_eq!(grid.cell_width, grid.cell_height);
        assert_eq!((grid.cell_width * 2.0).fract(), 0.0);
        assert_eq!((grid.row_stride, grid.col_stride), (1, 1));
    }

    #[test]
    fn a_longer_mark_of_the_end_takes_no_other_label_its_place() {
        let letters = vec!["t".to_owned(); 23];
        let view = MatrixView {
            n_rows: 24,
            n_cols: 24,
            col_labels: [letters, vec!["</s>".to_owned()]].concat(),
            ..MatrixView::default()
        };
        let content = Content::of(&view, true, 48.0);
        assert_eq!((content.col_chars, content.last_chars), (1, 4));
        let grid = Grid::fit(content, 360.0, 360.0, 2.0);
        assert_eq!((grid.is_slanted, grid.col_stride), (false, 1));
        let last = grid.corner(0, 23).0 + 4.0 * CHAR_WIDTH;
        assert!(last <= grid.width && grid.width <= 360.0, "{grid:?}");
    }

    #[test]
    fn everything_stands_on_device_pixels() {
        for ratio in [1.0, 2.0, 1.5] {
            let grid = Grid::fit(CONTENT, 333.3, 277.7, ratio);
            for size in [grid.left, grid.top, grid.width, grid.height, grid.cell_width] {
                let off = (size * ratio).fract();
                assert!(off.min(1.0 - off) < 1e-9, "{size} at {ratio}");
            }
        }
    }

    #[test]
    fn slanted_labels_keep_a_line_s_distance() {
        let content = Content { n_cols: 30, n_rows: 30, ..CONTENT };
        let grid = Grid::fit(content, 480.0, 480.0, 1.0);
        assert!(grid.is_slanted);
        assert!(grid.col_stride as f64 * grid.cell_width * SLOPE >= LINE_HEIGHT);
    }

    #[test]
    fn a_large_one_keeps_cells_that_can_be_seen() {
        let content = Content { n_rows: 300, n_cols: 300, ..CONTENT };
        let grid = Grid::fit(content, 400.0, 300.0, 1.0);
        assert_eq!(grid.cell_width, MIN_CELL);
        assert!(grid.width > 400.0);
        assert!(grid.row_stride as f64 * grid.cell_height >= LINE_HEIGHT);
    }

    #[test]
    fn points_and_cells_agree() {
        let grid = Grid::fit(CONTENT, 480.0, 420.0, 1.0);
        for cell in [(0, 0), (8, 8), (3, 5)] {
            let (x, y) = grid.corner(cell.0, cell.1);
            assert_eq!(grid.cell_at(x + 1.0, y + 1.0), Some(cell));
        }
        assert_eq!(grid.cell_at(1.0, 1.0), None);
        assert_eq!(grid.cell_at(1e6, 1e6), None);
    }

    #[test]
    fn keys_stay_inside() {
        let grid = Grid::fit(CONTENT, 480.0, 420.0, 1.0);
        assert_eq!(grid.step(None, "ArrowDown"), Some((0, 0)));
        assert_eq!(grid.step(Some((8, 8)), "ArrowDown"), Some((8, 8)));
        assert_eq!(grid.step(Some((0, 0)), "ArrowLeft"), Some((0, 0)));
        assert_eq!(grid.step(Some((2, 2)), "End"), Some((2, 8)));
        assert_eq!(grid.step(Some((99, 99)), "ArrowUp"), Some((7, 8)));
        assert_eq!(grid.step(Some((2, 2)), "x"), None);
        assert_eq!(Grid::default().step(None, "ArrowUp"), None);
    }

    #[test]
    fn nothing_and_no_space_are_drawable() {
        for (n_rows, width) in [(0, 400.0), (5, 0.0), (5, 10.0)] {
            let content = Content { n_rows, ..CONTENT };
            let grid = Grid::fit(content, width, width, 1.0);
            assert!(grid.width.is_finite() && grid.width >= 0.0);
        }
    }
}
