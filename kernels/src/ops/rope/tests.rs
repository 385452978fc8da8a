use super::{Rope, RopePairs};
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn rope() {
    for pairs in [RopePairs::Halves, RopePairs::Interleaved] {
        for (d_head, n_rotary) in [(2, 2), (64, 64), (80, 32), (6, 0)] {
            compare(1e-6, Step::default(), |bench| {
                let x = bench.normal([5, 3 * d_head]);
                let positions = bench.indices(vec![0, 1, 511, 8191, 131_071]);
                let params = Rope { d_head, n_rotary, base: 10_000.0, pairs, has_factors: false, inverse: false };
                let y = bench.recorder.rope(x, positions, None, params).expect("fits");
                bench.keep(y);
            });
        }
    }
}

#[test]
fn frequency_factors() {
    compare(1e-4, Step::default(), |bench| {
        let x = bench.normal([3, 64]);
        let positions = bench.indices(vec![1, 100, 1999]);
        let factors: Vec<f32> = (0..32).map(|i| if i < 16 { 1.0 } else { 8.0 }).collect();
        let factors = bench.given([32], factors);
        let pairs = RopePairs::Halves;
        let params = Rope { d_head: 64, n_rotary: 64, base: 5e5, pairs, has_factors: true, inverse: true };
        let y = bench.recorder.rope(x, positions, Some(factors), params).expect("fits");
        bench.keep(y);
    });
}
