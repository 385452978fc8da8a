// The k largest of each row, largest first, of equals the lower column; one workgroup a row. Each
// round finds the best that comes after the one before it. The order is f32::total_cmp.
// Shapes: x [T, n_cols]; values, columns [T, k]. Needs shared/order.wgsl, shared/reduce.wgsl.

struct TopKParams {
    n_rows: u32,
    n_cols: u32,
    k: u32,
}

@group(0) @binding(0) var<uniform> p: TopKParams;
@group(0) @binding(1) var<storage, read> x: array<u32>; // bits of f32
@group(0) @binding(2) var<storage, read_write> values: array<u32>; // bits of f32
@group(0) @binding(3) var<storage, read_write> columns: array<u32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let start = row * p.n_cols;
        var last_key = 0xffffffffu;
        var last_col = 0u;
        for (var rank = 0u; rank < p.k; rank++) {
            var key = 0u;
            var best = 0xffffffffu;
            for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
                let candidate = order_key(x[start + col]);
                let comes_after = rank == 0u || candidate < last_key
                    || (candidate == last_key && col > last_col);
                if comes_after && (candidate > key || best == 0xffffffffu) {
                    key = candidate;
                    best = col;
                }
            }
            let winner = reduce_best(key, best, lane);
            last_key = winner.x;
            last_col = winner.y;
            if lane == 0u {
                values[row * p.k + rank] = x[start + min(winner.y, p.n_cols - 1u)];
                columns[row * p.k + rank] = winner.y;
            }
        }
    }
}
