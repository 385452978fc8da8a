use super::{Masks, Reach, add_by_distance, alibi_slopes};
use crate::Step;
use crate::engine::testing::compare;

#[test]
fn softmax() {
    for (n_rows, n_cols) in [(1, 1), (3, 63), (5, 65), (2, 1757)] {
        for causal in [false, true] {
            compare(1e-6, Step { past: 0, ..Step::default() }, |bench| {
                let scores = bench.normal([3, n_rows, n_cols]);
                let mask = (0..n_cols as u32).map(|i| u32::from(i % 3 != 1)).collect();
                let padding = Some(bench.indices(mask));
                let bias = Some(bench.normal([3, n_rows, n_cols]));
                let shared_bias = Some(bench.normal([1, n_rows, n_cols]));
                for (padding, bias) in
                    [(None, None), (padding, None), (None, bias), (padding, shared_bias)]
                {
                    let masks = Masks {
                        causal,
                        until_filled: causal,
                        padding,
                        bias,
                        ..Masks::default()
                    };
                    let pattern = bench.recorder.softmax(scores, masks).expect("fits");
                    bench.keep(pattern);
                }
            });
        }
    }
}

#[test]
fn into_the_rows_of_a_state() {
    for past in [0, 7, 60] {
        compare(1e-6, Step { past, ..Step::default() }, |bench| {
            let scores = bench.normal([4, 5, 65]);
            let (state, maps) = bench.state([4, 65, 65]);
            let masks = Masks { causal: true, until_filled: true, ..Masks::default() };
            bench.recorder.softmax_into(scores, masks, maps).expect("fits");
            bench.keep_state(state, [4, 65, 65]);
        });
    }
}

#[test]
fn windows_and_linear_biases() {
    for (n_maps, past) in [(1, 0), (3, 7), (8, 60)] {
        for (window, alibi) in [(1, false), (4, false), (100, false), (0, true), (5, true)] {
            compare(1e-6, Step { past, ..Step::default() }, |bench| {
                let scores = bench.normal([n_maps, 5, 65]);
                let reach = Reach { window, alibi };
                let masks =
                    Masks { causal: true, until_filled: true, reach, ..Masks::default() };
                let pattern = bench.recorder.softmax(scores, masks).expect("fits");
                bench.keep(pattern);
            });
        }
    }
}

#[test]
fn biases_by_distance() {
    for (past, n_distances) in [(0, 1), (7, 5), (60, 257)] {
        for causal in [false, true] {
            compare(1e-6, Step { past, ..Step::default() }, |bench| {
                let scores = bench.normal([3, 5, 65]);
                let distances = Some(bench.normal([3, n_distances]));
                let masks = Masks { causal, distances, ..Masks::default() };
                let pattern = bench.recorder.softmax(scores, masks).expect("fits");
                bench.keep(pattern);
            });
        }
    }
}

#[test]
fn a_bias_by_distance_is_that_of_its_column() {
    let mut scores = [0.0; 4];
    add_by_distance(&mut scores, 1, 3, &[-2.0, -1.0, 0.5, 1.0, 2.0]);
    assert_eq!(scores, [-2.0, -1.0, 0.5, 1.0]);
    add_by_distance(&mut scores, 0, 9, &[-2.0, -1.0, 0.5, 1.0, 2.0]);
    assert_eq!(scores, [-4.0, -3.0, -1.5, -1.0]);
}

#[test]
fn slopes_are_those_of_the_paper() {
    assert_eq!(alibi_slopes(4), [0.25, 0.0625, 0.015_625, 0.003_906_25]);
    let six = alibi_slopes(6);
    assert_eq!(six[..4], alibi_slopes(4));
    assert_eq!(six[4..], [0.5, 0.125]);
    assert_eq!(alibi_slopes(1), [1.0 / 256.0]);
}

#[test]
fn a_row_with_every_cell_hidden_is_zero() {
    compare(0.0, Step::default(), |bench| {
        let scores = bench.normal([2, 3, 65]);
        let padding = Some(bench.indices(vec![0; 65]));
        let pattern = bench.recorder.softmax(scores, Masks { padding, ..Masks::default() });
        bench.keep(pattern.expect("fits"));
        let bias = Some(bench.given([1, 3, 65], vec![f32::NEG_INFINITY; 3 * 65]));
        let pattern = bench.recorder.softmax(scores, Masks { bias, ..Masks::default() });
        bench.keep(pattern.expect("fits"));
    });
}

#[test]
fn large_logits_stay_finite() {
    let values: Vec<f32> = (0..130).map(|i| if i % 2 == 0 { 1e4 } else { -1e4 }).collect();
    compare(1e-6, Step::default(), |bench| {
        let scores = bench.given([1, 2, 65], values.clone());
        let pattern = bench.recorder.softmax(scores, Masks::default()).expect("fits");
        bench.keep(pattern);
    });
}
