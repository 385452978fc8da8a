//! The two products of attention, for the heads that share one head of keys and values.
//!
//! Few queries: each is multiplied with the keys row by row. Many: the keys are turned once into
//! panels (as weights are packed) and tiles of queries run over them.

use super::lines::Lines;
use super::matmul::{Put, any_tile_f32, store_first};
use super::packed::GROUPS;
use crate::simd::Simd;

/// From so many queries on it pays to turn the keys.
const MANY: usize = 8;

/// Buffers of attention.
#[derive(Default)]
pub(crate) struct AttentionScratch {
    /// Queries in tiles, `[d, T]` each, or one row.
    queries: Lines,
    /// Keys in panels, `[d, width]` each.
    panels: Lines,
    /// Weights of a tile, `[n, T]`.
    weights: Lines,
    /// Values padded to a panel's width, where a head is narrower.
    values: Lines,
    /// Rows of scores that need not last.
    pub rows: Lines,
}

/// Rows of one head within rows of all heads.
#[derive(Clone, Copy)]
pub(crate) struct HeadRows<'a> {
    /// `[n, stride]`.
    pub all: &'a [f32],
    /// Columns of all heads.
    pub stride: usize,
    /// First column of this head.
    pub column: usize,
    /// Columns of this head.
    pub d: usize,
}

impl<'a> HeadRows<'a> {
    #[inline(always)]
    fn row(&self, idx: usize) -> &'a [f32] {
        &self.all[idx * self.stride + self.column..][..self.d]
    }
}

/// Scores of `n_queries` rows of q (scaled) with the first `n_keys` keys, to the starts of rows
/// of `ld` values.
#[inline(always)]
pub(crate) fn scores<S: Simd>(
    s: S,
    [q, k]: [HeadRows<'_>; 2],
    scale: f32,
    [n_queries, n_keys]: [usize; 2],
    scratch: &mut AttentionScratch,
    (out, ld): (&mut [f32], usize),
) {
    if n_queries >= MANY {
        turn_keys::<S>(k, n_keys, &mut scratch.panels);
    }
    for first in (0..n_queries).step_by(S::TILE) {
        let size = S::TILE.min(n_queries - first);
        let out = &mut out[first * ld..];
        if n_queries >= MANY {
            let tile = scratch.queries.floats_mut(size * q.d);
            fill_tile(q, first, size, scale, tile);
            scores_of_tile(s, tile, [size, q.d, n_keys], &mut scratch.panels, (out, ld));
            continue;
        }
        for t in 0..size {
            let row = scratch.queries.floats_mut(q.d);
            fill_tile(q, first + t, 1, scale, row);
            dots(s, row, k, &mut out[t * ld..][..n_keys]);
        }
    }
}

/// Lays `size` rows of q, scaled, into a tile `[d, size]`.
#[inline(always)]
fn fill_tile(q: HeadRows<'_>, first: usize, size: usize, scale: f32, tile: &mut [f32]) {
    for t in 0..size {
        for (column, value) in tile.chunks_exact_mut(size).zip(q.row(first + t)) {
            column[t] = value * scale;
        }
    }
}

/// Keys as panels: of each width of keys all first columns, then all second ones.
#[inline(always)]
fn turn_keys<S: Simd>(k: HeadRows<'_>, n_keys: usize, panels: &mut Lines) {
    let width = GROUPS * S::LANES;
    let panels = panels.floats_mut(n_keys.div_ceil(width) * k.d * width);
    for (panel_idx, panel) in panels.chunks_exact_mut((k.d * width).max(1)).enumerate() {
        for lane in 0..width.min(n_keys - panel_idx * width) {
            let row = k.row(panel_idx * width + lane);
            for (column, value) in panel.chunks_exact_mut(width).zip(row) {
                column[lane] = *value;
            }
        }
    }
}

#[inline(always)]
fn scores_of_tile<S: Simd>(
    s: S,
    tile: &[f32],
    [size, d, n_keys]: [usize; 3],
    panels: &mut Lines,
    (out, ld): (&mut [f32], usize),
) {
    let width = GROUPS * S::LANES;
    let panels = panels.floats_mut(n_keys.div_ceil(width) * d * width);
    for (panel_idx, panel) in panels.chunks_exact((d * width).max(1)).enumerate() {
        let column = panel_idx * width;
        let mut out = Rows { rows: out, ld, column, n: width.min(n_keys - column) };
        any_tile_f32(s, size, panel, [width, 0], tile, &mut out);
    }
}

/// Products of one query with keys, four at a time.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn dots<S: Simd>(s: S, q: &[f32], k: HeadRows<'_>, out: &mut [f32]) {
    let whole = k.d / S::LANES * S::LANES;
    let mut j = 0;
    while j < out.len() {
        let n = (out.len() - j).min(4);
        let rows: [_; 4] = std::array::from_fn(|i| k.row(j + i.min(n - 1)));
        let steps = rows.map(|row| row.chunks_exact(S::LANES));
        let [a, b, c, d] = steps;
        let mut sums = [s.f32_zero(); 4];
        for ((((q, a), b), c), d) in q.chunks_exact(S::LANES).zip(a).zip(b).zip(c).zip(d) {
            let q = s.f32_load(q);
            sums[0] = s.f32_mul_add(q, s.f32_load(a), sums[0]);
            sums[1] = s.f32_mul_add(q, s.f32_load(b), sums[1]);
            sums[2] = s.f32_mul_add(q, s.f32_load(c), sums[2]);
            sums[3] = s.f32_mul_add(q, s.f32_load(d), sums[3]);
        }
        let sums = s.f32_sums(sums);
        for (i, out) in out[j..j + n].iter_mut().enumerate() {
            let rest = q[whole..].iter().zip(&rows[i][whole..]).map(|(q, k)| q * k).sum::<f32>();
            *out = sums[i] + rest;
        }
        j += n;
    }
}

