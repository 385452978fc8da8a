use super::Activation;
use crate::Step;
use crate::engine::testing::compare;

const ALL: [Activation; 5] = [
    Activation::GeluErf,
    Activation::GeluTanh,
    Activation::Silu,
    Activation::Relu,
    Activation::Tanh,
];

#[test]
fn activation() {
    for kind in ALL {
        for n in [1, 63, 1757] {
            compare(3e-7, Step::default(), |bench| {
                let x = bench.normal([2, n]);
                let y = bench.recorder.activation(x, kind).expect("fits");
                bench.keep(y);
            });
        }
    }
}

#[test]
fn the_whole_line_and_the_extremes() {
    let mut values: Vec<f32> = (-4000..4000).map(|i| i as f32 / 400.0).collect();
    values.extend([1e4, -1e4, 1e-8, -1e-8, 0.0, -0.0, 88.0, -88.0, 200.0, -200.0]);
    for kind in ALL {
        // 1 + erf cancels where x is far below 0: an ulp of 1 times |x| remains.
        compare(1e-6, Step::default(), |bench| {
            let x = bench.given([values.len()], values.clone());
            let y = bench.recorder.activation(x, kind).expect("fits");
            bench.keep(y);
        });
    }
}

#[test]
fn a_nan_stays_a_nan() {
    for kind in [Activation::GeluErf, Activation::GeluTanh, Activation::Silu, Activation::Tanh] {
        compare(0.0, Step::default(), |bench| {
            let x = bench.given([3], vec![f32::NAN, 0.0, f32::NAN]);
            let y = bench.recorder.activation(x, kind).expect("fits");
            bench.keep(y);
        });
    }
}
