//! Masked softmax over the last dimension.
//!
//! Shapes: scores `[n_maps, T, S]`; optional padding mask `[S]` u32 (0 hides a column); optional
//! additive bias `[n_maps, T, S]` or `[1, T, S]`; optional biases by distance `[n_maps, 2R + 1]` →
//! pattern `[n_maps, T, S]`, or a state
//! `[n_maps, C, S]` whose rows `past..past + T` are written. A hidden cell gets exactly 0; a row
//! with every cell hidden is all zeros. Windows: Child et al. 2019 (arXiv 1904.10509); linear
//! biases: Press et al. 2021 (ALiBi, arXiv 2108.12409); biases by distance: Raffel et al. 2019 (T5,
//! arXiv 1910.10683).

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
pub(crate) mod gradient;
#[cfg(all(test, feature = "gpu"))]
mod tests;

use super::Op;
use crate::engine::Step;
use crate::error::RecordError;
use crate::recording::Recorder;
use crate::tensor::{DType, TensorId};
use crate::traffic::Traffic;

/// Parameters of a masked softmax.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Softmax {
    /// Row t sees columns up to `past + t`.
    pub causal: bool,
    /// Columns count up to `past + T` only (the scores come from keys in a state).
    pub until_filled: bool,
    /// Whether a padding mask is given (second input).
    pub has_padding: bool,
    /// Whether an additive bias is given (the next input).
    pub has_bias: bool,
    /// Whether biases by distance are given (last input).
    pub has_distances: bool,
    /// Which columns a row sees and how distance counts.
    pub reach: Reach,
    /// Set by the recorder: the output is a state, written at rows `past..`.
    pub into_state: bool,
}

impl Softmax {
    /// One past the last column that row `t` of `n_rows` may see at `step`.
    pub fn row_end(&self, t: usize, n_rows: usize, n_cols: usize, step: Step) -> usize {
        let past = step.past as usize;
        let filled = if self.until_filled { (past + n_rows).min(n_cols) } else { n_cols };
        if self.causal { (past + t + 1).min(filled) } else { filled }
    }

    /// What the shader moves for maps of scores of which `n_seen` cells are seen, in all rows of all maps
    /// together; without biases, before any rows of a state.
    pub fn traffic([n_maps, n_rows, n_cols]: [usize; 3], n_seen: u64) -> Traffic {
        // The maximum, the sum and the row are a pass each.
        Traffic { loads: 3 * n_seen, stores: (n_maps * n_rows * n_cols) as u64 }
    }
}

/// How far back a row sees, and what distance costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Of a causal row only the last so many columns are seen; 0: all.
    pub window: usize,
    /// Whether a score falls linearly with the distance, by its map's slope.
    pub alibi: bool,
}

impl Reach {
    /// The first column that the row at `position` sees.
    pub fn start(self, position: usize) -> usize {
        if self.window == 0 { 0 } else { (position + 1).saturating_sub(self.window) }
    }

    /// Takes the cost of distance off the scores of columns from `start` on, for the row at
    /// `position` of map `map`.
    pub fn add_to(self, scores: &mut [f32], start: usize, position: usize, slope: f32) {
        if self.alibi {
            for (col, score) in scores.iter_mut().enumerate() {
                *score += slope * ((start + col) as f32 - position as f32);
            }
        }
    }

    /// The slope of each of `n_maps` maps; empty without linear biases.
    pub fn slopes(self, n_maps: usize) -> Vec<f32> {
        if self.alibi { alibi_slopes(n_maps) } else { Vec::new() }
    }
}

/// Adds to the scores of columns from `start` on, for the row at `position`, what `by_distance`
/// `[2R + 1]` says of each distance from −R (and below) to R (and above).
pub fn add_by_distance(scores: &mut [f32], start: usize, position: usize, by_distance: &[f32]) {
    let (zero, last) = (by_distance.len() / 2, by_distance.len().saturating_sub(1));
    for (col, score) in scores.iter_mut().enumerate() {
        *score += by_distance[(start + col + zero).saturating_sub(position).min(last)];
    }
}

/// ALiBi's slopes: a geometric sequence from 2^(-8/n) for a power of two n of heads; else that of
/// the next lower power, then every other one of the next higher.
pub fn alibi_slopes(n_heads: usize) -> Vec<f32> {
    let lower = 1 << n_heads.max(1).ilog2();
    let slope = |n: usize, i: usize| (-8.0 * (i + 1) as f64 / n as f64).exp2() as f32;
    let first = (0..lower).map(|i| slope(lower, i));
    first.chain((0..n_heads - lower).map(|i| slope(2 * lower, 2 * i))).collect()
}

