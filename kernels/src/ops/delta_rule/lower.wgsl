// Products of keys with those before them in their chunk, a row an invocation. Shapes: see
// shared/linear.wgsl; k rows of keys; lower [n_maps, n_rows, chunk].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> decay: array<f32>;
@group(0) @binding(3) var<storage, read_write> lower: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.n_rows {
        return;
    }
    let map = i / p.n_rows;
    let idx = i % p.n_rows;
    let n_before = idx % p.chunk;
    let of_own = key_start(map, idx);
    var kept = 1.0;
    for (var back = 1u; back <= n_before; back++) {
        kept *= gate(map, idx - back + 1u);
        let to = key_start(map, idx - back);
        var sum = 0.0;
        for (var col = 0u; col < p.d_key; col++) {
            sum += k[of_own + col] * k[to + col];
        }
        lower[i * p.chunk + n_before - back] = sum * kept;
    }
    for (var other = n_before; other < p.chunk; other++) {
        lower[i * p.chunk + other] = 0.0;
    }
}
