use crate::Step;
use crate::engine::testing::compare;

#[test]
fn norm_gradient() {
    for (t, d) in [(1, 2), (3, 65), (70, 63), (33, 257)] {
        for (centred, has_gain) in [(true, true), (true, false), (false, true), (false, false)] {
            compare(1e-5, Step::default(), |bench| {
                let (x, dy, gain) = (bench.normal([t, d]), bench.normal([t, d]), bench.normal([d]));
                let gain = has_gain.then_some(gain);
                let normed = if centred {
                    bench.recorder.layer_norm(x, gain, None, 1e-2).expect("fits")
                } else {
                    bench.recorder.rms_norm(x, gain, 1e-2).expect("fits")
                };
                let all = [x, dy, normed.stats];
                let back = bench.recorder.norm_gradient(all, gain, centred).expect("fits");
                [back.x, back.gain, back.bias].into_iter().for_each(|id| bench.keep(id));
            });
        }
    }
}
