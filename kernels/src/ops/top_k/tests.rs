use crate::Step;
use crate::engine::testing::compare;

#[test]
fn top_k() {
    for (n_rows, n, k) in [(1, 1, 1), (3, 63, 63), (5, 65, 64), (2, 1757, 10), (1, 49_152, 5)] {
        compare(0.0, Step::default(), |bench| {
            let x = bench.normal([n_rows, n]);
            let (values, columns) = bench.recorder.top_k(x, k).expect("fits");
            bench.keep(values);
            bench.keep_integers(columns);
        });
    }
}

#[test]
fn of_equals_the_lower_column_and_every_float_has_its_place() {
    let row = [1.0, 2.0, 2.0, f32::INFINITY, -0.0, 0.0, f32::NEG_INFINITY, f32::NAN];
    compare(0.0, Step::default(), |bench| {
        let x = bench.given([1, 8], row.to_vec());
        let (values, columns) = bench.recorder.top_k(x, 8).expect("fits");
        bench.keep(values);
        bench.keep_integers(columns);
    });
}
