use crate::Step;
use crate::engine::testing::compare;

#[test]
fn op_name() {
    for n in [1, 63, 65, 1757] {
        compare(0.0, Step::default(), |bench| {
            let x = bench.normal([3, n]);
            let y = bench.recorder.op_name(x).expect("fits");
            bench.keep(y);
        });
    }
}
