// Gradients of keys and values, a value of each an invocation: sums over the heads that share them
// and over the rows. Shapes: see heads.wgsl; slopes, pattern [n_maps, n_rows, n_cols]; dz like q;
// seed [2]; dk, dv like k.
// Needs shared/philox.wgsl, heads.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> slopes: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> pattern: array<f32>;
@group(0) @binding(4) var<storage, read> dz: array<f32>;
@group(0) @binding(5) var<storage, read> seed: array<u32>;
@group(0) @binding(6) var<storage, read_write> dk: array<f32>;
@group(0) @binding(7) var<storage, read_write> dv: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let n_sequences = p.n_maps / p.n_heads;
    if i >= n_sequences * p.n_cols * p.n_kv_heads * p.d_head {
        return;
    }
    let col = i / (p.d_head * p.n_kv_heads);
    let sequence = col / p.n_cols;
    let s = col % p.n_cols;
    let n_shared = p.n_heads / p.n_kv_heads;
    let first = sequence * p.n_heads + ((i / p.d_head) % p.n_kv_heads) * n_shared;
    let key = vec2<u32>(seed[0], seed[1]);
    var of_key = 0.0;
    var of_value = 0.0;
    for (var map = first; map < first + n_shared; map++) {
        for (var t = 0u; t < p.n_rows; t++) {
            if s < start_of(t) || s >= end_of(t) {
                continue;
            }
            let cell = (map * p.n_rows + t) * p.n_cols + s;
            let at = query_start(map, t) + i % p.d_head;
            of_key += slopes[cell] * q[at];
            var weight = pattern[cell];
            if p.threshold > 0u {
                weight *= dropped(cell, p.stream, key, p.threshold, p.factor);
            }
            of_value += weight * dz[at];
        }
    }
    dk[i] = of_key * p.scale;
    dv[i] = of_value;
}
