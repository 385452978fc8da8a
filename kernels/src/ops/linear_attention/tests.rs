use super::{Form, LinearAttention};
use crate::Step;
use crate::engine::testing::{Bench, compare};
use crate::tensor::TensorId;

/// Decays `[n, n_heads]`: logarithms of what is kept, at most 0.
fn decays(bench: &mut Bench, n: usize, n_heads: usize) -> TensorId {
    let values = bench.rng.normals(n * n_heads);
    bench.given([n, n_heads], values.iter().map(|x| -0.2 * x.abs()).collect())
}

#[test]
fn linear_attention_and_its_gradients() {
    // Sequences, T, heads, columns of keys and values.
    for [b, t, n_heads, d_key, d_value] in
        [[1, 1, 1, 1, 1], [2, 9, 2, 5, 3], [1, 65, 1, 17, 70], [3, 33, 2, 8, 1]]
    {
        for form in [Form::Attention, Form::Recurrent, Form::Chunked(1), Form::Chunked(16)] {
            for (reversed, strict, has_decay) in
                [(false, false, false), (false, true, true), (true, false, true)]
            {
                compare(5e-5, Step::default(), |bench| {
                    let [q, k] = [(); 2].map(|()| {
                        // Short ones: decays gather differences of sums over all pairs.
                        let x = bench.normal([b * t, n_heads * d_key]);
                        bench.recorder.times(x, 0.3 / (d_key as f32).sqrt()).expect("any")
                    });
                    let v = bench.normal([b * t, n_heads * d_value]);
                    let decay = has_decay.then(|| decays(bench, b * t, n_heads));
                    let (n_sequences, shape) = (b, [b * t, n_heads * d_value]);
                    let op = LinearAttention {
                        n_sequences,
                        n_heads,
                        form,
                        reversed,
                        strict,
                        ..LinearAttention::default()
                    };
                    let all = bench.recorder.linear_attention([q, k, v], decay, op).expect("fits");
                    let dz = bench.normal(shape);
                    let wrt: Vec<_> = [q, k, v].into_iter().chain(decay).collect();
                    let back =
                        bench.recorder.backward_from(&[(all.z, dz)], &wrt).expect("has rules");
                    [all.z, all.beside].into_iter().chain(back).for_each(|id| bench.keep(id));
                });
            }
        }
    }
}
