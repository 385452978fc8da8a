use super::RunningSum;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn running_sum() {
    for (n_sequences, t, n) in [(1, 1, 1), (3, 7, 5), (2, 65, 63), (1, 1757, 2)] {
        for reversed in [false, true] {
            compare(1e-5, Step::default(), |bench| {
                let x = bench.normal([n_sequences * t, n]);
                let op = RunningSum { n_sequences, reversed };
                let y = bench.recorder.running_sum(x, op).expect("fits");
                bench.keep(y);
            });
        }
    }
}
