//! Room 10: what the walk back over tiles holds at each step.

use vitrine_models::claims::flash::{BackWalk, Gradients, Rules, Walk, gradient_of};

use crate::lens::attention::MatrixView;
use crate::palette::Scale;

/// Which matrix of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The tile of the pattern that is computed again.
    Pattern,
    /// The tile of the scores' gradient.
    Slopes,
    /// dQ, dK or dV so far.
    SoFar(Which),
    /// The same by matrices.
    Matrices(Which),
}

/// Whose gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Of queries.
    Queries,
    /// Of keys.
    Keys,
    /// Of values.
    Values,
}

impl Which {
    fn of(self, all: &Gradients) -> &[f32] {
        match self {
            Self::Queries => &all.q,
            Self::Keys => &all.k,
            Self::Values => &all.v,
        }
    }
}

/// The tiles of the walk back over n tokens, in their order: a block of queries and one of keys each.
pub fn back_tiles(rules: Rules, n: usize) -> Vec<[usize; 2]> {
    gradient_of(rules, 1).tiles([n, n])
}

/// A matrix of step `at` of the walk back over these tokens; none if there is no such step.
pub fn of_back_step(
    (walk, back): (&Walk, &BackWalk),
    rules: Rules,
    tokens: &[String],
    at: usize,
    shown: Shown,
) -> Option<MatrixView> {
    let n = tokens.len();
    let tiles = back_tiles(rules, n);
    let here = tiles.get(at)?;
    let view = MatrixView { n_rows: n, row_labels: tokens.to_vec(), ..MatrixView::default() };
    let of_tile = |values: &[f32], scale: Scale, quantity: &str| {
        let [rows, keys] = [rules.block_rows, rules.block_keys].map(|size| size as usize);
        let is_in = |cell: usize, tiles: &[[usize; 2]]| {
            let (row, key) = (cell / n, cell % n);
            (!rules.causal || key <= row) && tiles.contains(&[row / rows, key / keys])
        };
        let cells = |of: &dyn Fn(usize) -> bool| (0..n * n).map(of).collect::<Vec<_>>();
        MatrixView {
            n_cols: n,
            values: values.to_vec(),
            masked: cells(&|cell| !is_in(cell, &[*here])),
            far: cells(&|cell| is_in(cell, &tiles[..at])),
            reasons: vec![(true, "thrown away".into()), (false, "not there".into())],
            col_labels: tokens.to_vec(),
            scale,
            quantity: quantity.into(),
            ..view.clone()
        }
    };
    let of_rows = |values: &[f32], which: Which, quantity: &str| {
        let n_cols = values.len() / n;
        MatrixView {
            n_cols,
            values: values.to_vec(),
            col_labels: (1..=n_cols).map(|col| col.to_string()).collect(),
            // One scale for what is there so far and for what it becomes.
            scale: Scale::diverging(which.of(&back.matrices)),
            quantity: quantity.into(),
            ..view.clone()
        }
    };
    Some(match shown {
        Shown::Pattern => of_tile(&walk.pattern, Scale::UNIT, "attention weight"),
        Shown::Slopes => of_tile(&back.slopes, Scale::diverging(&back.slopes), "gradient"),
        Shown::SoFar(which) => {
            let now = back.at(at, rules, [n, n])?;
            of_rows(which.of(&now), which, "gradient so far")
        }
        Shown::Matrices(which) => of_rows(which.of(&back.matrices), which, "gradient"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens, blocks of one, d = 1: three tiles under a causal mask.
    fn walked() -> (Walk, BackWalk, Rules) {
        let walk = Walk {
            n_blocks: [2, 2],
            scores: vec![0.0; 4],
            pattern: vec![1.0, 0.0, 0.5, 0.5],
            matrices: vec![0.0; 2],
            stages: Vec::new(),
            error: 0.0,
            pattern_error: 0.0,
        };
        let matrices = Gradients { q: vec![1.0, 4.0], k: vec![3.0, 5.0], v: vec![6.0, 7.0] };
        let back = BackWalk {
            slopes: vec![0.1, 0.0, -0.2, 0.2],
            by_keys: vec![vec![1.0, 2.0], vec![1.0, 4.0]],
            by_rows: vec![[vec![1.0, 0.0], vec![2.0, 0.0]], [vec![3.0, 5.0], vec![6.0, 7.0]]],
            matrices,
            ..BackWalk::default()
        };
        (walk, back, Rules { block_rows: 1, block_keys: 1, causal: true })
    }

    #[test]
    fn gradients_grow_tile_by_tile() {
        let (walk, back, rules) = walked();
        let names = ["a".to_owned(), "b".to_owned()];
        assert_eq!(back_tiles(rules, 2), [[0, 0], [1, 0], [1, 1]]);
        let values = |at: usize, which: Which| {
            let shown = Shown::SoFar(which);
            of_back_step((&walk, &back), rules, &names, at, shown).map(|view| view.values)
        };
        assert_eq!(values(0, Which::Queries), Some(vec![1.0, 0.0]));
        assert_eq!(values(1, Which::Queries), Some(vec![1.0, 2.0]));
        assert_eq!(values(2, Which::Queries), Some(vec![1.0, 4.0]));
        assert_eq!(values(0, Which::Keys), Some(vec![1.0, 0.0]));
        assert_eq!(values(1, Which::Keys), Some(vec![3.0, 0.0]));
        assert_eq!(values(2, Which::Values), Some(vec![6.0, 7.0]));
        assert_eq!(values(3, Which::Values), None);
        let tile = of_back_step((&walk, &back), rules, &names, 1, Shown::Slopes).unwrap();
        assert_eq!(tile.masked, [true, true, false, true]);
        assert_eq!(tile.far, [true, false, false, false]);
    }
}
