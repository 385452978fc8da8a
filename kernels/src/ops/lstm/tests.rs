use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn lstm() {
    for (n_rows, d, past) in [(1, 1, 0), (1, 31, 9), (4, 17, 3), (8, 30, 0)] {
        compare(1e-4, Step { past, ..Step::default() }, |bench| {
            let (hidden_state, hidden) = bench.state([10, d]);
            let (cell_state, cells) = bench.state([10, d]);
            let x = bench.normal([n_rows, 4 * d]);
            let w = bench.weight([4 * d, d], DType::F32);
            let b = bench.normal([4 * d]);
            let outputs = bench.recorder.lstm([x, w, b], [hidden, cells]).expect("fits");
            outputs.into_iter().for_each(|id| bench.keep(id));
            bench.keep_state(hidden_state, [10, d]);
            bench.keep_state(cell_state, [10, d]);
        });
    }
}

#[test]
fn a_state_is_asked_for() {
    let mut recorder = Recorder::new();
    let x = recorder.input([2, 12], DType::F32);
    let w = recorder.input([12, 3], DType::F32);
    let b = recorder.input([12], DType::F32);
    let err = recorder.lstm([x, w, b], [x, x]).expect_err("no state");
    assert!(err.to_string().contains("lstm"), "{err}");
}
