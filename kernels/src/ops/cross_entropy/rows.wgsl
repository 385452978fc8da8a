// Cross-entropy of rows, one workgroup a row.
// Shapes: logits [n_rows, n_cols]; targets [n_rows]; rows [n_rows, 2] of (loss, log of the sum of
// exponentials). A target past the columns gives the loss 0.
// Needs shared/reduce.wgsl.

struct CrossEntropyParams {
    n_rows: u32,
    n_cols: u32,
    smoothing: f32,
}

@group(0) @binding(0) var<uniform> p: CrossEntropyParams;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> targets: array<u32>;
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
        var largest = LOWEST;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            largest = larger(largest, logits[start + col]);
        }
        let shift = reduce_max(largest, lane);
        var sum = 0.0;
        var gap = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let below = logits[start + col] - shift;
            sum += exp(below);
            gap += below;
        }
        let log_sum = log(reduce_sum(sum, lane));
        let mean = reduce_sum(gap, lane) / f32(p.n_cols);
        if lane == 0u {
            let wanted = targets[row];
            var loss = 0.0;
            if wanted < p.n_cols {
                let below = logits[start + wanted] - shift;
                loss = log_sum - (1.0 - p.smoothing) * below - p.smoothing * mean;
            }
            rows[2u * row] = loss;
            rows[2u * row + 1u] = shift + log_sum;
        }
    }
}
