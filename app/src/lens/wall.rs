//! Where the thumbnails of all heads stand. Wide: heads across, layers down, in one block or in
//! two side by side, whichever makes the thumbnails larger. Narrow: layers across, to be swiped.

/// Widest thumbnail, CSS pixels.
const MAX_CELL: f64 = 72.0;
/// Narrowest.
const MIN_CELL: f64 = 6.0;
/// Thumbnail of the narrow wall.
const SWIPED_CELL: f64 = 36.0;
/// Room for the labels beside or above.
const GUTTER: f64 = 24.0;

/// A label of a row or column.
#[derive(Clone, Debug, PartialEq)]
pub struct WallLabel {
    /// The number of a layer.
    pub text: String,
    /// Left edge of its box, whose width is a gutter or a place.
    pub x: f64,
    /// Top edge.
    pub y: f64,
    /// Width of its box.
    pub width: f64,
    /// Whether it stands right of what it names.
    pub is_after: bool,
}

/// The layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WallLayout {
    /// Places in a row.
    pub n_cols: usize,
    /// Rows.
    pub n_rows: usize,
    /// Size of a place, CSS pixels.
    pub cell: f64,
    /// Left edge of the places.
    pub left: f64,
    /// Top edge of the places.
    pub top: f64,
    /// Width of the whole.
    pub width: f64,
    /// Height of the whole.
    pub height: f64,
    /// Which map (layer · n_heads + head) stands at each place.
    pub order: Vec<u32>,
    /// Numbers of the layers.
    pub labels: Vec<WallLabel>,
}

impl WallLayout {
    /// Layers in order, fitted into some space.
    pub fn by_layer(n_layers: usize, n_heads: usize, width: f64, height: f64) -> Self {
        if n_layers == 0 || n_heads == 0 || width <= 0.0 || height <= 0.0 {
            return Self::default();
        }
        let fits = |n_blocks: usize| {
            let room = (width - GUTTER * n_blocks as f64) / (n_heads * n_blocks) as f64;
            room.min(height * n_blocks as f64 / n_layers as f64)
        };
        let n_blocks = if n_layers.is_multiple_of(2) && fits(2) > fits(1) { 2 } else { 1 };
        let cell = fits(n_blocks).min(MAX_CELL).floor().max(MIN_CELL);
        let (n_cols, n_rows) = (n_heads * n_blocks, n_layers / n_blocks);
        let right = GUTTER + cell * n_cols as f64;
        let mut order = Vec::with_capacity(n_layers * n_heads);
        let mut labels = Vec::with_capacity(n_layers);
        for row in 0..n_rows {
            for block in 0..n_blocks {
                let layer = block * n_rows + row;
                order.extend((0..n_heads).map(|head| (layer * n_heads + head) as u32));
                labels.push(WallLabel {
                    text: layer.to_string(),
                    x: if block == 0 { 0.0 } else { right },
                    y: row as f64 * cell,
                    width: GUTTER,
                    is_after: block > 0,
                });
            }
        }
        Self {
            n_cols,
            n_rows,
            cell,
            left: GUTTER,
            top: 0.0,
            width: right + GUTTER * (n_blocks - 1) as f64,
            height: cell * n_rows as f64,
            order,
            labels,
        }
    }

    /// Layers across, heads down.
    pub fn swiped(n_layers: usize, n_heads: usize) -> Self {
        if n_layers == 0 || n_heads == 0 {
            return Self::default();
        }
        let maps = (0..n_heads)
            .flat_map(|head| (0..n_layers).map(move |layer| (layer * n_heads + head) as u32));
        let label = |layer: usize| WallLabel {
            text: layer.to_string(),
            x: layer as f64 * SWIPED_CELL,
            y: 0.0,
            width: SWIPED_CELL,
            is_after: false,
        };
        Self {
            n_cols: n_layers,
            n_rows: n_heads,
            cell: SWIPED_CELL,
            left: 0.0,
            top: GUTTER,
            width: SWIPED_CELL * n_layers as f64,
            height: GUTTER + SWIPED_CELL * n_heads as f64,
            order: maps.collect(),
            labels: (0..n_layers).map(label).collect(),
        }
    }

    /// Maps in a given order, row by row.
    pub fn ranked(ranking: &[u32], width: f64, height: f64) -> Self {
        if ranking.is_empty() || width <= 0.0 || height <= 0.0 {
            return Self::default();
        }
        let n = ranking.len();
        let fits = |n_cols: usize| {
            (width / n_cols as f64).min(height / n.div_ceil(n_cols) as f64).min(MAX_CELL)
        };
        let n_cols = (1..=n).max_by(|&a, &b| fits(a).total_cmp(&fits(b))).unwrap_or(1);
        let n_rows = n.div_ceil(n_cols);
        let cell = fits(n_cols).floor().max(MIN_CELL);
        Self {
            n_cols,
            n_rows,
            cell,
            width: cell * n_cols as f64,
            height: cell * n_rows as f64,
            order: ranking.to_vec(),
            ..Self::default()
        }
    }

