use crate::Step;
use crate::engine::testing::compare;
use crate::ops::linear_attention::{Form, LinearAttention};

#[test]
fn delta_attention_and_its_gradients() {
    // Sequences, T, heads, columns of keys and values.
    for [b, t, n_heads, d_key, d_value] in
        [[1, 1, 1, 1, 1], [2, 9, 2, 5, 3], [1, 65, 1, 17, 70], [3, 33, 2, 8, 1]]
    {
        for form in [Form::Attention, Form::Recurrent, Form::Chunked(1), Form::Chunked(16)] {
            for (reversed, has_decay) in [(false, false), (false, true), (true, true)] {
                compare(5e-5, Step::default(), |bench| {
                    let [q, k] = [(); 2].map(|()| {
                        // Short keys, so that errors do not grow.
                        let x = bench.normal([b * t, n_heads * d_key]);
                        bench.recorder.times(x, 0.7 / (d_key as f32).sqrt()).expect("any")
                    });
                    let v = bench.normal([b * t, n_heads * d_value]);
                    let beta = bench.rng.normals(b * t * n_heads);
                    let beta = beta.iter().map(|x| 1.0 / (1.0 + x.exp())).collect();
                    let beta = bench.given([b * t, n_heads], beta);
                    let decay = bench.rng.normals(b * t * n_heads);
                    let decay = decay.iter().map(|x| -0.2 * x.abs()).collect();
                    let decay = has_decay.then(|| bench.given([b * t, n_heads], decay));
                    let op = LinearAttention {
                        n_sequences: b,
                        n_heads,
                        form,
                        reversed,
                        ..LinearAttention::default()
                    };
                    let attended = bench.recorder.delta_attention([q, k, v], beta, decay, op);
                    let z = attended.expect("fits").z;
                    let dz = bench.normal([b * t, n_heads * d_value]);
                    let wrt: Vec<_> = [q, k, v, beta].into_iter().chain(decay).collect();
                    let back = bench.recorder.backward_from(&[(z, dz)], &wrt).expect("has rules");
                    std::iter::once(z).chain(back).for_each(|id| bench.keep(id));
                });
            }
        }
    }
}
