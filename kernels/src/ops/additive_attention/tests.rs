use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn additive_attention() {
    // Sequences, T, S, a, c.
    for (b, t, n, a, c) in [(1, 1, 1, 1, 1), (2, 3, 65, 33, 20), (5, 1, 9, 63, 130), (3, 4, 130, 9, 7)] {
        for is_masked in [false, true] {
            compare(1e-4, Step::default(), |bench| {
                let (q, k) = (bench.normal([b * t, a]), bench.normal([b * n, a]));
                let (v, values) = (bench.normal([a]), bench.normal([b * n, c]));
                let shown = (0..(b * n) as u32).map(|i| u32::from(i % 4 != 1)).collect();
                let shown = is_masked.then(|| bench.indices(shown));
                let wrt = [q, k, v, values];
                let z = bench.recorder.additive_attention(wrt, shown, b).expect("fits");
                let outputs = bench.recorder.nodes().last().map(|node| node.outputs.clone());
                outputs.into_iter().flatten().for_each(|id| bench.keep(id));
                let dz = bench.normal([b * t, c]);
                let all = bench.recorder.backward_from(&[(z, dz)], &wrt).expect("has rules");
                all.into_iter().for_each(|id| bench.keep(id));
            });
        }
    }
}

#[test]
fn each_sequence_has_its_source() {
    let mut recorder = Recorder::new();
    let q = recorder.input([6, 4], DType::F32);
    let k = recorder.input([7, 4], DType::F32);
    let v = recorder.input([4], DType::F32);
    let err = recorder.additive_attention([q, k, v, k], None, 3).expect_err("7 of 3");
    assert!(err.to_string().contains("[7, 4]"), "{err}");
}
