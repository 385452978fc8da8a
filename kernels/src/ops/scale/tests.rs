use super::Scale;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn scale() {
    for past in [0, 3] {
        compare(0.0, Step { past, ..Step::default() }, |bench| {
            let x = bench.normal([5, 65]);
            let params = Scale { rows: 4..1_000_000, cols: 7..64, factor: 0.25 };
            let y = bench.recorder.scale(x, params).expect("fits");
            bench.keep(y);
            let params = Scale { rows: 0..usize::MAX, cols: 0..65, factor: 0.0 };
            let y = bench.recorder.scale(x, params).expect("fits");
            bench.keep(y);
        });
    }
}
