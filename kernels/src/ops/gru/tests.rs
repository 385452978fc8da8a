use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn gru() {
    let cases = [(1, 1, 0, false), (1, 33, 9, false), (4, 17, 3, false), (7, 36, 0, true)];
    for (n_rows, d, past, backwards) in cases {
        compare(1e-4, Step { past, ..Step::default() }, |bench| {
            let (state, hidden) = bench.state([10, d]);
            let x = bench.normal([n_rows, 3 * d]);
            let w = bench.weight([3 * d, d], DType::F32);
            let b = bench.normal([3 * d]);
            let start = (n_rows != 4).then(|| bench.normal([1, d]));
            let outputs = bench.recorder.gru([x, w, b], start, hidden, backwards).expect("fits");
            outputs.into_iter().for_each(|id| bench.keep(id));
            bench.keep_state(state, [10, d]);
        });
    }
}

#[test]
fn only_floats_of_one_width_are_taken() {
    let mut recorder = Recorder::new();
    let x = recorder.input([2, 12], DType::F32);
    let w = recorder.input([12, 5], DType::F32);
    let b = recorder.input([12], DType::F32);
    let err = recorder.gru([x, w, b], None, x, false).expect_err("no state");
    assert!(err.to_string().contains("gru"), "{err}");
}
