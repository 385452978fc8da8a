// Gradient of a mean cross-entropy, a workgroup for some rows.
// Shapes: logits, dx [n_rows, n_cols]; columns [n_rows], the targets; rows [n_rows, 2] of (loss, log of
// the sum of exponentials); dloss [1].
// Needs shared/reduce.wgsl, shared/counted.wgsl.

struct CrossEntropyGradientParams {
    n_rows: u32,
    n_cols: u32,
    smoothing: f32,
}

@group(0) @binding(0) var<uniform> p: CrossEntropyGradientParams;
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
    let factor = dloss[0] / n_counted(lane);
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let wanted = columns[row];
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let at = row * p.n_cols + col;
            var value = 0.0;
            if wanted < p.n_cols {
                value = exp(logits[at] - rows[2u * row + 1u]) - p.smoothing / f32(p.n_cols);
                value -= select(0.0, 1.0 - p.smoothing, col == wanted);
            }
            dx[at] = factor * value;
        }
    }
}
