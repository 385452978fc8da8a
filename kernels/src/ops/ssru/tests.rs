use crate::Step;
use crate::engine::testing::compare;

#[test]
fn ssru() {
    for (n_rows, d, past) in [(1, 1, 0), (1, 63, 9), (4, 65, 3), (10, 256, 0)] {
        compare(1e-6, Step { past, ..Step::default() }, |bench| {
            let (state, cells) = bench.state([10, d]);
            let (gate, x) = (bench.normal([n_rows, d]), bench.normal([n_rows, d]));
            let c = bench.recorder.ssru(gate, x, cells).expect("fits");
            bench.keep(c);
            bench.keep_state(state, [10, d]);
        });
    }
}
