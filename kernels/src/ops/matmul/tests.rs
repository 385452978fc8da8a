use super::Matmul;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn matmul() {
    for (m, n, k) in [(1, 1, 1), (3, 65, 63), (70, 129, 33), (130, 5, 257)] {
        for (a_turned, b_turned) in [(false, false), (false, true), (true, false), (true, true)] {
            compare(2e-5, Step::default(), |bench| {
                let a = bench.normal(if a_turned { [k, m] } else { [m, k] });
                let b = bench.normal(if b_turned { [n, k] } else { [k, n] });
                let op = Matmul { a_turned, b_turned };
                let c = bench.recorder.matmul(a, b, op).expect("fits");
                bench.keep(c);
            });
        }
    }
}
