use super::Mix;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn mix() {
    for n in [1, 63, 65, 1757] {
        compare(1e-6, Step::default(), |bench| {
            let (x, z) = (bench.normal([3, n]), bench.normal([3, n]));
            let y = bench.recorder.mix(x, z, Mix { a: 0.3, b: -1.7 }).expect("fits");
            let scaled = bench.recorder.times(y, 2.5).expect("fits");
            bench.keep(y);
            bench.keep(scaled);
        });
    }
}
