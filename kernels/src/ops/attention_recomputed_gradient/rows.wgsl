// What the gradients need of each row, a row an invocation. Shapes: see heads.wgsl; stats [n_maps,
// n_rows, 2]; dz, z like q; rows [n_maps, n_rows, 4] of (maximum, sum, dz z, 0).
// Needs heads.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> stats: array<f32>;
@group(0) @binding(2) var<storage, read> dz: array<f32>;
@group(0) @binding(3) var<storage, read> z: array<f32>;
@group(0) @binding(4) var<storage, read_write> rows: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let row = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if row >= p.n_maps * p.n_rows {
        return;
    }
    let start = query_start(row / p.n_rows, row % p.n_rows);
    var along = 0.0;
    for (var i = 0u; i < p.d_head; i++) {
        along += dz[start + i] * z[start + i];
    }
    rows[row] = vec4<f32>(stats[2u * row], stats[2u * row + 1u], along, 0.0);
}
