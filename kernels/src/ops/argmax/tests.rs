use crate::Step;
use crate::engine::testing::compare;

#[test]
fn argmax() {
    for (n_rows, n) in [(1, 1), (3, 63), (65, 65), (2, 49_152)] {
        compare(0.0, Step::default(), |bench| {
            let x = bench.normal([n_rows, n]);
            let columns = bench.recorder.argmax(x).expect("fits");
            bench.keep_integers(columns);
        });
    }
}

#[test]
fn the_first_of_equals_and_no_nan() {
    let nan = f32::NAN;
    let rows = [
        [1.0, 2.0, 2.0, nan],
        [nan, 2.0, 3.0, 1.0],
        [-0.0, 0.0, -1.0, nan],
        [-2.0, nan, f32::NEG_INFINITY, -1.0],
        [f32::NEG_INFINITY; 4],
    ];
    compare(0.0, Step::default(), |bench| {
        let x = bench.given([rows.len(), 4], rows.concat());
        let columns = bench.recorder.argmax(x).expect("fits");
        bench.keep_integers(columns);
    });
}
