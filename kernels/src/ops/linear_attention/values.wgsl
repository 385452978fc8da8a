// Values weighted by the pattern of linear attention, a value an invocation. Shapes: see
// shared/linear.wgsl; pattern [n_maps, n_rows, n_rows]; v, z rows of values.
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> pattern: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> decay: array<f32>;
@group(0) @binding(4) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.n_rows * p.d_value {
        return;
    }
    let col = i % p.d_value;
    let idx = i / p.d_value % p.n_rows;
    let map = i / (p.d_value * p.n_rows);
    let is_reversed = p.reversed == 1u;
    let last = p.n_rows - 1u;
    let start = (map * p.n_rows + select(idx, last - idx, is_reversed)) * p.n_rows;
    var sum = 0.0;
    for (var other = 0u; other <= idx; other++) {
        let weight = pattern[start + select(other, last - other, is_reversed)];
        sum += weight * v[value_start(map, other) + col];
    }
    z[value_start(map, idx) + col] = sum;
}
