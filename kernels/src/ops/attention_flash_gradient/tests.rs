use super::AttentionFlashGradient;
use crate::Step;
use crate::engine::testing::compare;
use crate::ops::attention_flash::AttentionFlash;
use crate::ops::attention_scores::AttentionScores;
use crate::tensor::DType;

fn op([n_heads, d_head]: [usize; 2], [rows, keys]: [usize; 2], causal: bool) -> AttentionFlashGradient {
    let heads = AttentionScores {
        n_heads,
        n_kv_heads: n_heads,
        d_head,
        scale: 0.3,
        all_keys: false,
        keys_in_state: false,
    };
    let of = AttentionFlash {
        heads,
        block_rows: rows,
        block_keys: keys,
        causal,
        n_passes: 0,
        has_tiles: false,
    };
    AttentionFlashGradient { of, n_counted: [0, 0] }
}

const CASES: [([usize; 2], [usize; 2], [usize; 2]); 5] = [
    ([1, 1], [1, 1], [1, 1]),
    ([4, 17], [16, 16], [65, 65]),
    ([3, 64], [16, 16], [20, 67]),
    ([2, 33], [5, 7], [9, 63]),
    ([2, 8], [64, 16], [33, 33]),
];

/// Whole and with blocks left out, on every engine. That the whole is the gradient: `tests/claims_flash.rs`.
#[test]
fn attention_flash_gradient() {
    for (heads, blocks, extents) in CASES {
        for causal in [false, true] {
            compare(5e-5, Step::default(), |bench| {
                let op = op(heads, blocks, causal);
                let cols = heads[0] * heads[1];
                let [q, dz] = [(); 2].map(|()| bench.normal([extents[0], cols]));
                let [k, v] = [(); 2].map(|()| bench.normal([extents[1], cols]));
                let all = bench.recorder.attention_flash([q, k, v], None, op.of).expect("fits");
                for n_counted in [[0, 0], [1, 0], [0, 2]] {
                    let op = AttentionFlashGradient { n_counted, ..op };
                    let left = [dz, all.z, all.stats];
                    let back = bench.recorder.attention_flash_gradient(left, [q, k, v], op);
                    let back = back.expect("fits");
                    [back.dq, back.dk, back.dv].into_iter().for_each(|id| bench.keep(id));
                }
            });
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let mut recorder = crate::Recorder::new();
    let x = recorder.input([16, 64], DType::F32);
    let stats = recorder.input([1, 16, 2], DType::F32);
    let mut refused = |op: AttentionFlashGradient, left| {
        recorder.attention_flash_gradient(left, [x; 3], op).is_err()
    };
    assert!(refused(op([1, 64], [32, 32], false), [x, x, stats]));
    assert!(refused(op([2, 32], [8, 8], false), [x, x, stats]));
    assert!(refused(op([1, 64], [8, 8], false), [x, stats, stats]));
    assert!(!refused(op([1, 64], [16, 16], true), [x, x, stats]));
}
