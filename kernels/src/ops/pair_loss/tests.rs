use super::PairLoss;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn pair_loss_and_its_gradient() {
    for op in [PairLoss::Squares, PairLoss::Preference, PairLoss::Divergence] {
        for (t, n) in [(1, 1), (7, 65), (33, 257)] {
            compare(5e-6, Step::default(), |bench| {
                let n = if op == PairLoss::Preference { 1 } else { n };
                let (x, y) = (bench.normal([t, n]), bench.normal([t, n]));
                let loss = bench.recorder.pair_loss([x, y], op).expect("alike");
                let wrt = if op == PairLoss::Divergence { vec![x] } else { vec![x, y] };
                let back = bench.recorder.backward(loss, &wrt).expect("has rules");
                bench.keep(loss);
                back.into_iter().for_each(|id| bench.keep(id));
            });
        }
    }
}
