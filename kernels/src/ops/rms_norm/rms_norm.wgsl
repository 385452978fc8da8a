// RMSNorm, one workgroup a row.
// Shapes: x, y [T, n_cols]; gain [n_cols]; stats [T, 2] of (mean, sqrt(mean of squares + eps)).
// Needs shared/reduce.wgsl.

struct RmsNormParams {
    n_rows: u32,
    n_cols: u32,
    has_gain: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> p: RmsNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let start = row * p.n_cols;
        var sum = 0.0;
        var squares = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let value = x[start + col];
            sum += value;
            squares += value * value;
        }
        let mean = reduce_sum(sum, lane) / f32(p.n_cols);
        let rms = sqrt(reduce_sum(squares, lane) / f32(p.n_cols) + p.eps);
        if lane == 0u {
            stats[2u * row] = mean;
            stats[2u * row + 1u] = rms;
        }
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            var value = x[start + col] / rms;
            if p.has_gain == 1u {
                value *= gain[col];
            }
            y[start + col] = value;
        }
    }
}
