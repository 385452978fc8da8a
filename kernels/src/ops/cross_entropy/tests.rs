use super::{CrossEntropy, IGNORED};
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn cross_entropy_and_its_gradient() {
    for (t, n, smoothing) in [(1, 2, 0.0), (7, 65, 0.1), (33, 257, 0.0), (130, 40, 0.3)] {
        compare(3e-6, Step::default(), |bench| {
            let logits = bench.normal([t, n]);
            let targets = (0..t as u32).map(|i| if i % 5 == 3 { IGNORED } else { i % n as u32 });
            let targets = bench.indices(targets.collect());
            let op = CrossEntropy { smoothing };
            let all = bench.recorder.cross_entropy(logits, targets, op).expect("fits");
            let up = bench.recorder.fill([1], 1.5);
            let operands = [logits, targets, all.rows, up];
            let back = bench.recorder.cross_entropy_gradient(operands, op).expect("fits");
            [all.loss, all.rows, back].into_iter().for_each(|id| bench.keep(id));
        });
    }
}

#[test]
fn a_loss_over_nothing_is_zero() {
    compare(1e-7, Step::default(), |bench| {
        let logits = bench.normal([3, 5]);
        let targets = bench.indices(vec![IGNORED; 3]);
        let all = bench.recorder.cross_entropy(logits, targets, CrossEntropy::default());
        bench.keep(all.expect("fits").loss);
    });
}
