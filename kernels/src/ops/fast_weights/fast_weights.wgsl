// Fast weights through time, one of their rows an invocation, tokens first.. end in order. Shapes: q, k
// [T, n_heads * d_key]; v, z [T, n_heads * d_value]; beta, decay [T, n_heads]; memory [C, n_heads, d_value,
// d_key], of which rows past.. become W.
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct FastWeightsParams {
    n_heads: u32,
    d_key: u32,
    d_value: u32,
    has_beta: u32,
    has_decay: u32,
    first: u32, // of the tokens of this launch
    end: u32,
}

@group(0) @binding(0) var<uniform> p: FastWeightsParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> beta: array<f32>;
@group(0) @binding(5) var<storage, read> decay: array<f32>;
@group(0) @binding(6) var<storage, read_write> z: array<f32>;
@group(0) @binding(7) var<storage, read_write> memory: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_heads * p.d_value {
        return;
    }
    let width = p.n_heads * p.d_value * p.d_key;
    for (var token = p.first; token < p.end; token++) {
        let row = now.past + token;
        let at = token * p.n_heads + i / p.d_value;
        var kept = 1.0;
        if p.has_decay == 1u {
            kept = exp(decay[at]);
        }
        let own = row * width + i * p.d_key;
        var written = v[token * p.n_heads * p.d_value + i];
        var known = 0.0;
        for (var col = 0u; col < p.d_key; col++) {
            var before = 0.0;
            if row > 0u {
                before = memory[own - width + col] * kept;
            }
            memory[own + col] = before;
            known += before * k[at * p.d_key + col];
        }
        if p.has_beta == 1u {
            written = beta[at] * (written - known);
        }
        var sum = 0.0;
        for (var col = 0u; col < p.d_key; col++) {
            let after = memory[own + col] + written * k[at * p.d_key + col];
            memory[own + col] = after;
            sum += after * q[at * p.d_key + col];
        }
        z[token * p.n_heads * p.d_value + i] = sum;
    }
}
