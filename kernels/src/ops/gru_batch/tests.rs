use super::GruGiven;
use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn gru_batch() {
    // Sequences, rows, columns; the bits of what is given: 1 start, 2 shown, 4 backwards.
    for (b, t, d, bits) in [(1, 1, 1, 0), (3, 5, 33, 3), (2, 9, 63, 6), (5, 4, 65, 7), (70, 1, 9, 1)] {
        compare(1e-4, Step::default(), |bench| {
            let x = bench.normal([b * t, 3 * d]);
            let (_, w) = bench.state([3 * d, d]);
            let bias = bench.normal([3 * d]);
            let start = (bits & 1 != 0).then(|| bench.normal([b, d]));
            let shown = (0..(b * t) as u32).map(|i| u32::from(i % 3 != 1)).collect();
            let shown = (bits & 2 != 0).then(|| bench.indices(shown));
            let given = GruGiven { start, shown };
            let h = bench.recorder.gru_batch([x, w, bias], given, b, bits & 4 != 0).expect("fits");
            let outputs = bench.recorder.nodes().last().map(|node| node.outputs.clone());
            outputs.into_iter().flatten().for_each(|id| bench.keep(id));
            let dh = bench.normal([b * t, d]);
            let wrt = [Some(x), Some(w), Some(bias), start].into_iter().flatten().collect::<Vec<_>>();
            let all = bench.recorder.backward_from(&[(h, dh)], &wrt).expect("has rules");
            all.into_iter().for_each(|id| bench.keep(id));
        });
    }
}

#[test]
fn rows_are_whole_sequences() {
    let mut recorder = Recorder::new();
    let x = recorder.input([7, 12], DType::F32);
    let w = recorder.input([12, 4], DType::F32);
    let b = recorder.input([12], DType::F32);
    let err = recorder.gru_batch([x, w, b], GruGiven::default(), 2, false).expect_err("7 of 2");
    assert!(err.to_string().contains("gru_batch"), "{err}");
}
