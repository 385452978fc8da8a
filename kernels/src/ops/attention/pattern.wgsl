// The pattern of attention and its rows' statistics, one workgroup a row.
// Shapes: see heads.wgsl; shown [n_sequences * n_cols]; bias [n_bias_maps, n_rows, n_cols]; costs
// [n_heads] of slopes, or [n_heads, n_distances]; stats [n_maps, n_rows, 2] of (maximum, sum).
// Needs shared/reduce.wgsl, heads.wgsl.

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> shown: array<u32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read> costs: array<f32>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> pattern: array<f32>;

fn is_seen(map: u32, t: u32, s: u32) -> bool {
    if s < start_of(t) || s >= end_of(t) {
        return false;
    }
    return p.has_shown == 0u || shown[(map / p.n_heads) * p.n_cols + s] != 0u;
}

fn score(map: u32, t: u32, s: u32) -> f32 {
    let of_query = query_start(map, t);
    let to = key_start(map, s);
    var sum = 0.0;
    for (var i = 0u; i < p.d_head; i++) {
        sum += q[of_query + i] * k[to + i];
    }
    var value = sum * p.scale;
    let head = map % p.n_heads;
    if p.n_bias_maps > 0u {
        value += bias[((head % p.n_bias_maps) * p.n_rows + t) * p.n_cols + s];
    }
    if p.alibi == 1u {
        value += costs[head] * (f32(s) - f32(position_of(t)));
    }
    if p.n_distances > 0u {
        let shifted = s + p.n_distances / 2u;
        let distance = shifted - min(shifted, position_of(t));
        value += costs[head * p.n_distances + min(distance, p.n_distances - 1u)];
    }
    return value;
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
        let start = row * p.n_cols;
        var largest = LOWEST;
        var n_seen = 0.0;
        for (var s = lane; s < p.n_cols; s += WORKGROUP_SIZE) {
            if is_seen(map, t, s) {
                let value = score(map, t, s);
                pattern[start + s] = value;
                largest = larger(largest, value);
                n_seen += 1.0;
            }
        }
        let shift = reduce_max(largest, lane);
        let is_empty = reduce_sum(n_seen, lane) == 0.0;
        var sum = 0.0;
        for (var s = lane; s < p.n_cols; s += WORKGROUP_SIZE) {
            var value = 0.0;
            if is_seen(map, t, s) {
                value = exp(pattern[start + s] - shift);
            }
            pattern[start + s] = value;
            sum += value;
        }
        let total = reduce_sum(sum, lane);
        for (var s = lane; s < p.n_cols; s += WORKGROUP_SIZE) {
            pattern[start + s] = select(pattern[start + s] / total, 0.0, is_empty);
        }
        if lane == 0u {
            stats[2u * row] = select(shift, bitcast<f32>(minus_infinity()), is_empty);
            stats[2u * row + 1u] = select(total, 0.0, is_empty);
        }
    }
}

// Not a constant, which the language would refuse.
fn minus_infinity() -> u32 {
    return 0xff800000u;
}
