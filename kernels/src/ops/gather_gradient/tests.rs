use crate::Step;
use crate::engine::testing::compare;

#[test]
fn gather_gradient() {
    for (n, d, t) in [(1, 1, 1), (7, 65, 130), (200, 33, 63)] {
        compare(1e-6, Step::default(), |bench| {
            let dy = bench.normal([t, d]);
            let ids = (0..t as u32).map(|i| i * i % (n as u32 + 2)).collect();
            let ids = bench.indices(ids);
            let table = bench.recorder.gather_gradient(dy, ids, n).expect("fits");
            bench.keep(table);
        });
    }
}
