// Gradient of the keys, one workgroup a key: tiles of the rows of all heads that share it, a slope an
// invocation, then a column an invocation. Shapes: see heads.wgsl, tiles.wgsl; dk like k.
// Needs shared/philox.wgsl, heads.wgsl, tiles.wgsl, score.wgsl.

@group(0) @binding(8) var<storage, read_write> dk: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    let n_shared = p.n_heads / p.n_kv_heads;
    let n_keys = (p.n_maps / p.n_heads) * p.n_cols * p.n_kv_heads;
    for (var key = group.x + group.y * n_groups.x; key < n_keys; key += n_all) {
        let s = (key / p.n_kv_heads) % p.n_cols;
        let sequence = key / (p.n_kv_heads * p.n_cols);
        let first = sequence * p.n_heads + (key % p.n_kv_heads) * n_shared;
        let at = key * p.d_head;
        for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
            sums[col] = 0.0;
        }
        // Rows of the first head, then of the next that shares this key.
        let n_queries = n_shared * p.n_rows;
        for (var begin = 0u; begin < n_queries; begin += WORKGROUP_SIZE) {
            let query = min(begin + lane, n_queries - 1u);
            let map = first + query / p.n_rows;
            let t = query % p.n_rows;
            var slope = 0.0;
            if begin + lane < n_queries && is_seen(map, t, s) {
                let own = rows[map * p.n_rows + t];
                let of_row = query_start(map, t);
                for (var i = 0u; i < p.d_head; i++) {
                    slope += dz[of_row + i] * v[at + i];
                }
                let weight = exp(score(map, t, s) - own.x) / own.y;
                slope = weight * (slope * kept(map, t, s) - own.z);
            }
            weights[lane] = slope;
            workgroupBarrier();
            let n = min(WORKGROUP_SIZE, n_queries - begin);
            for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
                var value = sums[col];
                for (var i = 0u; i < n; i++) {
                    let other = first + (begin + i) / p.n_rows;
                    value += weights[i] * q[query_start(other, (begin + i) % p.n_rows) + col];
                }
                sums[col] = value;
            }
            workgroupBarrier();
        }
        for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
            dk[at + col] = sums[col] * p.scale;
        }
    }
}
