// dx = y (dy - sum of dy y), one workgroup a row. Shapes: y, dy, dx [n_rows, n_cols].
// Needs shared/reduce.wgsl.

struct SoftmaxGradientParams {
    n_rows: u32,
    n_cols: u32,
}

@group(0) @binding(0) var<uniform> p: SoftmaxGradientParams;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

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
            sum += y[start + col] * dy[start + col];
        }
        let mean = reduce_sum(sum, lane);
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            dx[start + col] = y[start + col] * (dy[start + col] - mean);
        }
    }
}
