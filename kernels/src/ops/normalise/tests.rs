use super::Normalise;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn normalise() {
    for n in [1, 65, 1757] {
        compare(2e-5, Step::default(), |bench| {
            let x = bench.normal([n]);
            let squares = bench.recorder.sum_squares(x, None).expect("fits");
            let y = bench.recorder.normalise(x, squares, Normalise { eps: 1e-7 }).expect("fits");
            bench.keep(y);
        });
    }
}
