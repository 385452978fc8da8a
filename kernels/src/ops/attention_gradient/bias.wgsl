// Gradient of a bias, a cell an invocation: sums over the maps that share it. Shapes: slopes
// [n_maps, n_rows, n_cols]; dbias [n_bias_maps, n_rows, n_cols].
// Needs heads.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> slopes: array<f32>;
@group(0) @binding(2) var<storage, read_write> dbias: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let n_cells = p.n_rows * p.n_cols;
    if i >= p.n_bias_maps * n_cells {
        return;
    }
    var sum = 0.0;
    for (var map = i / n_cells; map < p.n_maps; map += p.n_bias_maps) {
        sum += slopes[map * n_cells + i % n_cells];
    }
    dbias[i] = sum;
}
