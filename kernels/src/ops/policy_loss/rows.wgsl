// A policy-gradient loss row by row, one workgroup a row.
// Shapes: logits [n_rows, n_cols]; actions, old, advantages [n_rows]; rows [n_rows, 3] of (loss, its
// derivative by the action's log-probability, log of the sum of exponentials).
// Needs shared/reduce.wgsl.

struct PolicyLossParams {
    n_rows: u32,
    n_cols: u32,
    clip: f32,
}

@group(0) @binding(0) var<uniform> p: PolicyLossParams;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> actions: array<u32>;
@group(0) @binding(3) var<storage, read> old: array<f32>;
@group(0) @binding(4) var<storage, read> advantages: array<f32>;
@group(0) @binding(5) var<storage, read_write> rows: array<f32>;

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
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            sum += exp(logits[start + col] - shift);
        }
        let log_sum = shift + log(reduce_sum(sum, lane));
        if lane == 0u {
            var loss = 0.0;
            var slope = 0.0;
            if actions[row] < p.n_cols {
                let ratio = exp(logits[start + actions[row]] - log_sum - old[row]);
                let whole = ratio * advantages[row];
                let cut = clamp(ratio, 1.0 - p.clip, 1.0 + p.clip) * advantages[row];
                loss = -min(whole, cut);
                slope = select(0.0, -whole, whole <= cut);
            }
            rows[3u * row] = loss;
            rows[3u * row + 1u] = slope;
            rows[3u * row + 2u] = log_sum;
        }
    }
}
