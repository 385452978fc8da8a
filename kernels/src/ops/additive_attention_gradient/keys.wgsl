// Gradients of the keys and of the values: one column of a row of the source an invocation.
// Shapes: dz [B·T, c]; q [B·T, a]; k, dk [B·S, a]; v [a]; pattern, de [B, T, S]; dvalues [B·S, c].
// Needs shared/activate.wgsl.

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
@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> pattern: array<f32>;
@group(0) @binding(6) var<storage, read_write> de: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dvalues: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let at = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let width = max(p.n_cols, p.n_values);
    if at >= p.n_sequences * p.n_keys * width {
        return;
    }
    let source = at / width;
    let col = at % width;
    let key = source % p.n_keys;
    let first = source / p.n_keys * p.n_rows;
    if col < p.n_values {
        var sum = 0.0;
        for (var row = first; row < first + p.n_rows; row++) {
            sum += pattern[row * p.n_keys + key] * dz[row * p.n_values + col];
        }
        dvalues[source * p.n_values + col] = sum;
    }
    if col < p.n_cols {
        var sum = 0.0;
        for (var row = first; row < first + p.n_rows; row++) {
            let tanh_of = tanh_safe(q[row * p.n_cols + col] + k[source * p.n_cols + col]);
            sum += de[row * p.n_keys + key] * (1.0 - tanh_of * tanh_of);
        }
        dk[source * p.n_cols + col] = sum * v[col];
    }
}
