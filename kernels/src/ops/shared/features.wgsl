// What feature maps and their gradients share; twin of ops::feature_map::Features, whose order numbers
// the kinds. Rows of all heads lie one after the other.

override WORKGROUP_SIZE: u32 = 64u;

const IDENTITY: u32 = 0u;
const ELU_PLUS_ONE: u32 = 1u;
const RELU: u32 = 2u;
const DPFP: u32 = 3u;
const FAVOR_POSITIVE: u32 = 4u;

struct FeatureMapParams {
    n_heads: u32, // of all rows together
    d: u32,
    d_features: u32,
    kind: u32,
    m: u32, // random directions
}

@group(0) @binding(0) var<uniform> p: FeatureMapParams;
@group(0) @binding(1) var<storage, read> x: array<f32>; // [n_heads, d]
@group(0) @binding(2) var<storage, read> omega: array<f32>; // [m, d]

// ReLU([x, -x]) of the head that begins at `start`.
fn rectified(start: u32, at: u32) -> f32 {
    if at < p.d {
        return max(x[start + at], 0.0);
    }
    return max(-x[start + at - p.d], 0.0);
}
