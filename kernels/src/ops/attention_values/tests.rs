use super::AttentionValues;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn attention_values() {
    for (n_heads, n_kv_heads, d_head) in [(1, 1, 1), (4, 4, 63), (9, 3, 64), (6, 1, 65)] {
        let params = AttentionValues {
            n_heads,
            n_kv_heads,
            d_head,
            pattern_in_state: false,
            all_values: false,
            values_in_state: false,
        };
        compare(1e-5, Step { past: 30, ..Step::default() }, |bench| {
            let pattern = bench.normal([n_heads, 5, 67]);
            let v = bench.normal([67, n_kv_heads * d_head]);
            let z = bench.recorder.attention_values(pattern, v, 5, params).expect("fits");
            bench.keep(z);
            let (_, pattern) = bench.state([n_heads, 67, 67]);
            let (_, v) = bench.state([67, n_kv_heads * d_head]);
            let z = bench.recorder.attention_values(pattern, v, 5, params).expect("fits");
            bench.keep(z);
        });
    }
}
