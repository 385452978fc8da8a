// Gradient of the queries, one workgroup a row: tiles of keys, a slope an invocation, then a column an
// invocation. Shapes: see heads.wgsl; shown, extra see score.wgsl; dz, dq like q; rows [n_maps, n_rows,
// 4] of (maximum, sum, dz z, 0).
// Needs shared/philox.wgsl, heads.wgsl, score.wgsl.

const WORKGROUP_SIZE: u32 = 64u;
const COLS: u32 = 256u; // of a head at most

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dz: array<f32>;
@group(0) @binding(5) var<storage, read> shown: array<u32>;
@group(0) @binding(6) var<storage, read> extra: array<u32>;
@group(0) @binding(7) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dq: array<f32>;

var<workgroup> slopes: array<f32, WORKGROUP_SIZE>;
var<workgroup> sums: array<f32, COLS>;

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
            slopes[lane] = slope;
            workgroupBarrier();
            let n = min(WORKGROUP_SIZE, p.n_cols - begin);
            for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
                var value = sums[col];
                for (var i = 0u; i < n; i++) {
                    value += slopes[i] * k[key_start(map, begin + i) + col];
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
