// LayerNorm, one workgroup a row: the mean, then the variance about it, then the row.
// Shapes: x, y [T, n_cols]; gain, bias [n_cols]; stats [T, 2] of (mean, sqrt(variance + eps)).
// Needs shared/reduce.wgsl.

struct LayerNormParams {
    n_rows: u32,
    n_cols: u32,
    has_gain: u32,
    has_bias: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> p: LayerNormParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> gain: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<storage, read_write> stats: array<f32>;

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
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            sum += x[start + col];
        }
        let mean = reduce_sum(sum, lane) / f32(p.n_cols);
        var squares = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let gap = x[start + col] - mean;
            squares += gap * gap;
        }
        let scale = sqrt(reduce_sum(squares, lane) / f32(p.n_cols) + p.eps);
        if lane == 0u {
            stats[2u * row] = mean;
            stats[2u * row + 1u] = scale;
        }
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            var value = (x[start + col] - mean) / scale;
            if p.has_gain == 1u {
                value *= gain[col];
            }
            if p.has_bias == 1u {
                value += bias[col];
            }
            y[start + col] = value;
        }
    }
}
