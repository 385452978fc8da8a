use crate::Step;
use crate::engine::testing::compare;
use crate::tensor::DType;

#[test]
fn layer_norm() {
    for (n_rows, d) in [(1, 1), (2, 63), (3, 65), (7, 1757)] {
        for (has_gain, has_bias) in [(true, true), (true, false), (false, true), (false, false)] {
            compare(2e-5, Step::default(), |bench| {
                let x = bench.normal([n_rows, d]);
                let gain = has_gain.then(|| bench.weight([d], DType::F32));
                let bias = has_bias.then(|| bench.weight([d], DType::F32));
                let normed = bench.recorder.layer_norm(x, gain, bias, 1e-5).expect("fits");
                bench.keep(normed.y);
                bench.keep(normed.stats);
            });
        }
    }
}

#[test]
fn more_rows_than_65535() {
    compare(1e-4, Step::default(), |bench| {
        let x = bench.normal([65_537, 3]);
        let normed = bench.recorder.layer_norm(x, None, None, 1e-5).expect("fits");
        bench.keep(normed.stats);
    });
}
