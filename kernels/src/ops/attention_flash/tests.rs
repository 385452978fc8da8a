use super::AttentionFlash;
use crate::Step;
use crate::engine::testing::compare;
use crate::ops::attention_scores::AttentionScores;

fn op([n_heads, n_kv_heads, d_head]: [usize; 3], [rows, keys]: [usize; 2]) -> AttentionFlash {
    let scale = 0.3;
    let heads = AttentionScores {
        n_heads,
        n_kv_heads,
        d_head,
        scale,
        all_keys: false,
        keys_in_state: false,
    };
    AttentionFlash {
        heads,
        block_rows: rows,
        block_keys: keys,
        causal: false,
        n_passes: 0,
        has_tiles: false,
    }
}

/// Blocks that divide the rows and that do not, of one row, larger than all there is.
#[test]
fn attention_flash() {
    for (heads, blocks, extents) in [
        ([1, 1, 1], [1, 1], [1, 1]),
        ([4, 2, 17], [16, 16], [65, 65]),
        ([9, 3, 64], [16, 16], [20, 67]),
        ([2, 1, 130], [5, 7], [9, 63]),
        ([2, 2, 8], [64, 32], [33, 33]),
    ] {
        for causal in [false, true] {
            compare(2e-5, Step::default(), |bench| {
                let op = AttentionFlash { causal, ..op(heads, blocks) };
                let q = bench.normal([extents[0], heads[0] * heads[2]]);
                let [k, v] = [(); 2].map(|()| bench.normal([extents[1], heads[1] * heads[2]]));
                let [n_blocks, n_across] = op.n_blocks(extents);
                let marks = (0..n_blocks * n_across).map(|at| u32::from(at % 3 != 1)).collect();
                let tiles = bench.indices(marks);
                for (tiles, n_passes) in [(None, 0), (Some(tiles), 0), (None, 2)] {
                    let op = AttentionFlash { n_passes, ..op };
                    let all = bench.recorder.attention_flash([q, k, v], tiles, op).expect("fits");
                    bench.keep(all.z);
                    bench.keep(all.stats);
                }
            });
        }
    }
}

#[test]
fn a_block_must_have_room() {
    let mut recorder = crate::Recorder::new();
    let x = recorder.input([64, 64], crate::DType::F32);
    let mut refused = |op: AttentionFlash| recorder.attention_flash([x; 3], None, op).is_err();
    assert!(refused(op([1, 1, 64], [64, 64])));
    assert!(refused(op([1, 1, 64], [0, 16])));
    assert!(!refused(op([1, 1, 64], [16, 16])));
}