/// Values weighted by up to [`Simd::TILE`] rows of weights: row t of `out` (`ld` apart, from
/// `column` on) becomes Σ weights[t][j]·v[j] over the first `n` values.
#[inline(always)]
pub(crate) fn weighted<S: Simd>(
    s: S,
    weights: (&[f32], usize),
    [size, n]: [usize; 2],
    v: HeadRows<'_>,
    scratch: &mut AttentionScratch,
    (out, ld, column): (&mut [f32], usize, usize),
) {
    let (weights, weights_ld) = weights;
    // Columns past the last weight that is not zero add nothing.
    let last = |t: usize| {
        let row = &weights[t * weights_ld..][..n];
        row.iter().rposition(|weight| *weight != 0.0).map_or(0, |last| last + 1)
    };
    let n = (0..size).map(last).max().unwrap_or(0);
    if size == 1 {
        let all = &v.all[..n * v.stride];
        return weighted_one(s, &weights[..n], HeadRows { all, ..v }, &mut out[column..][..v.d]);
    }
    let tile = scratch.weights.floats_mut(n * size);
    for t in 0..size {
        for (of_key, weight) in tile.chunks_exact_mut(size).zip(&weights[t * weights_ld..]) {
            of_key[t] = *weight;
        }
    }
    let width = GROUPS * S::LANES;
    for at in (0..v.d).step_by(width) {
        let n_cols = width.min(v.d - at);
        let mut out = Rows { rows: &mut *out, ld, column: column + at, n: n_cols };
        if n_cols == width {
            let layout = [v.stride, v.column + at];
            any_tile_f32(s, size, &v.all[..n * v.stride], layout, tile, &mut out);
            continue;
        }
        let padded = scratch.values.floats_mut(n * width);
        for (j, row) in padded.chunks_exact_mut(width).enumerate() {
            row[..n_cols].copy_from_slice(&v.row(j)[at..]);
            row[n_cols..].fill(0.0);
        }
        any_tile_f32(s, size, padded, [width, 0], tile, &mut out);
    }
}

