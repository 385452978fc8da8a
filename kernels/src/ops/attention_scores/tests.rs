use super::AttentionScores;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn attention_scores() {
    for (n_heads, n_kv_heads, d_head) in [(1, 1, 1), (4, 4, 63), (9, 3, 64), (6, 1, 65)] {
        let params =
            AttentionScores { n_heads, n_kv_heads, d_head, scale: 0.3, all_keys: false, keys_in_state: false };
        compare(1e-5, Step { past: 40, ..Step::default() }, |bench| {
            let q = bench.normal([5, n_heads * d_head]);
            let k = bench.normal([67, n_kv_heads * d_head]);
            let scores = bench.recorder.attention_scores(q, k, params).expect("fits");
            bench.keep(scores);
            let (_, k) = bench.state([67, n_kv_heads * d_head]);
            let scores = bench.recorder.attention_scores(q, k, params).expect("fits");
            bench.keep(scores);
        });
    }
}
