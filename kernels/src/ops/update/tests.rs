use super::{Constants, Rule};
use crate::Step;
use crate::engine::testing::compare;

const RULES: [Rule; 6] = [
    Rule::Sgd { momentum: 0.0, nesterov: false, decay: 0.1 },
    Rule::Sgd { momentum: 0.9, nesterov: false, decay: 0.0 },
    Rule::Sgd { momentum: 0.9, nesterov: true, decay: 0.1 },
    Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-3, decay: 0.1, decoupled: true },
    Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-3, decay: 0.1, decoupled: false },
    Rule::Lion { beta1: 0.9, beta2: 0.99, decay: 0.1 },
];

#[test]
fn update() {
    for (idx, rule) in RULES.into_iter().enumerate() {
        for n in [1, 65, 1757] {
            compare(1e-5, Step::default(), |bench| {
                let (w_state, w) = bench.state([n]);
                let gradient = bench.normal([n]);
                let mut states = vec![w_state];
                let mut moments = Vec::new();
                for _ in 0..rule.n_moments() {
                    // From zero: squares are never negative.
                    let state = bench.engine.add_state("moment", [n].into()).expect("fits");
                    states.push(state);
                    moments.push(bench.recorder.state(state, [n]));
                }
                let max_norm = if idx % 2 == 0 { 0.7 } else { 0.0 };
                let now = Constants { max_norm, scale: 0.5, ..Constants::at(3, 0.1, 0.9, 0.99) };
                let constants = bench.given([8], now.values().to_vec());
                let norm = bench.recorder.sum_squares(gradient, None).expect("fits");
                let recorder = &mut bench.recorder;
                for norm in [Some(norm), None] {
                    recorder.update(rule, w, &moments, gradient, constants, norm).expect("fits");
                }
                states.into_iter().for_each(|state| bench.keep_state(state, [n]));
            });
        }
    }
}
