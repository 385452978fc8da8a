use crate::Step;
use crate::engine::testing::compare;
use crate::ops::activation::Activation;

#[test]
fn gated() {
    for activation in [Activation::Silu, Activation::GeluErf, Activation::GeluTanh] {
        for n in [1, 63, 65, 1757] {
            compare(1e-6, Step::default(), |bench| {
                let (gate, up) = (bench.normal([2, n]), bench.normal([2, n]));
                let y = bench.recorder.gated(gate, up, activation).expect("fits");
                bench.keep(y);
            });
        }
    }
}
