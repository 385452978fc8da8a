use super::{Attention, Given};
use crate::Step;
use crate::engine::testing::{Bench, compare};
use crate::ops::softmax::Reach;

/// Attention and its gradients over `[n_sequences, T, S]`, with what the bits ask for: 1 shown, 2 a
/// bias for each head, 4 one for all, 8 biases by distance, 16 dropout.
fn both(bench: &mut Bench, op: Attention, [n_rows, n_cols]: [usize; 2], bits: u32) {
    let b = op.n_sequences;
    let q = bench.normal([b * n_rows, op.n_heads * op.d_head]);
    let [k, v] = [(); 2].map(|()| bench.normal([b * n_cols, op.n_kv_heads * op.d_head]));
    let is_given = |bit: u32| bits & bit != 0;
    let shown: Vec<u32> = (0..(b * n_cols) as u32).map(|i| u32::from(i % 7 != 3)).collect();
    let shown = is_given(1).then(|| bench.indices(shown));
    let bias = match (is_given(2), is_given(4)) {
        (true, _) => Some(bench.normal([op.n_heads, n_rows, n_cols])),
        (_, true) => Some(bench.normal([1, n_rows, n_cols])),
        _ => None,
    };
    let distances = is_given(8).then(|| bench.normal([op.n_heads, 7]));
    let seed = is_given(16).then(|| bench.indices(vec![5, 77]));
    let op = Attention { dropout: if is_given(16) { 0.3 } else { 0.0 }, stream: 9, ..op };
    let given = Given { shown, bias, distances, seed };
    let all = bench.recorder.attention([q, k, v], given, op).expect("fits");
    [all.z, all.stats, all.pattern].into_iter().for_each(|id| bench.keep(id));
    let weights = bench.normal([b * n_rows, op.n_heads * op.d_head]);
    let product = bench.recorder.multiply(all.z, weights).expect("alike");
    let squares = bench.recorder.sum_squares(product, None).expect("fits");
    bench.keep(squares);
    let wanted: Vec<_> = [Some(q), Some(k), Some(v), bias, distances].into_iter().flatten().collect();
    let back = bench.recorder.backward_from(&[(product, weights)], &wanted).expect("has rules");
    back.into_iter().for_each(|id| bench.keep(id));
}

#[test]
fn attention_and_its_gradients() {
    let heads = |n_sequences, n_heads, n_kv_heads, d_head, causal| Attention {
        n_sequences,
        n_heads,
        n_kv_heads,
        d_head,
        causal,
        scale: 0.3,
        ..Attention::default()
    };
    let window = Reach { window: 5, alibi: false };
    let alibi = Reach { window: 0, alibi: true };
    let cases = [
        (heads(1, 1, 1, 1, true), [1, 1], 0),
        (heads(3, 4, 2, 17, true), [65, 65], 1),
        (heads(2, 2, 2, 8, false), [9, 33], 2),
        (heads(2, 3, 1, 5, false), [70, 12], 4 + 1),
        (heads(2, 2, 1, 16, true), [6, 10], 8),
        (heads(2, 2, 2, 16, true), [20, 20], 16),
        (heads(3, 2, 2, 6, false), [20, 20], 31 - 4),
        (Attention { reach: window, ..heads(2, 2, 2, 6, true) }, [20, 20], 0),
        (Attention { reach: alibi, ..heads(2, 3, 3, 6, true) }, [20, 20], 16),
    ];
    for (op, extents, bits) in cases {
        compare(3e-5, Step::default(), |bench| both(bench, op, extents, bits));
    }
}
