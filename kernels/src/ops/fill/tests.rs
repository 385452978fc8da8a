use crate::Step;
use crate::engine::testing::compare;

#[test]
fn fill() {
    for n in [1, 63, 65, 1757] {
        compare(1e-7, Step::default(), |bench| {
            let (state, cleared) = bench.state([2, n]);
            let y = bench.recorder.fill([n], -1.5);
            bench.recorder.clear(cleared).expect("a state");
            bench.keep(y);
            bench.keep_state(state, [2, n]);
        });
    }
}
