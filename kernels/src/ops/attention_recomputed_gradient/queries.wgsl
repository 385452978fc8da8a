// Gradient of the queries, one workgroup a row: tiles of keys, a slope an invocation, then a column an
// invocation. Shapes: see heads.wgsl, tiles.wgsl; dq like q.
// Needs shared/philox.wgsl, heads.wgsl, tiles.wgsl, score.wgsl.

@group(0) @binding(8) var<storage, read_write> dq: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_maps * p.n_rows; row += n_all) {
        let map = row / p.n_rows;
        let t = row % p.n_rows;
        let own = rows[row];
        let at = query_start(map, t);
        for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
            sums[col] = 0.0;
        }
        for (var begin = 0u; begin < p.n_cols; begin += WORKGROUP_SIZE) {
            let s = begin + lane;
            var slope = 0.0;
            if s < p.n_cols && is_seen(map, t, s) {
                let to = key_start(map, s);
                for (var i = 0u; i < p.d_head; i++) {
                    slope += dz[at + i] * v[to + i];
                }
                let weight = exp(score(map, t, s) - own.x) / own.y;
                slope = weight * (slope * kept(map, t, s) - own.z);
            }
            weights[lane] = slope;
            workgroupBarrier();
            let n = min(WORKGROUP_SIZE, p.n_cols - begin);
            for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
                var value = sums[col];
                for (var i = 0u; i < n; i++) {
                    value += weights[i] * k[key_start(map, begin + i) + col];
                }
                sums[col] = value;
            }
            workgroupBarrier();
        }
        for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
            dq[at + col] = sums[col] * p.scale;
        }
    }
}
