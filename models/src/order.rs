//! One sort for all of the crate: each type that is sorted by itself would add some kilobytes to
//! what the page's visitors download.

use std::cmp::Ordering;

/// The indices `0..n` in the order that `compare` gives them, equal ones as they stood.
pub(crate) fn sorted(n: usize, compare: &mut dyn FnMut(usize, usize) -> Ordering) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..n).collect();
    indices.sort_by(|&a, &b| compare(a, b));
    indices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_ones_keep_their_order() {
        let values = [3, 1, 2, 1, 3, 0];
        assert_eq!(sorted(6, &mut |a, b| values[a].cmp(&values[b])), [5, 1, 3, 2, 0, 4]);
        assert!(sorted(0, &mut |_, _| Ordering::Equal).is_empty());
    }
}
