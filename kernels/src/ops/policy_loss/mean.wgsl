// Mean of the rows' losses over the actions that count, one workgroup.
// Shapes: rows [n_rows, 3]; actions [n_rows]; loss [1].
// Needs shared/reduce.wgsl.

struct PolicyLossParams {
    n_rows: u32,
    n_cols: u32,
    clip: f32,
}

@group(0) @binding(0) var<uniform> p: PolicyLossParams;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> actions: array<u32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    var n_counted = 0.0;
    for (var row = lane; row < p.n_rows; row += WORKGROUP_SIZE) {
        sum += rows[3u * row];
        n_counted += select(0.0, 1.0, actions[row] < p.n_cols);
    }
    let total = reduce_sum(sum, lane);
    let n_all = reduce_sum(n_counted, lane);
    if lane == 0u {
        loss[0] = total / max(n_all, 1.0);
    }
}
