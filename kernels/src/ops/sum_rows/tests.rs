use crate::Step;
use crate::engine::testing::compare;

#[test]
fn sum_rows() {
    for (t, n) in [(1, 1), (3, 65), (70, 63), (257, 40)] {
        compare(1e-5, Step::default(), |bench| {
            let x = bench.normal([t, n]);
            let y = bench.recorder.sum_rows(x).expect("fits");
            bench.keep(y);
        });
    }
}