/// As [`weighted`] for a single row: as many columns at once as the registers hold, since each
/// pass reads all rows again.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
fn weighted_one<S: Simd>(s: S, weights: &[f32], v: HeadRows<'_>, out: &mut [f32]) {
    let mut at = 0;
    while at + 8 * S::LANES <= v.d {
        columns_of_one::<S, 8>(s, weights, v, at, out);
        at += 8 * S::LANES;
    }
    while at + 4 * S::LANES <= v.d {
        columns_of_one::<S, 4>(s, weights, v, at, out);
        at += 4 * S::LANES;
    }
    while at + S::LANES <= v.d {
        columns_of_one::<S, 1>(s, weights, v, at, out);
        at += S::LANES;
    }
    if at < v.d {
        out[at..].fill(0.0);
        for (j, weight) in weights.iter().enumerate() {
            for (out, value) in out[at..].iter_mut().zip(&v.row(j)[at..]) {
                *out += weight * value;
            }
        }
    }
}

/// `N` vectors of columns from `at` on.
#[inline(always)]
fn columns_of_one<S: Simd, const N: usize>(
    s: S,
    weights: &[f32],
    v: HeadRows<'_>,
    at: usize,
    out: &mut [f32],
) {
    let mut sums = [s.f32_zero(); N];
    for (row, weight) in v.all.chunks_exact(v.stride).zip(weights) {
        let (row, weight) = (&row[v.column + at..][..N * S::LANES], s.f32_splat(*weight));
        for (i, sum) in sums.iter_mut().enumerate() {
            *sum = s.f32_mul_add(s.f32_load(&row[i * S::LANES..]), weight, *sum);
        }
    }
    for (sum, out) in sums.into_iter().zip(out[at..].chunks_exact_mut(S::LANES)) {
        s.f32_store(sum, out);
    }
}

/// Where sums go: `n` columns from `column` on of rows `ld` apart.
struct Rows<'a> {
    rows: &'a mut [f32],
    ld: usize,
    column: usize,
    n: usize,
}

