use crate::Step;
use crate::engine::testing::compare;

#[test]
fn add() {
    for n in [1, 63, 65, 1757] {
        compare(0.0, Step::default(), |bench| {
            let (a, b) = (bench.normal([3, n]), bench.normal([3, n]));
            let y = bench.recorder.add(a, b).expect("fits");
            bench.keep(y);
        });
    }
}

#[test]
fn more_than_65535_workgroups() {
    compare(0.0, Step::default(), |bench| {
        let a = bench.given([65_536 * 64 + 1, 4], vec![0.5; (65_536 * 64 + 1) * 4]);
        let y = bench.recorder.add(a, a).expect("fits");
        bench.keep(y);
    });
}
