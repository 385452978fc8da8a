use super::PolicyLoss;
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn policy_loss_and_its_gradient() {
    for (t, n) in [(1, 2), (7, 65), (33, 257)] {
        compare(1e-5, Step::default(), |bench| {
            let logits = bench.normal([t, n]);
            let actions = (0..t as u32).map(|i| if i % 5 == 3 { 999 } else { i % n as u32 });
            let actions = bench.indices(actions.collect());
            let old = (0..t).map(|i| -(n as f32).ln() - 0.1 * (i % 3) as f32).collect();
            let (old, advantages) = (bench.given([t], old), bench.normal([t]));
            let operands = [logits, actions, old, advantages];
            let op = PolicyLoss { clip: 0.2 };
            let loss = bench.recorder.policy(operands, op).expect("fits");
            let back = bench.recorder.backward(loss, &[logits]).expect("has a rule");
            [loss, back[0]].into_iter().for_each(|id| bench.keep(id));
        });
    }
}