impl<S: Simd> Put<S> for Rows<'_> {
    #[inline(always)]
    fn put(&mut self, s: S, t: usize, sums: [S::F32; GROUPS]) {
        store_first(s, sums, self.n, &mut self.rows[t * self.ld + self.column..]);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::cpu::CpuOptions;
    use crate::engine::cpu::testing::{absolute_error, engines, noise, run};
    use crate::ops::attention_scores::AttentionScores;
    use crate::ops::attention_values::AttentionValues;
    use crate::ops::softmax::Masks;
    use crate::{DType, InputData, Recorder, Shape, Step, TensorId};

    /// Attention by its definition in f64, with keys and values of `past + t` rows: scores and
    /// pattern `[n_heads, t, n]`, z `[t, n_heads·d]`.
    fn naive(
        [q, k, v]: [&[f32]; 3],
        [n_heads, n_kv, d]: [usize; 3],
        [t, past]: [usize; 2],
    ) -> [Vec<f64>; 3] {
        let n = past + t;
        let (mut scores, mut pattern) = (vec![0.0; n_heads * t * n], vec![0.0; n_heads * t * n]);
        let mut z = vec![0.0; t * n_heads * d];
        for head in 0..n_heads {
            let kv = head / (n_heads / n_kv);
            for row in 0..t {
                let at = (head * t + row) * n;
                for j in 0..n {
                    let q = &q[(row * n_heads + head) * d..][..d];
                    let k = &k[(j * n_kv + kv) * d..][..d];
                    let dot = q.iter().zip(k).map(|(q, k)| f64::from(*q) * f64::from(*k));
                    scores[at + j] = 0.3 * dot.sum::<f64>();
                }
                let end = past + row + 1;
                let max = scores[at..at + end].iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = scores[at..at + end].iter().map(|score| (score - max).exp()).sum();
                for j in 0..end {
                    pattern[at + j] = (scores[at + j] - max).exp() / sum;
                    for col in 0..d {
                        z[(row * n_heads + head) * d + col] +=
                            pattern[at + j] * f64::from(v[(j * n_kv + kv) * d + col]);
                    }
                }
            }
        }
        [scores, pattern, z]
    }

    #[test]
    fn both_forms_agree_with_f64_over_odd_shapes() {
        let heads_of = [[1, 1, 1], [4, 2, 16], [9, 3, 64], [3, 1, 65], [6, 6, 33]];
        for [n_heads, n_kv, d] in heads_of {
            for [t, past] in [[1, 0], [1, 62], [2, 9], [7, 3], [31, 0], [70, 5]] {
                let n = past + t;
                let q = noise(1, t * n_heads * d);
                let (k, v) = (noise(2, n * n_kv * d), noise(3, n * n_kv * d));
                let [scores, pattern, z] = naive([&q, &k, &v], [n_heads, n_kv, d], [t, past]);
                for mut engine in engines(CpuOptions::default()) {
                    let (k_old, k_new) = k.split_at(past * n_kv * d);
                    let (v_old, v_new) = v.split_at(past * n_kv * d);
                    let shape = Shape::from([n, n_kv * d]);
                    let states = [
                        engine.add_state("k", shape).expect("small"),
                        engine.add_state("v", shape).expect("small"),
                    ];
                    let cached = |recorder: &mut Recorder, rows: usize| -> [TensorId; 2] {
                        states.map(|state| {
                            let new = recorder.input([rows, n_kv * d], DType::F32);
                            let state = recorder.state(state, shape);
                            recorder.append(new, state).expect("fits");
                            state
                        })
                    };
                    if past > 0 {
                        let inputs = [InputData::F32(k_old), InputData::F32(v_old)];
                        run(&mut engine, &inputs, Step::default(), |recorder| {
                            cached(recorder, past);
                            Vec::new()
                        });
                    }
                    let step = Step { past: past as u32, ..Step::default() };
                    let inputs = [&q, k_new, v_new].map(InputData::F32);
                    let got = run(&mut engine, &inputs, step, |recorder| {
                        let q = recorder.input([t, n_heads * d], DType::F32);
                        let [k, v] = cached(recorder, t);
                        let heads = AttentionScores {
                            n_heads,
                            n_kv_heads: n_kv,
                            d_head: d,
                            scale: 0.3,
                            all_keys: false,
                            keys_in_state: true,
                        };
                        let scores = recorder.attention_scores(q, k, heads).expect("fits");
                        let masks = Masks { causal: true, until_filled: true, ..Masks::default() };
                        let pattern = recorder.softmax(scores, masks).expect("fits");
                        let values = AttentionValues {
                            n_heads,
                            n_kv_heads: n_kv,
                            d_head: d,
                            pattern_in_state: false,
                            all_values: false,
                            values_in_state: true,
                        };
                        let z = recorder.attention_values(pattern, v, t, values).expect("fits");
                        let tiled =
                            recorder.attention_tiled([q, k, v], masks, heads).expect("fits");
                        vec![scores, pattern, z, tiled.z, tiled.stats]
                    });
                    let expected = [&scores, &pattern, &z, &z];
                    for (which, (got, expected)) in got.iter().zip(expected).enumerate() {
                        let err = absolute_error(got, expected);
                        let name = engine.name();
                        assert!(err <= 3e-6, "{name}, {which}, {n_heads}×{d}, {t}+{past}: {err:e}");
                    }
                    for (row, stats) in got[4].chunks_exact(2).enumerate() {
                        let end = past + row % t + 1;
                        let scores = &scores[row * n..][..end];
                        let max = scores.iter().copied().fold(f64::MIN, f64::max);
                        let sum: f64 = scores.iter().map(|score| (score - max).exp()).sum();
                        assert!((f64::from(stats[0]) - max).abs() <= 3e-6);
                        assert!((f64::from(stats[1]) - sum).abs() <= 1e-5 * sum);
                    }
                }
            }
        }
    }
}