/// The masks of a softmax.
#[derive(Clone, Copy, Debug, Default)]
pub struct Masks {
    /// Row t sees columns up to `past + t`.
    pub causal: bool,
    /// Columns count up to `past + T` only.
    pub until_filled: bool,
    /// `[S]` u32: 0 hides a column.
    pub padding: Option<TensorId>,
    /// `[n_maps or 1, T, S]` f32, added to the scores.
    pub bias: Option<TensorId>,
    /// `[n_maps, 2R + 1]` f32: added to each score by its column's distance from its row, from −R
    /// (and below) to R (and above).
    pub distances: Option<TensorId>,
    /// Which columns a row sees and how distance counts.
    pub reach: Reach,
}

impl Recorder {
    /// Records [`Softmax`] into a new tensor: inputs scores, padding?, bias?.
    ///
    /// # Errors
    /// If a mask does not fit the scores.
    pub fn softmax(&mut self, scores: TensorId, masks: Masks) -> Result<TensorId, RecordError> {
        let (op, inputs) = self.softmax_op(scores, masks, false)?;
        let shape = self.shape(scores);
        Ok(self.push(op, inputs, &[(shape, DType::F32)])[0])
    }

    /// Records [`Softmax`] into rows `past..past + T` of `state` `[n_maps, C, S]`.
    ///
    /// # Errors
    /// If a mask or the state does not fit the scores.
    pub fn softmax_into(
        &mut self,
        scores: TensorId,
        masks: Masks,
        state: TensorId,
    ) -> Result<(), RecordError> {
        let (op, inputs) = self.softmax_op(scores, masks, true)?;
        let (from, to) = (self.shape(scores), self.shape(state));
        let fits = self.is_state(state)
            && to.dims().len() == 3
            && to.dims()[0] == from.dims()[0]
            && to.dims()[1] >= from.dims()[1]
            && to.dims()[2] == from.dims()[2];
        self.expect(fits, "softmax", &[scores, state], || "a state [n_maps, C, S]".to_owned())?;
        self.push_into(op, inputs, vec![state]);
        Ok(())
    }

    fn softmax_op(
        &self,
        scores: TensorId,
        masks: Masks,
        into_state: bool,
    ) -> Result<(Op, Vec<TensorId>), RecordError> {
        let shape = self.shape(scores);
        let inputs: Vec<_> =
            [Some(scores), masks.padding, masks.bias, masks.distances].into_iter().flatten().collect();
        let padding_fits = masks.padding.is_none_or(|mask| {
            self.dtype(mask) == DType::U32 && self.shape(mask).len() == shape.n_cols()
        });
        let bias_fits = masks.bias.is_none_or(|bias| {
            let (bias, scores) = (self.shape(bias), shape);
            bias.dims().len() == 3
                && (bias.dims()[0] == 1 || bias.dims()[0] == scores.dims()[0])
                && bias.dims()[1..] == scores.dims()[1..]
        });
        let fits = shape.dims().len() == 3
            && padding_fits
            && bias_fits
            && self.distances_fit(masks, shape.dims()[0]);
        self.expect(fits, "softmax", &inputs, || {
            "scores [n_maps, T, S], padding [S] u32, bias [n_maps or 1, T, S], distances [n_maps, odd]"
                .to_owned()
        })?;
        let op = Softmax {
            causal: masks.causal,
            until_filled: masks.until_filled,
            has_padding: masks.padding.is_some(),
            has_bias: masks.bias.is_some(),
            has_distances: masks.distances.is_some(),
            reach: masks.reach,
            into_state,
        };
        Ok((Op::Softmax(op), inputs))
    }

    /// Whether biases by distance, where given, are an f32 row of odd length for each map, and no
    /// linear ones are beside them.
    pub(crate) fn distances_fit(&self, masks: Masks, n_maps: usize) -> bool {
        masks.distances.is_none_or(|distances| {
            let shape = self.shape(distances);
            self.dtype(distances) == DType::F32
                && shape.dims().len() == 2
                && shape.n_rows() == n_maps
                && shape.n_cols() % 2 == 1
                && !masks.reach.alibi
        })
    }
}
