// What the gradients need of each row of each head, a row an invocation. Shapes: dz, z [T, n_heads * d_head]; stats
// [n_heads, T, 2]; rows [n_heads, T, 3] of (maximum, sum of exponentials, dz z).
// Needs params.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read> z: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let row = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if row >= p.n_heads * p.n_rows {
        return;
    }
    let start = ((row % p.n_rows) * p.n_heads + row / p.n_rows) * p.d_head;
    var along = 0.0;
    for (var i = 0u; i < p.d_head; i++) {
        along += dz[start + i] * z[start + i];
    }
    rows[3u * row] = stats[2u * row];
    rows[3u * row + 1u] = stats[2u * row + 1u];
    rows[3u * row + 2u] = along;
}
