// Scores of additive attention, one cell an invocation.
// Shapes: q [T, a]; k [S, a]; v [a]; scores [1, T, S].
// Needs shared/activate.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct AdditiveScoresParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_cols: u32, // a
}

@group(0) @binding(0) var<uniform> p: AdditiveScoresParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let at = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if at >= p.n_rows * p.n_keys {
        return;
    }
    let row = at / p.n_keys;
    let key = at % p.n_keys;
    var sum = 0.0;
    for (var col = 0u; col < p.n_cols; col++) {
        sum += v[col] * tanh_safe(q[row * p.n_cols + col] + k[key * p.n_cols + col]);
    }
    scores[at] = sum;
}
