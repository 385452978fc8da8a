use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn additive_scores() {
    for (n_rows, n_keys, a) in [(1, 1, 1), (1, 65, 33), (4, 63, 64), (17, 130, 9)] {
        compare(1e-5, Step { past: 2, ..Step::default() }, |bench| {
            let q = bench.normal([n_rows, a]);
            let (_, k) = bench.state([n_keys, a]);
            let v = bench.normal([1, a]);
            let scores = bench.recorder.additive_scores(q, k, v).expect("fits");
            bench.keep(scores);
        });
    }
}

#[test]
fn columns_must_be_as_many() {
    let mut recorder = Recorder::new();
    let q = recorder.input([2, 4], DType::F32);
    let k = recorder.input([3, 5], DType::F32);
    let err = recorder.additive_scores(q, k, q).expect_err("4 and 5");
    assert!(err.to_string().contains("[3, 5]"), "{err}");
}
