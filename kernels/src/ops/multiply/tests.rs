use crate::Step;
use crate::engine::testing::compare;

#[test]
fn multiply() {
    for n in [1, 63, 65, 1757] {
        compare(1e-6, Step::default(), |bench| {
            let (a, b) = (bench.normal([3, n]), bench.normal([3, n]));
            let y = bench.recorder.multiply(a, b).expect("fits");
            bench.keep(y);
        });
    }
}
