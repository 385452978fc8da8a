// A loss of two tensors row by row, one workgroup a row.
// Shapes: x, y [n_rows, n_cols]; rows [n_rows, 3] of (loss, log of the sums of exponentials).
// Needs shared/reduce.wgsl.

struct PairLossParams {
    n_rows: u32,
    n_cols: u32,
    kind: u32, // 0: squares, 1: preference, 2: divergence
}

@group(0) @binding(0) var<uniform> p: PairLossParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> rows: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let start = row * p.n_cols;
        var largest_x = LOWEST;
        var largest_y = LOWEST;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            largest_x = larger(largest_x, x[start + col]);
            largest_y = larger(largest_y, y[start + col]);
        }
        let shift_x = reduce_max(largest_x, lane);
        let shift_y = reduce_max(largest_y, lane);
        var sum_x = 0.0;
        var sum_y = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            sum_x += exp(x[start + col] - shift_x);
            sum_y += exp(y[start + col] - shift_y);
        }
        let log_x = shift_x + log(reduce_sum(sum_x, lane));
        let log_y = shift_y + log(reduce_sum(sum_y, lane));
        var sum = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let gap = x[start + col] - y[start + col];
            if p.kind == 0u {
                sum += gap * gap;
            } else if p.kind == 1u {
                sum += max(-gap, 0.0) + log(1.0 + exp(-abs(gap)));
            } else {
                sum += exp(y[start + col] - log_y) * (log_x - log_y - gap);
            }
        }
        let total = reduce_sum(sum, lane);
        if lane == 0u {
            rows[3u * row] = select(total / f32(p.n_cols), total, p.kind == 2u);
            rows[3u * row + 1u] = select(0.0, log_x, p.kind == 2u);
            rows[3u * row + 2u] = select(0.0, log_y, p.kind == 2u);
        }
    }
}
