//! What Room 10 claims, held to bounds: the page asks for the same (`models/src/claims/flash`).

use std::time::Instant;

use pollster::block_on;
use vitrine_kernels::{Control, Engine};
use vitrine_models::claims::flash::backward::backward;
use vitrine_models::claims::flash::timing::{Clock, Timed, time};
use vitrine_models::claims::flash::traffic::{largest_block, moved};
use vitrine_models::claims::flash::zoo::{self, Way, blocks_error, see};
use vitrine_models::claims::flash::{Qkv, Rules, compare, gradient_of, relative, walk, walk_back};
use vitrine_tests::golden::{cpu, gpu};

fn engines() -> [Engine; 2] {
    [cpu(), gpu()]
}

fn rules(block_rows: u32, block_keys: u32, causal: bool) -> Rules {
    Rules { block_rows, block_keys, causal }
}

/// Marks of tiles, the diagonal among them, so that each row sees something.
fn marks(n_rows: u32, n_keys: u32, rules: Rules) -> Vec<u32> {
    let (rows, keys) = (n_rows.div_ceil(rules.block_rows), n_keys.div_ceil(rules.block_keys));
    let mark = |at: u32| {
        let (row, key) = (at / keys, at % keys);
        u32::from(key == 0 || (row + key) % 3 == 0)
    };
    (0..rows * keys).map(mark).collect()
}

/// Odd shapes, blocks that divide them and that do not, causal and not, tiles left out and not.
#[test]
fn blocks_give_what_matrices_give() {
    let mut worst = 0.0f64;
    for engine in &mut engines() {
        for (extents, d) in
            [([1, 1], 1), ([5, 67], 64), ([63, 63], 17), ([65, 130], 32), ([129, 129], 8)]
        {
            for blocks in [[1, 1], [16, 16], [7, 13], [8, 32], [32, 8]] {
                for causal in [false, true] {
                    let rules = rules(blocks[0], blocks[1], causal);
                    let qkv = Qkv::random(extents, d, u64::from(d));
                    let marks = marks(extents[0], extents[1], rules);
                    for tiles in [None, Some(&marks[..])] {
                        let control = Control::default();
                        let both = compare(engine, &qkv, rules, tiles, &control);
                        let error = block_on(both).unwrap().error;
                        let of_sparse = tiles.is_some();
                        assert!(error <= 1e-5, "{extents:?} {d} {rules:?} {of_sparse}: {error:e}");
                        worst = worst.max(error);
                    }
                }
            }
        }
    }
    println!("{worst:e} at most");
    assert!(worst > 0.0, "two kernels that never differ are one");
}

/// Algorithm 1 of the paper in f64, a tile at a time: (m, ℓ, O/ℓ) of all rows after each block of keys.
fn algorithm_1(qkv: &Qkv, rules: Rules) -> Vec<(Vec<f64>, Vec<f64>)> {
    let (d, [n_rows, n_keys]) = (qkv.d_head as usize, qkv.extents());
    let [block_rows, block_keys] = [rules.block_rows as usize, rules.block_keys as usize];
    let scale = 1.0 / (d as f64).sqrt();
    let (mut m, mut l) = (vec![f64::NEG_INFINITY; n_rows], vec![0.0; n_rows]);
    let mut o = vec![0.0; n_rows * d];
    let mut stages = Vec::new();
    for first_key in (0..n_keys).step_by(block_keys) {
        for first_row in (0..n_rows).step_by(block_rows) {
            for row in first_row..(first_row + block_rows).min(n_rows) {
                let end = if rules.causal { row + 1 + n_keys - n_rows } else { n_keys };
                let keys = first_key..(first_key + block_keys).min(end);
                let scores: Vec<f64> = keys
                    .clone()
                    .map(|key| {
                        let products = (0..d).map(|col| {
                            f64::from(qkv.q[row * d + col]) * f64::from(qkv.k[key * d + col])
                        });
                        products.sum::<f64>() * scale
                    })
                    .collect();
                let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                if highest == f64::NEG_INFINITY {
                    continue;
                }
                let m_new = m[row].max(highest);
                let shares: Vec<f64> = scores.iter().map(|s| (s - highest).exp()).collect();
                let own = (highest - m_new).exp();
                let decay = (m[row] - m_new).exp();
                let l_new = decay * l[row] + own * shares.iter().sum::<f64>();
                for col in 0..d {
                    let values = keys.clone().zip(&shares);
                    let sum: f64 =
                        values.map(|(key, share)| share * f64::from(qkv.v[key * d + col])).sum();
                    let at = row * d + col;
                    o[at] = (l[row] * decay * o[at] + own * sum) / l_new;
                }
                (m[row], l[row]) = (m_new, l_new);
            }
        }
        let stats = m.iter().zip(&l).flat_map(|(m, l)| [*m, *l]).collect();
        stages.push((stats, o.clone()));
    }
    stages
}

