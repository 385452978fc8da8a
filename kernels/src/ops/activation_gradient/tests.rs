use crate::Step;
use crate::engine::testing::compare;
use crate::ops::activation::Activation;

#[test]
fn activation_gradient() {
    let kinds = [
        Activation::GeluErf,
        Activation::GeluTanh,
        Activation::Silu,
        Activation::Relu,
        Activation::Tanh,
    ];
    for kind in kinds {
        compare(1e-5, Step::default(), |bench| {
            let x: Vec<f32> = (0..1757).map(|i| (i - 878) as f32 / 90.0).collect();
            let (x, dy) = (bench.given([1757], x), bench.normal([1757]));
            let dx = bench.recorder.activation_gradient(x, dy, kind).expect("fits");
            bench.keep(dx);
        });
    }
}
