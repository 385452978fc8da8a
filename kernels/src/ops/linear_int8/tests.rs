use crate::engine::testing::compare;
use crate::tensor::DType;
use crate::{Recorder, Step};

#[test]
fn linear_int8() {
    for (n_rows, k, n) in [(1, 32, 1), (1, 256, 65), (4, 96, 63), (9, 1536, 30), (66, 64, 129)] {
        compare(1e-6, Step::default(), |bench| {
            let x = bench.normal([n_rows, k]);
            let w = bench.weight([n, k], DType::I8);
            let alpha = bench.given([1], vec![41.5]);
            let bias = (n_rows % 2 == 1).then(|| bench.normal([n]));
            let y = bench.recorder.linear_int8(x, w, alpha, bias).expect("fits");
            bench.keep(y);
        });
    }
}

#[test]
fn a_bad_value_reaches_its_own_row_only() {
    compare(1e-6, Step::default(), |bench| {
        let mut values = vec![0.5; 3 * 32];
        values[40] = f32::NAN;
        let x = bench.given([3, 32], values);
        let w = bench.weight([70, 32], DType::I8);
        let alpha = bench.given([1], vec![20.0]);
        let y = bench.recorder.linear_int8(x, w, alpha, None).expect("fits");
        bench.keep(y);
    });
}

#[test]
fn only_bytes_are_taken() {
    let mut recorder = Recorder::new();
    let x = recorder.input([1, 32], DType::F32);
    let w = recorder.input([4, 32], DType::F32);
    let alpha = recorder.input([1], DType::F32);
    let err = recorder.linear_int8(x, w, alpha, None).expect_err("floats");
    assert!(err.to_string().contains("bytes"), "{err}");
}
