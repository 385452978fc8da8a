use crate::Step;
use crate::engine::testing::compare;

#[test]
fn sum_squares() {
    for n in [1, 65, 1757, 20_000] {
        compare(2e-5, Step::default(), |bench| {
            let (x, z) = (bench.normal([n]), bench.normal([3, 7]));
            let first = bench.recorder.sum_squares(x, None).expect("fits");
            let both = bench.recorder.sum_squares(z, Some(first)).expect("fits");
            bench.keep(first);
            bench.keep(both);
        });
    }
}
