//! Large matrices for a small picture: means of boxes of equal size.

/// Most rows and columns of a picture.
const MAX_SIDE: usize = 96;

/// A matrix, or the means of its boxes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Boxed {
    /// `[n_rows, n_cols]`.
    pub values: Vec<f32>,
    /// Rows and columns.
    pub size: (usize, usize),
    /// Rows and columns of a box.
    pub box_size: (usize, usize),
}

/// Means of boxes of `[n_rows, n_cols]` values; those at the far edges may be smaller.
pub(super) fn boxed(values: &[f32], (n_rows, n_cols): (usize, usize)) -> Boxed {
    let box_size = (n_rows.div_ceil(MAX_SIDE).max(1), n_cols.div_ceil(MAX_SIDE).max(1));
    let size = (n_rows.div_ceil(box_size.0), n_cols.div_ceil(box_size.1));
    if box_size == (1, 1) {
        return Boxed { values: values.to_vec(), size, box_size };
    }
    let mut sums = vec![(0.0_f64, 0_u32); size.0 * size.1];
    for (idx, &value) in values.iter().enumerate() {
        let (row, col) = (idx / n_cols, idx % n_cols);
        let sum = &mut sums[row / box_size.0 * size.1 + col / box_size.1];
        *sum = (sum.0 + f64::from(value), sum.1 + 1);
    }
    let values = sums.into_iter().map(|(sum, n)| (sum / f64::from(n)) as f32).collect();
    Boxed { values, size, box_size }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_ones_come_as_they_are() {
        let boxed = boxed(&[1.0, 2.0, 3.0], (1, 3));
        assert_eq!((boxed.size, boxed.box_size), ((1, 3), (1, 1)));
        assert_eq!(boxed.values, [1.0, 2.0, 3.0]);
    }

    #[test]
    fn large_ones_are_means_whose_mean_is_that_of_all() {
        let values: Vec<f32> = (0..200 * 192).map(|at| (at % 7) as f32).collect();
        let boxed = boxed(&values, (200, 192));
        assert_eq!((boxed.box_size, boxed.size), ((3, 2), (67, 96)));
        let weigh = |idx: usize| if idx / 96 == 66 { 4.0 } else { 6.0 };
        let sum: f64 =
            boxed.values.iter().enumerate().map(|(at, &v)| f64::from(v) * weigh(at)).sum();
        let whole: f64 = values.iter().map(|&v| f64::from(v)).sum();
        assert!((sum - whole).abs() <= 1e-2, "{sum} {whole}");
    }
}
