//! Attention by locality-sensitive hashing ("Reformer": Kitaev et al. 2020, arXiv 2001.04451, section 2): rows whose
//! directions fall into one bucket see each other, found by sorting instead of by comparing all pairs.
//!
//! Queries are keys too ("shared QK"), as keys scaled to the length 1, so that buckets are as full of one as of the
//! other; a row sees itself only where it sees nothing else. A hash is `argmax([xR; −xR])` with R `[d, b/2]` normal:
//! the nearest of b directions that are turned at random. Rows are sorted by bucket, then by place, and cut into
//! chunks of `m = 2n/b`; a row sees the rows of its bucket in its own chunk and the one before. What several
//! rounds of hashing find is joined, each pair once, as the paper weights them.

use vitrine_kernels::{Control, DType, Engine, InputData, Recorder, Step};

use super::zoo::{Seen, Way};
use super::{Qkv, bias_of, by_matrices, heads_of, relative, run};
use crate::error::ModelError;
use crate::sample::Random;
use crate::train::random::normal;

/// Buckets and rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lsh {
    n_buckets: usize,
    n_rounds: usize,
}

impl Lsh {
    /// At least two buckets, an even number of them, and one round.
    pub(super) fn new(n_buckets: u32, n_rounds: u32) -> Self {
        let n_buckets = (n_buckets.max(2) as usize).next_multiple_of(2);
        Self { n_buckets, n_rounds: n_rounds.max(1) as usize }
    }

    /// Rows of a chunk, of n.
    fn chunk(self, n: usize) -> usize {
        (2 * n).div_ceil(self.n_buckets).max(1)
    }

    /// Which cells `[n, n]` of rows `x` `[n, d]` count.
    fn cells(self, x: &[f32], n: usize, causal: bool, random: &mut Random) -> Vec<bool> {
        let d = x.len() / n.max(1);
        let mut cells = vec![false; n * n];
        for _ in 0..self.n_rounds {
            let buckets = self.buckets(x, d, random);
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by_key(|&row| (buckets[row], row));
            let mut before: &[usize] = &[];
            for chunk in order.chunks(self.chunk(n)) {
                for &row in chunk {
                    let seen = before.iter().chain(chunk).filter(|&&key| {
                        key != row && buckets[key] == buckets[row] && (!causal || key < row)
                    });
                    seen.for_each(|&key| cells[row * n + key] = true);
                }
                before = chunk;
            }
        }
        alone_see_themselves(&mut cells, n);
        cells
    }

    /// The bucket of each row.
    fn buckets(self, x: &[f32], d: usize, random: &mut Random) -> Vec<usize> {
        let half = self.n_buckets / 2;
        let turn: Vec<f32> = (0..half * d).map(|_| normal(random)).collect(); // [b/2, d]
        let of_row = |row: &[f32]| {
            let along = |direction: &[f32]| -> f64 {
                row.iter().zip(direction).map(|(&x, &r)| f64::from(x) * f64::from(r)).sum()
            };
            let (mut best, mut most) = (0, f64::NEG_INFINITY);
            for (at, along) in turn.chunks_exact(d.max(1)).map(along).enumerate() {
                for (bucket, value) in [(at, along), (half + at, -along)] {
                    if value > most {
                        (best, most) = (bucket, value);
                    }
                }
            }
            best
        };
        x.chunks_exact(d.max(1)).map(of_row).collect()
    }

    /// Products that it needs: b/2 directions a row, then a chunk with itself and the one before, masked or not,
    /// twice (queries with keys, shares with values), in each round.
    pub(super) fn n_products(self, n: usize, d: usize) -> u64 {
        let (chunk, mut n_cells, mut before) = (self.chunk(n), 0, 0);
        for first in (0..n).step_by(chunk) {
            let own = chunk.min(n - first);
            n_cells += own * (own + before);
            before = own;
        }
        (self.n_rounds * d * (n * self.n_buckets / 2 + 2 * n_cells)) as u64
    }
}

/// Attention by hashing beside all pairs of the same: queries are keys in both.
///
/// # Errors
/// What the engine reports.
pub(super) async fn see(
    engine: &mut Engine,
    qkv: &Qkv,
    lsh: Lsh,
    causal: bool,
    random: &mut Random,
    control: &Control,
) -> Result<Seen, ModelError> {
    let (n, d) = (qkv.n_rows as usize, qkv.d());
    let shared = Qkv { k: shared_keys(&qkv.q, d), ..qkv.clone() };
    let cells = lsh.cells(&shared.q, n, causal, random);
    let masks = [bias_of(&cells), bias_of(&all_pairs(n, causal))];
    let mut recorder = Recorder::new();
    let inputs = shared.record(&mut recorder);
    let mut both = Vec::new();
    for _ in &masks {
        let bias = recorder.input([1, n, n], DType::F32);
        both.push(by_matrices(&mut recorder, inputs, heads_of(d), causal, Some(bias))?);
    }
    let ids = [both[0].pattern, both[0].z, both[1].z];
    let masks = masks.each_ref().map(|mask| InputData::F32(mask));
    let values = [&shared.inputs()[..], &masks].concat();
    let found = run(engine, recorder, Step::default(), &values, &ids, control).await?;
    let [pattern, z, full] = <[Vec<f32>; 3]>::try_from(found).unwrap_or_default();
    let error = relative(&z, &full);
    let n_products = [lsh.n_products(n, d), Way::Full.n_products(n, d, causal)];
    Ok(Seen { pattern, z, cells: Some(cells), error, n_products })
}

