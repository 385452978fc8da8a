use crate::Step;
use crate::engine::testing::compare;
use crate::ops::attention::{Attention, Given};
use crate::ops::softmax::Reach;

/// With what the bits ask for: 1 shown, 2 a bias for each head, 8 biases by distance, 16 dropout.
#[test]
fn attention_recomputed_and_its_gradients() {
    let heads = |n_sequences, n_heads, n_kv_heads, d_head, causal| Attention {
        n_sequences,
        n_heads,
        n_kv_heads,
        d_head,
        causal,
        scale: 0.3,
        ..Attention::default()
    };
    let reach = Reach { window: 5, alibi: true };
    let cases = [
        (heads(1, 1, 1, 1, true), [1, 1], 0),
        (heads(2, 4, 2, 17, true), [65, 65], 1),
        (heads(2, 2, 2, 8, false), [9, 70], 2),
        (heads(2, 2, 1, 66, true), [6, 10], 8 + 1),
        (heads(2, 2, 2, 16, true), [20, 20], 16),
        (Attention { reach, ..heads(2, 3, 3, 6, true) }, [20, 20], 16),
    ];
    for (op, [n_rows, n_cols], bits) in cases {
        compare(5e-5, Step::default(), |bench| {
            let b = op.n_sequences;
            let q = bench.normal([b * n_rows, op.n_heads * op.d_head]);
            let [k, v] = [(); 2].map(|()| bench.normal([b * n_cols, op.n_kv_heads * op.d_head]));
            let is_given = |bit: u32| bits & bit != 0;
            let shown: Vec<u32> = (0..(b * n_cols) as u32).map(|i| u32::from(i % 7 != 3)).collect();
            let given = Given {
                shown: is_given(1).then(|| bench.indices(shown)),
                bias: is_given(2).then(|| bench.normal([op.n_heads, n_rows, n_cols])),
                distances: is_given(8).then(|| bench.normal([op.n_heads, 7])),
                seed: is_given(16).then(|| bench.indices(vec![5, 77])),
            };
            let op = Attention { dropout: if is_given(16) { 0.3 } else { 0.0 }, stream: 9, ..op };
            let all = bench.recorder.attention_recomputed([q, k, v], given, op).expect("fits");
            let weights = bench.normal([b * n_rows, op.n_heads * op.d_head]);
            let seeds = [(all.z, weights)];
            let back = bench.recorder.backward_from(&seeds, &[q, k, v]).expect("has rules");
            [all.z, all.stats].into_iter().chain(back).for_each(|id| bench.keep(id));
        });
    }
}
