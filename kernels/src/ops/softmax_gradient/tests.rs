use crate::Step;
use crate::engine::testing::compare;
use crate::ops::softmax::Masks;

#[test]
fn softmax_gradient() {
    for (t, n) in [(1, 1), (3, 65), (5, 257)] {
        compare(1e-6, Step::default(), |bench| {
            let (x, dy) = (bench.normal([2, t, n]), bench.normal([2, t, n]));
            let y = bench.recorder.softmax(x, Masks::default()).expect("fits");
            let dx = bench.recorder.softmax_gradient(y, dy).expect("fits");
            bench.keep(dx);
        });
    }
}
