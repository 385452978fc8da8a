use crate::Step;
use crate::engine::testing::compare;

#[test]
fn head_dots() {
    for (t, n_heads, d) in [(1, 1, 1), (5, 3, 17), (65, 4, 65), (2, 1, 1757)] {
        compare(1e-5, Step::default(), |bench| {
            let (x, y) = (bench.normal([t, n_heads * d]), bench.normal([t, n_heads * d]));
            let sums = bench.recorder.head_dots(x, y, n_heads).expect("fits");
            bench.keep(sums);
        });
    }
}
