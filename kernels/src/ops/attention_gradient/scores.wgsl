// Gradient of the scores, one workgroup a row. Shapes: see heads.wgsl; dz like q; pattern, slopes
// [n_maps, n_rows, n_cols]; seed [2].
// Needs shared/reduce.wgsl, shared/philox.wgsl, heads.wgsl.

@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> pattern: array<f32>;
@group(0) @binding(4) var<storage, read> seed: array<u32>;
@group(0) @binding(5) var<storage, read_write> slopes: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    let key = vec2<u32>(seed[0], seed[1]);
    for (var row = group.x + group.y * n_groups.x; row < p.n_maps * p.n_rows; row += n_all) {
        let map = row / p.n_rows;
        let t = row % p.n_rows;
        let start = row * p.n_cols;
        let of_query = query_start(map, t);
        let first = start_of(t);
        let end = end_of(t);
        var along = 0.0;
        for (var s = lane; s < p.n_cols; s += WORKGROUP_SIZE) {
            var slope = 0.0;
            if s >= first && s < end {
                let to = key_start(map, s);
                for (var i = 0u; i < p.d_head; i++) {
                    slope += dz[of_query + i] * v[to + i];
                }
                if p.threshold > 0u {
                    slope *= dropped(start + s, p.stream, key, p.threshold, p.factor);
                }
            }
            slopes[start + s] = slope;
            along += slope * pattern[start + s];
        }
        let mean = reduce_sum(along, lane);
        for (var s = lane; s < p.n_cols; s += WORKGROUP_SIZE) {
            slopes[start + s] = pattern[start + s] * (slopes[start + s] - mean);
        }
    }
}
