// Mean of the rows' losses, one workgroup. Shapes: rows [n_rows, 3]; loss [1].
// Needs shared/reduce.wgsl.

struct PairLossParams {
    n_rows: u32,
    n_cols: u32,
    kind: u32,
}

@group(0) @binding(0) var<uniform> p: PairLossParams;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read_write> loss: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var row = lane; row < p.n_rows; row += WORKGROUP_SIZE) {
        sum += rows[3u * row];
    }
    let total = reduce_sum(sum, lane);
    if lane == 0u {
        loss[0] = total / f32(max(p.n_rows, 1u));
    }
}