#[test]
fn every_step_of_the_walk_is_that_of_the_algorithm() {
    for engine in &mut engines() {
        for rules in [rules(4, 3, true), rules(5, 8, false), rules(16, 16, true)] {
            let qkv = Qkv::random([19, 21], 12, 3);
            let found = block_on(walk(engine, &qkv, rules, &Control::default())).unwrap();
            assert!(found.error <= 1e-5, "{}", found.error);
            assert!(found.pattern_error <= 1e-5, "{}", found.pattern_error);
            let expected = algorithm_1(&qkv, rules);
            assert_eq!(found.stages.len(), expected.len());
            assert_eq!(found.n_blocks[1] as usize, expected.len());
            for (stage, (stats, z)) in found.stages.iter().zip(&expected) {
                let close = |ours: &[f32], theirs: &[f64]| {
                    ours.iter().zip(theirs).all(|(&a, &b)| {
                        let a = f64::from(a);
                        a == b || (a - b).abs() <= 1e-5 * (1.0 + b.abs())
                    })
                };
                assert!(close(&stage.stats, stats), "{:?}, not {stats:?}", stage.stats);
                assert!(close(&stage.z, z), "{rules:?}");
            }
            // ℓ only grows once m stands still, and m never falls.
            for pair in found.stages.windows(2) {
                let rows = pair[0].stats.chunks_exact(2).zip(pair[1].stats.chunks_exact(2));
                assert!(rows.into_iter().all(|(before, after)| after[0] >= before[0]));
            }
        }
    }
}

/// Every step of the way back, in f64: what tiles up to it give, in their order.
#[test]
fn every_step_of_the_way_back_is_the_sum_of_its_tiles() {
    for engine in &mut engines() {
        for (rules, extents) in [
            (rules(4, 3, true), [19, 19]),
            (rules(5, 8, false), [19, 21]),
            (rules(3, 4, true), [10, 13]),
        ] {
            let qkv = Qkv::random(extents, 12, 3);
            let gradient = Qkv::random(extents, 12, 4).q;
            let control = Control::default();
            let found = walk_back(engine, &qkv, &gradient, rules, &control);
            let found = block_on(found).unwrap().expect("fits");
            assert!(found.errors.iter().all(|error| *error <= 1e-5), "{:?}", found.errors);
            println!("{}: {:?}, {:?} bytes", engine.name(), found.errors, found.n_bytes);
            let [n_rows, n_keys] = qkv.extents();
            let tiles = gradient_of(rules, 12).tiles([n_rows, n_keys]);
            let mut so_far =
                [vec![0.0; n_rows * 12], vec![0.0; n_keys * 12], vec![0.0; n_keys * 12]];
            let (shares, slopes) = plain_backward(&qkv, &gradient, rules.causal);
            for (at, &[block, key_block]) in tiles.iter().enumerate() {
                let [rows, keys] = [rules.block_rows, rules.block_keys].map(|n| n as usize);
                for t in block * rows..((block + 1) * rows).min(n_rows) {
                    for s in key_block * keys..((key_block + 1) * keys).min(n_keys) {
                        let (share, slope) = (shares[t * n_keys + s], slopes[t * n_keys + s]);
                        for col in 0..12 {
                            let of = |all: &[f32], row: usize| f64::from(all[row * 12 + col]);
                            so_far[0][t * 12 + col] += slope * of(&qkv.k, s);
                            so_far[1][s * 12 + col] += slope * of(&qkv.q, t);
                            so_far[2][s * 12 + col] += share * of(&gradient, t);
                        }
                    }
                }
                let now = found.at(at, rules, [n_rows, n_keys]).expect("a step");
                for (ours, theirs) in [&now.q, &now.k, &now.v].into_iter().zip(&so_far) {
                    let is_close =
                        |(&a, &b): (&f32, &f64)| (f64::from(a) - b).abs() <= 1e-5 * (1.0 + b.abs());
                    assert!(
                        ours.len() == theirs.len() && ours.iter().zip(theirs).all(is_close),
                        "{rules:?} {at}"
                    );
                }
            }
            assert_eq!(found.at(tiles.len(), rules, [n_rows, n_keys]), None);
            let close = |(&a, &b): (&f32, &f64)| (f64::from(a) - b).abs() <= 1e-5;
            assert!(found.slopes.iter().zip(&slopes).all(close));
        }
        // No room: 64 rows of 64 columns.
        let qkv = Qkv::random([64, 64], 64, 3);
        let control = Control::default();
        let none = walk_back(engine, &qkv, &qkv.q, rules(64, 64, true), &control);
        assert_eq!(block_on(none).unwrap(), None);
    }
}

