// Gradient of a norm's rows, one workgroup a row.
// Shapes: x, dy, dx [n_rows, n_cols]; stats [n_rows, 2] of (mean, scale); gain [n_cols].
// Needs shared/reduce.wgsl.

struct NormGradientParams {
    n_rows: u32,
    n_cols: u32,
    centred: u32,
    has_gain: u32,
}

@group(0) @binding(0) var<uniform> p: NormGradientParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> gain: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

fn gained(at: u32, col: u32) -> f32 {
    if p.has_gain == 1u {
        return dy[at] * gain[col];
    }
    return dy[at];
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let start = row * p.n_cols;
        let shift = select(0.0, stats[2u * row], p.centred == 1u);
        let scale = stats[2u * row + 1u];
        var sum = 0.0;
        var along = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let g = gained(start + col, col);
            sum += g;
            along += g * (x[start + col] - shift) / scale;
        }
        let mean_all = reduce_sum(sum, lane) / f32(p.n_cols);
        let mean_along = reduce_sum(along, lane) / f32(p.n_cols);
        let mean = select(0.0, mean_all, p.centred == 1u);
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let normed = (x[start + col] - shift) / scale;
            dx[start + col] = (gained(start + col, col) - mean - normed * mean_along) / scale;
        }
    }
}
