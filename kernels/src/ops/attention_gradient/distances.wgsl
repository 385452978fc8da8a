// Gradient of biases by distance, a workgroup a head and distance. Shapes: slopes [n_maps, n_rows,
// n_cols]; ddistances [n_heads, n_distances].
// Needs shared/reduce.wgsl, heads.wgsl.

@group(0) @binding(1) var<storage, read> slopes: array<f32>;
@group(0) @binding(2) var<storage, read_write> ddistances: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    let zero = p.n_distances / 2u;
    for (var i = group.x + group.y * n_groups.x; i < p.n_heads * p.n_distances; i += n_all) {
        let head = i / p.n_distances;
        let distance = i % p.n_distances;
        var sum = 0.0;
        for (var row = lane; row < (p.n_maps / p.n_heads) * p.n_rows; row += WORKGROUP_SIZE) {
            let t = row % p.n_rows;
            let map = (row / p.n_rows) * p.n_heads + head;
            let start = (map * p.n_rows + t) * p.n_cols;
            // The columns at this distance: one, or all from the last on.
            let at = position_of(t) + distance;
            var first = at - min(at, zero);
            var end = select(0u, first + 1u, at >= zero);
            if distance == 0u {
                first = 0u;
            }
            if distance == p.n_distances - 1u {
                end = p.n_cols;
            }
            for (var s = first; s < min(end, p.n_cols); s++) {
                sum += slopes[start + s];
            }
        }
        let total = reduce_sum(sum, lane);
        if lane == 0u {
            ddistances[i] = total;
        }
    }
}
