use crate::Step;
use crate::engine::testing::compare;
use crate::ops::activation::Activation;

#[test]
fn gated_gradient() {
    for (n, kind) in [(1, Activation::Silu), (65, Activation::GeluTanh), (1757, Activation::GeluErf)] {
        compare(1e-5, Step::default(), |bench| {
            let all = [(); 3].map(|()| bench.normal([2, n]));
            let both = bench.recorder.gated_gradient(all, kind).expect("fits");
            both.into_iter().for_each(|id| bench.keep(id));
        });
    }
}