/// All pairs that shared queries and keys may have: a row sees itself only where there is nothing else.
fn all_pairs(n: usize, causal: bool) -> Vec<bool> {
    let is_seen = |at: usize| if causal { at % n < at / n } else { at % n != at / n };
    let mut cells: Vec<bool> = (0..n * n).map(is_seen).collect();
    alone_see_themselves(&mut cells, n);
    cells
}

fn alone_see_themselves(cells: &mut [bool], n: usize) {
    for (row, own) in cells.chunks_exact_mut(n.max(1)).enumerate() {
        own[row] = own.iter().all(|is_seen| !is_seen);
    }
}

/// Queries `[n, d]` as keys: each of the length √d, which the scale 1/√d of scores makes 1.
fn shared_keys(q: &[f32], d: usize) -> Vec<f32> {
    let of_row = |row: &[f32]| -> Vec<f32> {
        let square = row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / d as f64;
        let scale = 1.0 / square.max(f64::MIN_POSITIVE).sqrt();
        row.iter().map(|&x| (f64::from(x) * scale) as f32).collect()
    };
    q.chunks_exact(d.max(1)).flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, d: usize, seed: u64) -> Vec<f32> {
        let mut random = Random::from_seed(seed);
        (0..n * d).map(|_| normal(&mut random)).collect()
    }

    /// A direction has one bucket whatever its length, and the opposite one another.
    #[test]
    fn a_bucket_is_a_direction() {
        let (d, lsh) = (8, Lsh::new(16, 1));
        for seed in 0..20 {
            let x = rows(1, d, seed);
            let all: Vec<f32> =
                [1.0, 7.0, -1.0].iter().flat_map(|by| x.iter().map(move |x| x * by)).collect();
            let found = lsh.buckets(&all, d, &mut Random::from_seed(seed));
            assert!(found[0] == found[1] && found[2] == (found[0] + 8) % 16, "{found:?}");
        }
    }

    /// The nearer two rows are, the more often they meet: what makes the hash locality-sensitive.
    #[test]
    fn what_is_alike_falls_into_one_bucket() {
        let (d, lsh) = (16, Lsh::new(8, 1));
        let met = |by: f32| -> usize {
            let one = |seed: u64| {
                let (x, other) = (rows(1, d, seed), rows(1, d, 1000 + seed));
                let near: Vec<f32> = x.iter().zip(&other).map(|(x, y)| x + by * y).collect();
                // Directions of another seed: those of the same one would be the row itself.
                let random = &mut Random::from_seed(5000 + seed);
                let found = lsh.buckets(&[x, near].concat(), d, random);
                usize::from(found[0] == found[1])
            };
            (0..400).map(one).sum()
        };
        let [same, near, far, other] = [0.0, 0.3, 1.0, 100.0].map(met);
        assert_eq!(same, 400);
        assert!(near < same && far + 40 < near && other + 40 < far, "{near} {far} {other}");
        // A row that has nothing to do with it: one bucket of eight.
        assert!((30..75).contains(&other), "{other}");
    }

    #[test]
    fn rows_see_their_bucket_and_themselves_only_alone() {
        for (n, causal) in [(1, false), (2, true), (33, false), (33, true), (64, true)] {
            let x = rows(n, 8, n as u64);
            let lsh = Lsh::new(8, 1);
            let cells = lsh.cells(&x, n, causal, &mut Random::from_seed(3));
            let buckets = lsh.buckets(&x, 8, &mut Random::from_seed(3));
            for (row, own) in cells.chunks_exact(n).enumerate() {
                let seen: Vec<usize> = (0..n).filter(|&key| own[key]).collect();
                let is_alone = seen == [row];
                assert!(is_alone || !seen.contains(&row) && !seen.is_empty(), "{seen:?}");
                assert!(seen.iter().all(|&key| buckets[key] == buckets[row]));
                assert!(!causal || seen.iter().all(|&key| key <= row));
                assert!(seen.len() <= 2 * lsh.chunk(n));
            }
        }
        // Two buckets of chunks as long as all: nothing of a bucket is cut off.
        let (n, lsh) = (20, Lsh::new(2, 1));
        let x = rows(n, 8, 1);
        let buckets = lsh.buckets(&x, 8, &mut Random::from_seed(3));
        let cells = lsh.cells(&x, n, false, &mut Random::from_seed(3));
        let all = |at: usize| at / n != at % n && buckets[at / n] == buckets[at % n];
        assert!((0..n * n).all(|at| cells[at] == all(at)));
        assert_eq!(all_pairs(3, true), [true, false, false, true, false, false, true, true, false]);
        // Chunks of 4: 16 cells, and three times 32; 4 directions a row.
        assert_eq!(Lsh::new(8, 1).n_products(16, 8), (8 * (16 * 4 + 2 * 112)) as u64);
    }

    #[test]
    fn shared_keys_have_one_length() {
        let keys = shared_keys(&rows(5, 8, 2), 8);
        for row in keys.chunks_exact(8) {
            assert!((row.iter().map(|x| x * x).sum::<f32>() - 8.0).abs() < 1e-4);
        }
        assert!(shared_keys(&[0.0; 8], 8).iter().all(|x| *x == 0.0));
    }
}
