//! Where the thumbnails of all heads stand: heads across, layers down, in as many blocks side by
//! side (as the columns of a newspaper) as make the thumbnails largest.

/// A place of the wall without a thumbnail.
pub const NO_MAP: u32 = u32::MAX;

/// Widest thumbnail, CSS pixels.
const MAX_CELL: f64 = 44.0;

/// The layout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WallLayout {
    /// Places in a row, empty ones between blocks included.
    pub n_cols: usize,
    /// Rows.
    pub n_rows: usize,
    /// Size of a place, CSS pixels.
    pub cell: f64,
    /// Which map (layer · n_heads + head) stands at each place, or [`NO_MAP`].
    pub order: Vec<u32>,
    /// Layer labels: text, column of places, row.
    pub labels: Vec<(String, usize, usize)>,
}

impl WallLayout {
    /// Layers in order, fitted into some space; `max_rows` caps a block (on narrow screens, where
    /// blocks are swiped through).
    pub fn by_layer(
        n_layers: usize,
        n_heads: usize,
        width: f64,
        height: f64,
        max_rows: Option<usize>,
    ) -> Self {
        if n_layers == 0 || n_heads == 0 || width <= 0.0 || height <= 0.0 {
            return Self::default();
        }
        let shape = |n_blocks: usize| {
            let n_rows = n_layers.div_ceil(n_blocks);
            // A place before each block holds the labels.
            let n_cols = n_blocks * (n_heads + 1);
            (n_cols, n_rows, (width / n_cols as f64).min(height / n_rows as f64).min(MAX_CELL))
        };
        let (n_cols, n_rows, cell) = match max_rows {
            Some(max_rows) => {
                let n_blocks = n_layers.div_ceil(max_rows.max(1));
                let n_rows = n_layers.div_ceil(n_blocks);
                let cell = (width / (n_heads + 1) as f64).min(MAX_CELL);
                (n_blocks * (n_heads + 1), n_rows, cell)
            }
            None => (1..=n_layers.min(6))
                .map(shape)
                .max_by(|a, b| a.2.total_cmp(&b.2))
                .unwrap_or_default(),
        };
        let cell = cell.floor().max(6.0);
        let mut order = vec![NO_MAP; n_cols * n_rows];
        let mut labels = Vec::with_capacity(n_layers);
        for layer in 0..n_layers {
            let (block, row) = (layer / n_rows, layer % n_rows);
            let first = block * (n_heads + 1);
            labels.push((layer.to_string(), first, row));
            for head in 0..n_heads {
                order[row * n_cols + first + 1 + head] = (layer * n_heads + head) as u32;
            }
        }
        Self { n_cols, n_rows, cell, order, labels }
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
        let mut order = ranking.to_vec();
        order.resize(n_cols * n_rows, NO_MAP);
        Self { n_cols, n_rows, cell: fits(n_cols).floor().max(6.0), order, labels: Vec::new() }
    }

    /// The map at a point.
    pub fn map_at(&self, x: f64, y: f64) -> Option<u32> {
        if self.cell <= 0.0 || x < 0.0 || y < 0.0 {
            return None;
        }
        let (col, row) = ((x / self.cell) as usize, (y / self.cell) as usize);
        if col >= self.n_cols {
            return None;
        }
        self.order.get(row * self.n_cols + col).copied().filter(|&map| map != NO_MAP)
    }

    /// Column and row of a map.
    pub fn place_of(&self, map: u32) -> Option<(usize, usize)> {
        let place = self.order.iter().position(|&known| known == map)?;
        Some((place % self.n_cols, place / self.n_cols))
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
        let (mut col, mut row) = self.place_of(map)?;
        loop {
            let next_col = col.checked_add_signed(d_col).filter(|&col| col < self.n_cols);
            let next_row = row.checked_add_signed(d_row).filter(|&row| row < self.n_rows);
            let (Some(next_col), Some(next_row)) = (next_col, next_row) else { return Some(map) };
            (col, row) = (next_col, next_row);
            let found = self.order[row * self.n_cols + col];
            if found != NO_MAP {
                return Some(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_layers_stand_in_blocks_and_fit() {
        let wall = WallLayout::by_layer(30, 9, 360.0, 400.0, None);
        assert!(wall.cell >= 16.0, "{}", wall.cell);
        assert!(wall.n_cols as f64 * wall.cell <= 360.0);
        assert!(wall.n_rows as f64 * wall.cell <= 400.0);
        let mut maps: Vec<u32> = wall.order.iter().copied().filter(|&m| m != NO_MAP).collect();
        maps.sort_unstable();
        assert_eq!(maps, (0..270).collect::<Vec<u32>>());
    }

    #[test]
    fn points_places_and_steps_agree() {
        let wall = WallLayout::by_layer(30, 9, 360.0, 400.0, None);
        for map in [0, 5, 134, 135, 269] {
            let (col, row) = wall.place_of(map).unwrap();
            let (x, y) = (col as f64 * wall.cell + 1.0, row as f64 * wall.cell + 1.0);
            assert_eq!(wall.map_at(x, y), Some(map));
        }
        assert_eq!(wall.map_at(1.0, 1.0), None, "labels stand there");
        assert_eq!(wall.step(0, "ArrowDown"), Some(9));
        assert_eq!(wall.step(0, "ArrowUp"), Some(0));
        assert_eq!(wall.step(0, "ArrowLeft"), Some(0));
        assert_eq!(wall.step(8, "ArrowRight"), Some(wall.n_rows as u32 * 9));
        assert_eq!(wall.step(0, "a"), None);
    }

    #[test]
    fn narrow_screens_get_blocks_as_wide_as_they_are() {
        let wall = WallLayout::by_layer(30, 9, 350.0, 300.0, Some(6));
        assert_eq!(wall.cell, 35.0);
        assert_eq!((wall.n_cols, wall.n_rows), (50, 6));
    }

    #[test]
    fn a_ranking_fills_the_space() {
        let wall = WallLayout::ranked(&[2, 0, 1], 90.0, 30.0);
        assert_eq!((wall.n_cols, wall.n_rows, wall.cell), (3, 1, 30.0));
        assert_eq!(wall.map_at(1.0, 1.0), Some(2));
        assert_eq!(WallLayout::ranked(&[], 90.0, 30.0), WallLayout::default());
        assert_eq!(WallLayout::by_layer(0, 9, 90.0, 30.0, None), WallLayout::default());
        assert_eq!(WallLayout::default().map_at(0.0, 0.0), None);
    }
}
