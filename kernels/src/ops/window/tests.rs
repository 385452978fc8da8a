use super::Window;
use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn window() {
    // Rows, columns, shift, columns of the result.
    let cases = [(1, 1, 0, 1), (3, 65, 7, 33), (5, 9, -4, 20), (2, 7, -9, 5), (2, 7, 9, 5), (4, 63, 60, 9)];
    for (n_rows, n, shift, n_cols) in cases {
        compare(0.0, Step::default(), |bench| {
            let x = bench.normal([n_rows, n]);
            let op = Window { n_rows, shift, n_cols };
            let y = bench.recorder.window(x, op, [n_rows * n_cols]).expect("fits");
            bench.keep(y);
        });
    }
    compare(0.0, Step::default(), |bench| {
        let x = bench.normal([6, 35]);
        let y = bench.recorder.reshaped(x, [10, 21]).expect("as many");
        let y = bench.recorder.columns(y, 3..20).expect("has them");
        bench.keep(y);
    });
}

#[test]
fn shapes_must_hold_the_values() {
    let mut recorder = Recorder::new();
    let x = recorder.input([2, 6], DType::F32);
    let err = recorder.reshaped(x, [5]).expect_err("12 and 5");
    assert!(err.to_string().contains("[2, 6]"), "{err}");
    assert!(recorder.columns(x, 3..7).is_err());
}
