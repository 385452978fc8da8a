use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn lstm_batch() {
    for (b, t, d) in [(1, 1, 1), (3, 5, 33), (2, 9, 63), (5, 4, 65), (70, 2, 9)] {
        compare(1e-4, Step::default(), |bench| {
            let x = bench.normal([b * t, 4 * d]);
            let (_, w) = bench.state([4 * d, d]);
            let bias = bench.normal([4 * d]);
            let h = bench.recorder.lstm_batch([x, w, bias], b).expect("fits");
            let outputs = bench.recorder.nodes().last().map(|node| node.outputs.clone());
            outputs.into_iter().flatten().for_each(|id| bench.keep(id));
            let dh = bench.normal([b * t, d]);
            let all = bench.recorder.backward_from(&[(h, dh)], &[x, w, bias]).expect("has rules");
            all.into_iter().for_each(|id| bench.keep(id));
        });
    }
}

#[test]
fn rows_are_whole_sequences() {
    let mut recorder = Recorder::new();
    let x = recorder.input([7, 12], DType::F32);
    let w = recorder.input([12, 3], DType::F32);
    let b = recorder.input([12], DType::F32);
    let err = recorder.lstm_batch([x, w, b], 2).expect_err("7 of 2");
    assert!(err.to_string().contains("lstm_batch"), "{err}");
}
