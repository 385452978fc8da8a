use super::Dropout;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn dropout() {
    for (n, rate) in [(1, 0.5), (63, 0.1), (1757, 0.9)] {
        compare(1e-7, Step::default(), |bench| {
            let x = bench.normal([n]);
            let seed = bench.indices(vec![0x89ab_cdef, n as u32]);
            let op = Dropout { rate, stream: 7 };
            let y = bench.recorder.dropout(x, seed, op).expect("fits");
            bench.keep(y);
        });
    }
}
