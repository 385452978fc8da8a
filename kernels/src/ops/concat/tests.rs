use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn concat() {
    for (n_rows, m, n) in [(1, 1, 1), (1, 63, 2), (5, 65, 33), (70, 3, 100)] {
        compare(0.0, Step::default(), |bench| {
            let (a, b) = (bench.normal([n_rows, m]), bench.normal([n_rows, n]));
            let y = bench.recorder.concat(a, b).expect("fits");
            bench.keep(y);
        });
    }
}

#[test]
fn rows_must_be_as_many() {
    let mut recorder = Recorder::new();
    let a = recorder.input([2, 4], DType::F32);
    let b = recorder.input([3, 4], DType::F32);
    let err = recorder.concat(a, b).expect_err("2 and 3");
    assert!(err.to_string().contains("concat"), "{err}");
}
