//! Maps shrunk into one wall of thumbnails: each cell is the maximum over a square block.
//!
//! Shapes: maps, a state `[n_maps, C, S]` whose first `n = past + T` rows and columns are filled;
//! wall, a state `[n_wall, side, side]`, of which thumbnails `first_map..first_map + n_maps` are
//! written. With `block = ⌈n / side⌉`, cell (r, c) is the maximum over rows and columns
//! `r·block..`, `c·block..` below n, and zero outside. Only cells of rows from
//! `step.thumbnail_from / block` on are written.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::TensorId;

/// Which thumbnails, and how many rows a run adds.
#[derive(Clone, Copy, Debug)]
pub struct Thumbnail {
    /// Index in the wall of the first map.
    pub first_map: usize,
    /// T: rows that the run adds after `past`.
    pub n_rows: usize,
}

impl Recorder {
    /// Records [`Thumbnail`]: input `maps`, output `wall`.
    ///
    /// # Errors
    /// If the maps do not fit the wall.
    pub fn thumbnail(&mut self, maps: TensorId, wall: TensorId, params: Thumbnail) -> Result<(), RecordError> {
        let (from, to) = (self.shape(maps), self.shape(wall));
        let fits = self.is_state(maps)
            && self.is_state(wall)
            && from.dims().len() == 3
            && to.dims().len() == 3
            && to.dims()[1] == to.dims()[2]
            && params.first_map + from.dims()[0] <= to.dims()[0];
        self.expect(fits, "thumbnail", &[maps, wall], || format!("states that fit {params:?}"))?;
        self.push_into(Op::Thumbnail(params), vec![maps], vec![wall]);
        Ok(())
    }
}
