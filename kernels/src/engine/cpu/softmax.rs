//! One row of a masked softmax.

use crate::simd::{Simd, math};

/// Replaces scores by e^(score − m)/ℓ and returns (m, ℓ); hidden cells become 0. Where every
/// cell is hidden, all become 0, m is −∞ and ℓ is 0.
#[cfg_attr(target_arch = "wasm32", inline(never))]
#[cfg_attr(not(target_arch = "wasm32"), inline(always))]
pub(crate) fn softmax_row<S: Simd>(s: S, row: &mut [f32], padding: Option<&[u32]>) -> (f32, f32) {
    if let Some(padding) = padding {
        for (value, shown) in row.iter_mut().zip(padding) {
            *value = if *shown == 0 { f32::NEG_INFINITY } else { *value };
        }
    }
    let whole = row.len() / S::LANES * S::LANES;
    let lowest = s.f32_splat(f32::NEG_INFINITY);
    let mut largest = lowest;
    for values in row[..whole].chunks_exact(S::LANES) {
        largest = s.f32_max(s.f32_load(values), largest);
    }
    let m = row[whole..].iter().copied().fold(s.f32_largest(largest), f32::max);
    if m == f32::NEG_INFINITY && !row.iter().any(|value| value.is_nan()) {
        row.fill(0.0);
        return (m, 0.0);
    }
    let shift = s.f32_splat(m);
    let mut sums = s.f32_zero();
    for values in row[..whole].chunks_exact_mut(S::LANES) {
        let value = math::exp(s, s.f32_sub(s.f32_load(values), shift));
        sums = s.f32_add(sums, value);
        s.f32_store(value, values);
    }
    let mut sum = s.f32_sum(sums);
    if whole < row.len() {
        let rest = &mut row[whole..];
        let mut lanes = [f32::NEG_INFINITY; 16];
        lanes[..rest.len()].copy_from_slice(rest);
        let values = math::exp(s, s.f32_sub(s.f32_load(&lanes), shift));
        sum += s.f32_sum(values);
        s.f32_store(values, &mut lanes);
        rest.copy_from_slice(&lanes[..rest.len()]);
    }
    let factor = s.f32_splat(1.0 / sum);
    let mut steps = row.chunks_exact_mut(S::LANES);
    for values in &mut steps {
        s.f32_store(s.f32_mul(s.f32_load(values), factor), values);
    }
    steps.into_remainder().iter_mut().for_each(|value| *value /= sum);
    (m, sum)
}
