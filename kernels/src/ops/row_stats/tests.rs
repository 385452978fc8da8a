use super::EntropyOf;
use crate::Step;
use crate::engine::testing::compare;
use crate::ops::softmax::Masks;

#[test]
fn row_stats() {
    for (n_rows, n) in [(1, 1), (3, 63), (65, 65), (2, 1757)] {
        compare(2e-5, Step::default(), |bench| {
            let x = bench.normal([1, n_rows, n]);
            let stats = bench.recorder.row_stats(x, EntropyOf::Logits).expect("fits");
            bench.keep(stats);
            let pattern = bench.recorder.softmax(x, Masks::default()).expect("fits");
            let stats = bench.recorder.row_stats(pattern, EntropyOf::Probabilities).expect("fits");
            bench.keep(stats);
        });
    }
}