    /// The map at a point.
    pub fn map_at(&self, x: f64, y: f64) -> Option<u32> {
        let (x, y) = (x - self.left, y - self.top);
        if self.cell <= 0.0 || x < 0.0 || y < 0.0 {
            return None;
        }
        let (col, row) = ((x / self.cell) as usize, (y / self.cell) as usize);
        if col >= self.n_cols {
            return None;
        }
        self.order.get(row * self.n_cols + col).copied()
    }

    /// Column and row of a map.
    pub fn place_of(&self, map: u32) -> Option<(usize, usize)> {
        let place = self.order.iter().position(|&known| known == map)?;
        Some((place % self.n_cols, place / self.n_cols))
    }

    /// Left and top of a place.
    pub fn corner(&self, (col, row): (usize, usize)) -> (f64, f64) {
        (self.left + self.cell * col as f64, self.top + self.cell * row as f64)
    }

    /// The map to which an arrow key leads.
    pub fn step(&self, map: u32, key: &str) -> Option<u32> {
        let (d_col, d_row): (isize, isize) = match key {
            "ArrowLeft" => (-1, 0),
            "ArrowRight" => (1, 0),
            "ArrowUp" => (0, -1),
            "ArrowDown" => (0, 1),
            _ => return None,
        };
        let (col, row) = self.place_of(map)?;
        let next_col = col.checked_add_signed(d_col).filter(|&col| col < self.n_cols);
        let next_row = row.checked_add_signed(d_row).filter(|&row| row < self.n_rows);
        let (Some(col), Some(row)) = (next_col, next_row) else { return Some(map) };
        Some(self.order.get(row * self.n_cols + col).copied().unwrap_or(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_holds_all(wall: &WallLayout, n_maps: u32) {
        let mut maps = wall.order.clone();
        maps.sort_unstable();
        assert_eq!(maps, (0..n_maps).collect::<Vec<u32>>());
        for map in 0..n_maps {
            let (x, y) = wall.corner(wall.place_of(map).unwrap());
            assert_eq!(wall.map_at(x + 1.0, y + 1.0), Some(map));
        }
    }

    #[test]
    fn thirty_layers_stand_in_two_blocks_and_fit() {
        let wall = WallLayout::by_layer(30, 9, 360.0, 400.0);
        assert_eq!((wall.n_cols, wall.n_rows), (18, 15));
        assert!(wall.cell >= 16.0 && wall.width <= 360.0 && wall.height <= 400.0, "{wall:?}");
        assert_holds_all(&wall, 270);
        assert_eq!(wall.labels[1].text, "15");
        assert!(wall.labels[1].is_after && !wall.labels[0].is_after);
    }

    #[test]
    fn few_or_odd_layers_stand_in_one_block() {
        for (n_layers, n_heads) in [(6, 12), (1, 4), (7, 2)] {
            let wall = WallLayout::by_layer(n_layers, n_heads, 360.0, 300.0);
            assert_eq!(wall.n_rows, n_layers);
            assert_holds_all(&wall, (n_layers * n_heads) as u32);
        }
    }

    #[test]
    fn keys_step_between_neighbours_and_stop_at_the_edge() {
        let wall = WallLayout::by_layer(30, 9, 360.0, 400.0);
        assert_eq!(wall.step(0, "ArrowDown"), Some(9));
        assert_eq!(wall.step(0, "ArrowUp"), Some(0));
        assert_eq!(wall.step(0, "ArrowLeft"), Some(0));
        assert_eq!(wall.step(8, "ArrowRight"), Some(15 * 9));
        assert_eq!(wall.step(0, "a"), None);
        assert_eq!(wall.map_at(1.0, 1.0), None, "labels stand there");
    }

    #[test]
    fn narrow_screens_swipe_by_layer() {
        let wall = WallLayout::swiped(30, 9);
        assert_eq!((wall.n_cols, wall.n_rows), (30, 9));
        assert_holds_all(&wall, 270);
        assert_eq!(wall.step(0, "ArrowRight"), Some(9));
    }

    #[test]
    fn a_ranking_fills_the_space() {
        let wall = WallLayout::ranked(&[2, 0, 1], 90.0, 30.0);
        assert_eq!((wall.n_cols, wall.n_rows, wall.cell), (3, 1, 30.0));
        assert_holds_all(&wall, 3);
        let ragged = WallLayout::ranked(&[0, 1, 2, 3, 4], 90.0, 60.0);
        assert_eq!(ragged.n_cols, 3);
        assert_eq!(ragged.step(2, "ArrowDown"), Some(2), "nothing stands below");
        assert_eq!(WallLayout::ranked(&[], 90.0, 30.0), WallLayout::default());
        assert_eq!(WallLayout::by_layer(0, 9, 90.0, 30.0), WallLayout::default());
        assert_eq!(WallLayout::default().map_at(0.0, 0.0), None);
    }
}
