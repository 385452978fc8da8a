// Attention without a pattern, one workgroup a row: the maximum and the sum of exponentials over all
// keys, then tiles of keys, a weight an invocation, and of the values a column an invocation.
// Shapes: see heads.wgsl; shown [n_sequences * n_cols]; extra see score.wgsl; z like q; stats [n_maps,
// n_rows, 2].
// Needs shared/reduce.wgsl, shared/philox.wgsl, heads.wgsl, score.wgsl.

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> shown: array<u32>;
@group(0) @binding(5) var<storage, read> extra: array<u32>;
@group(0) @binding(6) var<storage, read_write> z: array<f32>;
@group(0) @binding(7) var<storage, read_write> stats: array<f32>;

const COLS: u32 = 256u; // of a head at most

var<workgroup> weights: array<f32, WORKGROUP_SIZE>;
var<workgroup> sums: array<f32, COLS>;

// Not a constant, which the language would refuse.
fn minus_infinity() -> u32 {
    return 0xff800000u;
}

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
        // Each invocation's own maximum, and the sum about it.
        var largest = LOWEST;
        var sum = 0.0;
        var n_seen = 0.0;
        for (var s = lane; s < p.n_cols; s += WORKGROUP_SIZE) {
            if is_seen(map, t, s) {
                let value = score(map, t, s);
                let higher = larger(largest, value);
                sum = sum * exp(largest - higher) + exp(value - higher);
                largest = higher;
                n_seen += 1.0;
            }
        }
        let shift = reduce_max(largest, lane);
        let is_empty = reduce_sum(n_seen, lane) == 0.0;
        let total = reduce_sum(sum * exp(largest - shift), lane);
        if lane == 0u {
            stats[2u * row] = select(shift, bitcast<f32>(minus_infinity()), is_empty);
            stats[2u * row + 1u] = select(total, 0.0, is_empty);
        }
        for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
            sums[col] = 0.0;
        }
        for (var begin = 0u; begin < p.n_cols; begin += WORKGROUP_SIZE) {
            let s = begin + lane;
            var weight = 0.0;
            if s < p.n_cols && is_seen(map, t, s) {
                weight = exp(score(map, t, s) - shift) / total * kept(map, t, s);
            }
            weights[lane] = weight;
            workgroupBarrier();
            let n = min(WORKGROUP_SIZE, p.n_cols - begin);
            for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
                var value = sums[col];
                for (var i = 0u; i < n; i++) {
                    value += weights[i] * v[key_start(map, begin + i) + col];
                }
                sums[col] = value;
            }
            workgroupBarrier();
        }
        for (var col = lane; col < p.d_head; col += WORKGROUP_SIZE) {
            z[query_start(map, t) + col] = sums[col];
        }
    }
}
