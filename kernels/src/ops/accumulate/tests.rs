use crate::Step;
use crate::engine::testing::compare;

#[test]
fn accumulate() {
    for n in [1, 63, 65, 1757] {
        compare(1e-6, Step::default(), |bench| {
            let (state, sum) = bench.state([2, n]);
            let x = bench.normal([2, n]);
            bench.recorder.accumulate(x, sum).expect("fits");
            bench.recorder.accumulate(x, sum).expect("fits");
            bench.keep_state(state, [2, n]);
        });
    }
}
