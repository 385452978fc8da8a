use crate::Step;
use crate::engine::testing::compare;

#[test]
fn append() {
    for (n_rows, d, past) in [(1, 1, 0), (1, 63, 9), (4, 65, 3), (10, 7, 0)] {
        compare(0.0, Step { past, ..Step::default() }, |bench| {
            let (state, cache) = bench.state([10, d]);
            let x = bench.normal([n_rows, d]);
            bench.recorder.append(x, cache).expect("fits");
            bench.keep_state(state, [10, d]);
        });
    }
}

#[test]
fn what_is_appended_is_seen_later_in_the_same_run() {
    compare(0.0, Step { past: 2, ..Step::default() }, |bench| {
        let (_, cache) = bench.state([6, 5]);
        let x = bench.normal([3, 5]);
        bench.recorder.append(x, cache).expect("fits");
        let y = bench.recorder.add(cache, cache).expect("fits");
        bench.keep(y);
    });
}
