// Gradient of the queries, a value an invocation. Shapes: see heads.wgsl; slopes [n_maps, n_rows,
// n_cols]; dq like q.
// Needs heads.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> slopes: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read_write> dq: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.n_rows * p.d_head {
        return;
    }
    let row = i / (p.d_head * p.n_heads);
    let map = (row / p.n_rows) * p.n_heads + (i / p.d_head) % p.n_heads;
    let t = row % p.n_rows;
    let start = (map * p.n_rows + t) * p.n_cols;
    var sum = 0.0;
    let end = end_of(t);
    for (var s = start_of(t); s < end; s++) {
        sum += slopes[start + s] * k[key_start(map, s) + i % p.d_head];
    }
    dq[i] = sum * p.scale;
}
