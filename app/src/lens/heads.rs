//! Finding heads: one number for every head of the model, from its pattern.
//! (Olsson et al. 2022, "In-context Learning and Induction Heads"; scores as in TransformerLens's
//! `head_detector`, averaged over the queries for which the question makes sense.)

use crate::lens::trace::Trace;
use crate::state::url::WallSort;

/// Score of every head, `[n_layers, n_heads]`; `None` while a pattern is missing, or where no
/// token of the text can answer (no token occurs twice).
pub fn head_scores(
    trace: &Trace,
    n_layers: usize,
    n_heads: usize,
    ids: &[u32],
    sort: WallSort,
) -> Option<Vec<f32>> {
    let pairs = pairs_of(ids, sort);
    let n_queries = count_queries(&pairs);
    if n_queries == 0 {
        return None;
    }
    let mut scores = Vec::with_capacity(n_layers * n_heads);
    for layer in 0..n_layers {
        let pattern = trace.layer(layer, "attn.hook_pattern")?;
        let &[heads, n_rows, n_cols] = pattern.shape.as_slice() else { return None };
        if heads < n_heads || n_rows < ids.len() || n_cols < ids.len() {
            return None;
        }
        for head in 0..n_heads {
            let map = pattern.row(head);
            let sum: f32 = pairs.iter().map(|&(query, key)| map[query * n_cols + key]).sum();
            scores.push(sum / n_queries as f32);
        }
    }
    Some(scores)
}

/// Whether a text can answer a question: for some, a token must occur twice.
pub fn can_answer(ids: &[u32], sort: WallSort) -> bool {
    sort == WallSort::Layer || !pairs_of(ids, sort).is_empty()
}

/// Cells `(query, key)` whose weight counts.
fn pairs_of(ids: &[u32], sort: WallSort) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for query in 1..ids.len() {
        match sort {
            WallSort::Layer => {}
            WallSort::Previous => pairs.push((query, query - 1)),
            WallSort::Sink => pairs.push((query, 0)),
            WallSort::Duplicate | WallSort::Induction => {
                let step = usize::from(sort == WallSort::Induction);
                for earlier in (0..query).filter(|&earlier| ids[earlier] == ids[query]) {
                    // The key after a copy that is the query itself says nothing.
                    if earlier + step < query {
                        pairs.push((query, earlier + step));
                    }
                }
            }
        }
    }
    pairs
}

fn count_queries(pairs: &[(usize, usize)]) -> usize {
    let mut queries: Vec<usize> = pairs.iter().map(|pair| pair.0).collect();
    queries.dedup();
    queries.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lens::descending;
    use crate::lens::trace::layer_hook;

    const IDS: [u32; 4] = [7, 8, 7, 8];

    /// Head 0 looks at the token before, head 1 at the token after the earlier copy.
    fn trace() -> Trace {
        let mut values = vec![0.0; 2 * 16];
        for query in 1..4 {
            values[query * 4 + query - 1] = 1.0;
        }
        values[16 + 2 * 4 + 1] = 1.0;
        values[16 + 3 * 4 + 2] = 0.5;
        let mut trace = Trace::default();
        trace.insert(layer_hook(0, "attn.hook_pattern"), vec![2, 4, 4], values);
        trace
    }

    #[test]
    fn each_head_is_found_by_its_question() {
        let score = |sort| head_scores(&trace(), 1, 2, &IDS, sort).unwrap();
        assert_eq!(score(WallSort::Previous)[0], 1.0);
        assert_eq!(score(WallSort::Induction), [1.0, 0.75]);
        assert_eq!(descending(&[0.1, 0.9, 0.5]), [1, 2, 0]);
        assert!((score(WallSort::Sink)[0] - 1.0 / 3.0).abs() <= 1e-6);
        assert_eq!(score(WallSort::Duplicate), [0.0, 0.0]);
    }

    #[test]
    fn a_text_without_repeats_cannot_answer() {
        assert!(!can_answer(&[1, 2, 3], WallSort::Induction));
        assert!(!can_answer(&[1, 1], WallSort::Induction));
        assert!(can_answer(&[1, 1], WallSort::Duplicate));
        assert!(can_answer(&[1, 2], WallSort::Previous));
        assert!(!can_answer(&[1], WallSort::Sink));
        assert_eq!(head_scores(&trace(), 1, 2, &[1, 2, 3], WallSort::Duplicate), None);
        assert_eq!(head_scores(&trace(), 2, 2, &IDS, WallSort::Sink), None);
    }
}
