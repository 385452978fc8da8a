// Column of each row's maximum, the first of equals, one workgroup a row. A NaN never wins, unless
// the row starts with one: then it stays, as with a plain loop.
// Shapes: x [T, n_cols]; columns [T]. Needs shared/order.wgsl, shared/reduce.wgsl.

struct ArgmaxParams {
    n_rows: u32,
    n_cols: u32,
}

@group(0) @binding(0) var<uniform> p: ArgmaxParams;
@group(0) @binding(1) var<storage, read> x: array<u32>; // bits of f32
@group(0) @binding(2) var<storage, read_write> columns: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let start = row * p.n_cols;
        var key = 0u;
        var best = 0xffffffffu;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let bits = x[start + col];
            // Both zeros are one value here.
            let candidate = select(order_key(bits), order_key(0u), bits == 0x80000000u);
            if !is_nan_bits(bits) && (candidate > key || best == 0xffffffffu) {
                key = candidate;
                best = col;
            }
        }
        let winner = reduce_best(key, best, lane);
        if lane == 0u {
            columns[row] = select(winner.y, 0u, is_nan_bits(x[start]) || winner.y == 0xffffffffu);
        }
    }
}
