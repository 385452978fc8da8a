use super::{FeatureMap, Features};
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn feature_map_and_its_gradient() {
    let all = [
        Features::Identity,
        Features::EluPlusOne,
        Features::Relu,
        Features::Dpfp(1),
        Features::Dpfp(3),
        Features::FavorPositive,
        Features::FavorTrigonometric,
    ];
    for features in all {
        for (t, n_heads, d_head, m) in [(1, 1, 1, 1), (5, 3, 7, 65), (65, 2, 5, 9)] {
            compare(2e-5, Step::default(), |bench| {
                let x = bench.normal([t, n_heads * d_head]);
                let x = bench.recorder.times(x, 0.5).expect("any");
                let omega = features.is_random().then(|| bench.normal([m, d_head]));
                let op = FeatureMap { features, d_head };
                let y = bench.recorder.feature_map(x, omega, op).expect("fits");
                let dy = bench.normal([t, n_heads * features.width(d_head, m)]);
                let back = bench.recorder.backward_from(&[(y, dy)], &[x]).expect("has a rule");
                bench.keep(y);
                bench.keep(back[0]);
            });
        }
    }
}
