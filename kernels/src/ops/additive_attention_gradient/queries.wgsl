// Gradients of the queries and of v, row by row: one column of a row an invocation.
// Shapes: q, dq, dv [B·T, a]; k [B·S, a]; v [a]; de [B, T, S]. Needs shared/activate.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct AdditiveAttentionParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_cols: u32, // a
    n_values: u32, // c
    n_sequences: u32, // B
    has_shown: u32,
}

@group(0) @binding(0) var<uniform> p: AdditiveAttentionParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read_write> de: array<f32>;
@group(0) @binding(5) var<storage, read_write> dq: array<f32>;
@group(0) @binding(6) var<storage, read_write> dv: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let at = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if at >= p.n_sequences * p.n_rows * p.n_cols {
        return;
    }
    let row = at / p.n_cols;
    let col = at % p.n_cols;
    let first = row / p.n_rows * p.n_keys;
    var of_q = 0.0;
    var of_v = 0.0;
    for (var key = 0u; key < p.n_keys; key++) {
        let tanh_of = tanh_safe(q[at] + k[(first + key) * p.n_cols + col]);
        let slope = de[row * p.n_keys + key];
        of_q += slope * (1.0 - tanh_of * tanh_of);
        of_v += slope * tanh_of;
    }
    dq[at] = of_q * v[col];
    dv[at] = of_v;
}