/// Each query comes by once for each block of keys: twice the block, half the traffic.
#[test]
fn larger_blocks_move_less_on_the_way_back() {
    let op = |size: u32| gradient_of(rules(size, size, false), 64).traffic([1024, 1024]).bytes();
    let moved = [1, 2, 4, 8, 16].map(op);
    println!("{moved:?}");
    for pair in moved.windows(2) {
        let ratio = pair[0] as f64 / pair[1] as f64;
        assert!((1.9..=2.1).contains(&ratio), "{moved:?}");
    }
}

/// P and scale·dS of one head, `[T, S]`, in f64.
fn plain_backward(qkv: &Qkv, gradient: &[f32], causal: bool) -> (Vec<f64>, Vec<f64>) {
    let (d, [n_rows, n_keys]) = (qkv.d_head as usize, qkv.extents());
    let scale = 1.0 / (d as f64).sqrt();
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let (mut shares, mut slopes) = (Vec::new(), Vec::new());
    for t in 0..n_rows {
        let end = if causal { t + 1 + n_keys - n_rows } else { n_keys };
        let power = |s: usize| match s < end {
            true => (scale * dot(&qkv.q[t * d..][..d], &qkv.k[s * d..][..d])).exp(),
            false => 0.0,
        };
        let total: f64 = (0..n_keys).map(power).sum();
        let own: Vec<f64> = (0..n_keys).map(|s| power(s) / total).collect();
        let back: Vec<f64> =
            (0..n_keys).map(|s| dot(&gradient[t * d..][..d], &qkv.v[s * d..][..d])).collect();
        let mean: f64 = own.iter().zip(&back).map(|(p, b)| p * b).sum();
        slopes.extend(own.iter().zip(&back).map(|(p, b)| scale * p * (b - mean)));
        shares.extend(own);
    }
    (shares, slopes)
}

#[test]
fn gradients_computed_again_are_those_of_the_kept_pattern() {
    for engine in &mut engines() {
        for (n, causal) in [(1, true), (63, true), (130, false)] {
            let qkv = Qkv::random([n, n], 24, 5);
            let gradient = Qkv::random([n, n], 24, 6).q;
            let found = block_on(backward(engine, &qkv, &gradient, causal, &Control::default()));
            let found = found.unwrap();
            // One row's share is always 1: no gradient goes to its query and key.
            let errors = if n == 1 { &found.errors[2..] } else { &found.errors[..] };
            assert!(errors.iter().all(|error| *error <= 1e-5), "{found:?}");
            assert_eq!(found.n_kept, [u64::from(n * n), 2 * u64::from(n)]);
        }
    }
}

