use crate::Step;
use crate::engine::testing::compare;
use crate::ops::attention_scores::AttentionScores;
use crate::ops::softmax::{Masks, Reach};

#[test]
fn attention_tiled() {
    for (n_heads, n_kv_heads, d_head) in [(1, 1, 1), (4, 4, 63), (9, 3, 64), (2, 1, 130)] {
        let heads = AttentionScores { n_heads, n_kv_heads, d_head, scale: 0.2, all_keys: false, keys_in_state: false };
        for causal in [false, true] {
            compare(2e-5, Step { past: 130, ..Step::default() }, |bench| {
                let q = bench.normal([5, n_heads * d_head]);
                let k = bench.normal([67, n_kv_heads * d_head]);
                let v = bench.normal([67, n_kv_heads * d_head]);
                let mask = (0..67).map(|i| u32::from(i % 5 != 0)).collect();
                let mask = bench.indices(mask);
                for padding in [None, Some(mask)] {
                    let masks = Masks { causal, padding, ..Masks::default() };
                    let attended = bench.recorder.attention_tiled([q, k, v], masks, heads);
                    let attended = attended.expect("fits");
                    bench.keep(attended.z);
                    bench.keep(attended.stats);
                }
                let distances = Some(bench.normal([n_heads, 9]));
                let masks = Masks { causal, padding: Some(mask), distances, ..Masks::default() };
                let attended = bench.recorder.attention_tiled([q, k, v], masks, heads);
                bench.keep(attended.expect("fits").z);
                let (_, k) = bench.state([200, n_kv_heads * d_head]);
                let (_, v) = bench.state([200, n_kv_heads * d_head]);
                let all_keys = AttentionScores { all_keys: true, ..heads };
                let masks = Masks { distances, ..Masks::default() };
                let attended = bench.recorder.attention_tiled([q, k, v], masks, all_keys);
                bench.keep(attended.expect("fits").z);
                for window in [0, 3, 70].map(|window| if causal { window } else { 0 }) {
                    let reach = Reach { window, alibi: causal };
                    let masks = Masks { causal, reach, ..Masks::default() };
                    let attended = bench.recorder.attention_tiled([q, k, v], masks, heads);
                    let attended = attended.expect("fits");
                    bench.keep(attended.z);
                    bench.keep(attended.stats);
                }
            });
        }
    }
}

#[test]
fn a_row_that_sees_nothing_is_zero() {
    let heads =
        AttentionScores { n_heads: 2, n_kv_heads: 2, d_head: 8, scale: 1.0, all_keys: false, keys_in_state: false };
    compare(0.0, Step::default(), |bench| {
        let [q, k, v] = [(); 3].map(|()| bench.normal([3, 16]));
        let mask = bench.indices(vec![0; 3]);
        let masks = Masks { padding: Some(mask), ..Masks::default() };
        let attended = bench.recorder.attention_tiled([q, k, v], masks, heads);
        let attended = attended.expect("fits");
        bench.keep(attended.z);
        bench.keep(attended.stats);
    });
}
