//! Where the cells of a matrix and their labels stand: plain arithmetic, in CSS pixels.

/// Width of a character of a label: the mono face is 0.6 em wide, labels are 12 px.
pub const CHAR_WIDTH: f64 = 7.2;
/// Height of a line of labels.
pub const LINE_HEIGHT: f64 = 14.0;
const MAX_LABEL: f64 = 88.0;
/// Space below the last row: its label is higher than a low cell.
const BELOW: f64 = 6.0;
/// Smallest cell; what does not fit then is scrolled to.
const MIN_CELL: f64 = 3.0;

/// What is to be placed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Content {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_cols: usize,
    /// Characters of the longest row label.
    pub row_chars: usize,
    /// Characters of the longest column label.
    pub col_chars: usize,
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

impl Grid {
    /// Fits a matrix into some space on a screen of so many device pixels a CSS pixel.
    pub fn fit(content: Content, width: f64, height: f64, pixel_ratio: f64) -> Self {
        let Content { n_rows, n_cols, row_chars, col_chars, square, max_cell } = content;
        if n_rows == 0 || n_cols == 0 {
            return Self::default();
        }
        let left = (row_chars as f64 * CHAR_WIDTH + 8.0).min(MAX_LABEL);
        let label_width = col_chars as f64 * CHAR_WIDTH + 4.0;
        let mut flat = (width - left) / n_cols as f64;
        if square {
            flat = flat.min((height - LINE_HEIGHT) / n_rows as f64);
        }
        let is_slanted = label_width > flat.min(max_cell) && flat >= 9.0 && col_chars > 3;
        let (top, right) = if is_slanted {
            let rise = label_width.min(MAX_LABEL) * 0.71;
            (rise + 12.0, rise)
        } else {
            (LINE_HEIGHT + 6.0, 4.0)
        };
        // Whole device pixels, so that cells are of equal size and edges sharp.
        let snap = |size: f64| ((size * pixel_ratio).floor() / pixel_ratio).max(MIN_CELL);
        let mut cell_width = snap(((width - left - right) / n_cols as f64).min(max_cell));
        let mut cell_height = snap(((height - top - BELOW) / n_rows as f64).min(max_cell));
        if square {
            cell_width = cell_width.min(cell_height);
            cell_height = cell_width;
        } else {
            cell_height = cell_height.min(24.0);
        }
        let stride = |room: f64, cell: f64| ((room / cell).ceil() as usize).max(1);
        let col_room = if is_slanted { LINE_HEIGHT } else { label_width };
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
            width: left + cell_width * n_cols as f64 + right,
            height: top + cell_height * n_rows as f64 + BELOW,
        }
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

    const CONTENT: Content =
        Content { n_rows: 9, n_cols: 9, row_chars: 6, col_chars: 6, square: true, max_cell: 48.0 };

    #[test]
    fn a_small_matrix_fits_its_space() {
        let grid = Grid::fit(CONTENT, 480.0, 420.0, 2.0);
        assert!(grid.width <= 480.0 && grid.height <= 420.0, "{grid:?}");
        assert_eq!(grid.cell_width, grid.cell_height);
        assert_eq!((grid.cell_width * 2.0).fract(), 0.0);
        assert_eq!((grid.row_stride, grid.col_stride), (1, 1));
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