/// What the paper says of HBM: the matrices move N², the blocks N²/B, and less where tiles are left out.
#[test]
fn larger_blocks_move_less() {
    let d = 64;
    let at = |n: u32, size: u32| moved(n, d, rules(size, 16, false), None).unwrap();
    for n in [256, 1024] {
        let moved: Vec<_> = [1, 2, 4, 8, 16].map(|size| at(n, size).blocks).into();
        for pair in moved.windows(2) {
            let ratio = pair[0] as f64 / pair[1] as f64;
            assert!((1.7..=2.0).contains(&ratio), "{moved:?}");
        }
        assert!(at(n, 16).blocks * 10 < at(n, 16).by_matrices(), "{n}");
    }
    let ratio = at(2048, 16).blocks as f64 / at(1024, 16).blocks as f64;
    assert!((3.9..=4.0).contains(&ratio), "{ratio}");
    // Half of the tiles, half of the traffic of keys and values.
    let tiles: Vec<u32> = (0..64 * 64).map(|at| (at / 64 + at) % 2).collect();
    let half = moved(1024, d, rules(16, 16, false), Some(&tiles)).unwrap();
    let share = half.blocks as f64 / at(1024, 16).blocks as f64;
    assert!((share - 0.5).abs() < 0.02, "{share}");
    assert_eq!(half.n_tiles, [2048, 4096]);
    assert_eq!(half.n_products[1] * 2, half.n_products[0]);
    // No workgroup has room for blocks of 64 rows of 64 columns.
    assert_eq!(moved(256, d, rules(64, 64, false), None), None);
    assert_eq!([8, 64, 128].map(largest_block), [Some(32), Some(16), Some(8)]);
}

#[test]
fn times_are_those_of_runs() {
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64() * 1e3;
    for engine in &mut engines() {
        let is_gpu = !engine.name().contains("CPU");
        for timed in Timed::ALL {
            let took = |engine: &mut Engine, n: u32| {
                let rules = rules(16, 16, false);
                let control = Control::default();
                block_on(time(engine, timed, [n, 32], rules, None, &now, &control)).unwrap()
            };
            let (small, large) = (took(engine, 32), took(engine, 512));
            assert!(small.ms > 0.0 && large.ms > small.ms, "{timed:?}: {small:?}, {large:?}");
            assert!(is_gpu || small.clock == Clock::Wall, "{small:?}");
            println!("{timed:?} on {}: {small:?}, {large:?}", engine.name());
        }
        // Twice as many rows, four times the work.
        let control = Control::default();
        let n = [256, 512].map(|n| {
            let timed = Timed::Matrices;
            let rules = Rules::default();
            let took = time(engine, timed, [n, 32], rules, None, &now, &control);
            (f64::from(n), block_on(took).unwrap().ms)
        });
        println!("matrices: {n:?}");
    }
}

