use super::HeadScale;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn head_scale() {
    for (t, n_heads, d) in [(1, 1, 1), (5, 3, 17), (65, 4, 65), (2, 1, 1757)] {
        for op in [HeadScale::Times, HeadScale::Over(20.0)] {
            compare(1e-6, Step::default(), |bench| {
                let (x, s) = (bench.normal([t, n_heads * d]), bench.normal([t, n_heads]));
                let y = bench.recorder.head_scale(x, s, op).expect("fits");
                bench.keep(y);
            });
        }
    }
}
