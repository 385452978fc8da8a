use crate::Step;
use crate::engine::testing::compare;

#[test]
fn fast_weights() {
    for (t, n_heads, d_key, d_value, past) in
        [(1, 1, 1, 1, 0), (1, 2, 5, 3, 9), (4, 3, 17, 8, 3), (12, 1, 65, 7, 0)]
    {
        for (has_beta, has_decay) in [(false, false), (true, false), (true, true)] {
            compare(2e-5, Step { past, ..Step::default() }, |bench| {
                let shape = [12, n_heads * d_key * d_value];
                let (state, memory) = bench.state(shape);
                let q = bench.normal([t, n_heads * d_key]);
                let k = bench.normal([t, n_heads * d_key]);
                let k = bench.recorder.times(k, 0.5 / (d_key as f32).sqrt()).expect("any");
                let v = bench.normal([t, n_heads * d_value]);
                let beta = has_beta.then(|| bench.normal([t, n_heads]));
                let decay = vec![-0.3; t * n_heads];
                let decay = has_decay.then(|| bench.given([t, n_heads], decay));
                let z = bench.recorder.fast_weights([q, k, v], [beta, decay], memory, n_heads);
                bench.keep(z.expect("fits"));
                bench.keep_state(state, shape);
            });
        }
    }
}