/// Each way's pattern, z and error, against plain arithmetic in f64.
#[test]
fn ways_to_attend_are_what_they_say() {
    let (n, d) = (33usize, 8usize);
    let qkv = Qkv::random([n as u32; 2], d as u32, 9);
    for engine in &mut engines() {
        for way in Way::ALL {
            for causal in [false, true] {
                let found = block_on(see(engine, &qkv, way, causal, &Control::default()));
                if causal && !way.can_be_causal() {
                    assert!(found.is_err(), "{way:?}");
                    continue;
                }
                let found = found.unwrap();
                // z is what the pattern says.
                let z: Vec<f32> = (0..n * d)
                    .map(|at| {
                        let row = &found.pattern[at / d * n..][..n];
                        let values = row.iter().enumerate();
                        let sum: f64 = values
                            .map(|(key, &share)| {
                                f64::from(share) * f64::from(qkv.v[key * d + at % d])
                            })
                            .sum();
                        sum as f32
                    })
                    .collect();
                let off = relative(&found.z, &z);
                assert!(off <= 1e-5, "{way:?} {causal}: {off:e}");
                let rows = found.pattern.chunks_exact(n);
                let known = way.cells(n, causal);
                assert!(known.is_none() || known == found.cells, "{way:?}");
                if let Some(cells) = found.cells {
                    assert!(rows.clone().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
                    let is_right = found.pattern.iter().zip(&cells).all(|(share, is_seen)| {
                        if *is_seen { *share > 0.0 } else { *share == 0.0 }
                    });
                    assert!(is_right, "{way:?} {causal}");
                    let n_cells = cells.iter().filter(|is_seen| **is_seen).count();
                    match way {
                        // Chunks are computed whole, and hashed before.
                        Way::Lsh(..) => assert!(found.n_products[0] > (2 * d * n_cells) as u64),
                        _ => assert_eq!(found.n_products[0], (2 * d * n_cells) as u64, "{way:?}"),
                    }
                }
                match way {
                    Way::Full => assert!(found.error <= 1e-6, "{}", found.error),
                    _ => assert!((0.01..1.5).contains(&found.error), "{way:?} {}", found.error),
                }
            }
        }
        for causal in [false, true] {
            let control = Control::default();
            let blocks = blocks_error(engine, &qkv, [8, 1], causal, &control);
            let error = block_on(blocks).unwrap();
            assert!(error <= 1e-5, "{error:e}");
        }
    }
}

/// Hashed attention by definition, in f64: softmax over the cells of q·q̂, where q̂ has the length 1.
#[test]
fn hashed_rows_attend_to_rows_that_point_the_same_way() {
    let (n, d) = (48usize, 8usize);
    let qkv = Qkv::random([n as u32; 2], d as u32, 21);
    let row = |at: usize| -> Vec<f64> { qkv.q[at * d..][..d].iter().map(|&x| x.into()).collect() };
    let dot = |a: &[f64], b: &[f64]| -> f64 { a.iter().zip(b).map(|(a, b)| a * b).sum() };
    for engine in &mut engines() {
        for causal in [false, true] {
            let control = Control::default();
            let found = block_on(see(engine, &qkv, Way::Lsh(8, 2), causal, &control)).unwrap();
            let cells = found.cells.unwrap();
            let mut cosines = [(0.0, 0usize); 2];
            for t in 0..n {
                let cosine = |s: usize| {
                    let key = row(s);
                    dot(&row(t), &key) / dot(&key, &key).sqrt()
                };
                let power = |s: usize| if cells[t * n + s] { cosine(s).exp() } else { 0.0 };
                let total: f64 = (0..n).map(power).sum();
                for s in 0..n {
                    let off = (power(s) / total - f64::from(found.pattern[t * n + s])).abs();
                    assert!(off <= 1e-5, "{causal} {t} {s}: {off}");
                    if s != t {
                        let (sum, count) = &mut cosines[usize::from(cells[t * n + s])];
                        *sum += cosine(s) / dot(&row(t), &row(t)).sqrt();
                        *count += 1;
                    }
                }
            }
            let [apart, together] = cosines.map(|(sum, count)| sum / count as f64);
            println!("{}: mean cosine {together:.3}, of pairs left out {apart:.3}", engine.name());
            assert!(together > apart + 0.2, "{together} {apart}");
        }
    }
}

/// More keys, a larger rank: nearer to full attention.
#[test]
fn what_costs_more_is_nearer() {
    let qkv = Qkv::random([64, 64], 16, 2);
    let engine = &mut cpu();
    let mut error = |way: Way| {
        let found = block_on(see(engine, &qkv, way, false, &Control::default())).unwrap();
        (found.n_products[0], found.error)
    };
    for ways in [
        [Way::Window(4), Way::Window(16), Way::Window(48)],
        [Way::Blocks(8, 0), Way::Blocks(8, 2), Way::Blocks(8, 20)],
        [Way::Random(4), Way::Random(24), Way::Random(200)],
        [Way::LowRank(4), Way::LowRank(24), Way::LowRank(64)],
        [Way::Lsh(8, 1), Way::Lsh(8, 4), Way::Lsh(8, 32)],
    ] {
        let found = ways.map(&mut error);
        let is_ordered =
            found.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 > pair[1].1);
        assert!(is_ordered, "{ways:?}: {found:?}");
    }
}

#[test]
fn a_time_is_there_where_a_kernel_leaves_something_out() {
    let start = Instant::now();
    let now = || start.elapsed().as_secs_f64() * 1e3;
    let engine = &mut cpu();
    for way in Way::ALL {
        for causal in [false, true].into_iter().filter(|causal| !causal || way.can_be_causal()) {
            let control = Control::default();
            let took = block_on(zoo::time(engine, way, [64, 16], causal, &now, &control)).unwrap();
            let has_kernel = match way {
                Way::Window(_) => causal,
                Way::Dilated(..) | Way::Global(..) | Way::Random(_) | Way::Lsh(..) => false,
                _ => true,
            };
            assert_eq!(took.is_some(), has_kernel, "{way:?} {causal}");
            assert!(took.is_none_or(|took| took.ms > 0.0));
        }
    }
}
