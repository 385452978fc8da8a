use crate::Step;
use crate::engine::testing::compare;
use crate::tensor::DType;

#[test]
fn rms_norm() {
    for (n_rows, d) in [(1, 1), (2, 63), (3, 65), (7, 1757)] {
        for has_gain in [true, false] {
            compare(1e-5, Step::default(), |bench| {
                let x = bench.normal([n_rows, d]);
                let gain = has_gain.then(|| bench.weight([d], DType::F32));
                let normed = bench.recorder.rms_norm(x, gain, 1e-5).expect("fits");
                bench.keep(normed.y);
                bench.keep(normed.stats);
            });
        }
    }
}

#[test]
fn groups_of_columns() {
    for (n_groups, d) in [(1, 1), (5, 8), (3, 65)] {
        compare(1e-5, Step::default(), |bench| {
            let x = bench.normal([4, n_groups * d]);
            let gain = bench.weight([d], DType::F32);
            let normed = bench.recorder.rms_norm(x, Some(gain), 1e-5).expect("fits");
            bench.keep(normed.y);
            bench.keep(normed.stats);
        });
    }
    let mut recorder = crate::Recorder::new();
    let x = recorder.input([2, 9], DType::F32);
    let gain = recorder.input([4], DType::F32);
    assert!(recorder.rms_norm(x, Some(gain), 1e-5).is_err());
}

#[test]
fn a_nan_reaches_its_own_row_only() {
    compare(1e-5, Step::default(), |bench| {
        let mut values = vec![1.0; 3 * 65];
        values[70] = f32::NAN;
        let x = bench.given([3, 65], values);
        let normed = bench.recorder.rms_norm(x, None, 1e-5).expect("fits");
        bench.keep(normed.y);
    });
}
