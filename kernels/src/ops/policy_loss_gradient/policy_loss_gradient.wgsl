// Gradient of a policy-gradient loss by the logits, a workgroup for some rows.
// Shapes: logits, dx [n_rows, n_cols]; columns [n_rows], the actions; rows [n_rows, 3] of (loss, its
// derivative by the action's log-probability, log of the sum of exponentials); dloss [1].
// Needs shared/reduce.wgsl, shared/counted.wgsl.

struct PolicyLossParams {
    n_rows: u32,
    n_cols: u32,
    clip: f32,
}

@group(0) @binding(0) var<uniform> p: PolicyLossParams;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read> rows: array<f32>;
@group(0) @binding(4) var<storage, read> dloss: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let of_row = dloss[0] / n_counted(lane);
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let slope = of_row * rows[3u * row + 1u];
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let at = row * p.n_cols + col;
            let own = select(0.0, 1.0, col == columns[row]);
            dx[at] = slope * (own - exp(logits[at] - rows[3u * row + 2u]));
        }
    }
}
