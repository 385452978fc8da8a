// Linear attention by chunks, one workgroup a token: weights of the tokens of its chunk, an invocation
// each, then a column of the values an invocation, with what the fast weights before the chunk say.
// Shapes: see shared/linear.wgsl; q, k rows of keys; v, z rows of values; memories [n_maps, n_chunks,
// d_key, d_value].
// Needs shared/linear.wgsl.

const WORKGROUP_SIZE: u32 = 64u; // a chunk at most

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> decay: array<f32>;
@group(0) @binding(5) var<storage, read> memories: array<f32>;
@group(0) @binding(6) var<storage, read_write> z: array<f32>;

var<workgroup> weights: array<f32, WORKGROUP_SIZE>;

// What is kept on the way from token begin to token idx.
fn kept_between(map: u32, begin: u32, idx: u32) -> f32 {
    var kept = 1.0;
    for (var step = begin; step < idx; step++) {
        kept *= gate(map, step + 1u);
    }
    return kept;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    let n_chunks = (p.n_rows + p.chunk - 1u) / p.chunk;
    for (var item = group.x + group.y * n_groups.x; item < p.n_maps * p.n_rows; item += n_all) {
        let map = item / p.n_rows;
        let idx = item % p.n_rows;
        let begin = idx - idx % p.chunk;
        let of_query = key_start(map, idx);
        let other = begin + lane;
        var weight = 0.0;
        if other <= idx && (p.strict == 0u || other < idx) {
            let to = key_start(map, other);
            for (var col = 0u; col < p.d_key; col++) {
                weight += q[of_query + col] * k[to + col];
            }
            if p.has_decay == 1u {
                weight *= kept_between(map, other, idx);
            }
        }
        weights[lane] = weight;
        workgroupBarrier();
        let memory = (map * n_chunks + idx / p.chunk) * p.d_key * p.d_value;
        var kept = 1.0;
        if p.has_decay == 1u {
            kept = gate(map, begin) * kept_between(map, begin, idx);
        }
        for (var row = lane; row < p.d_value; row += WORKGROUP_SIZE) {
            var sum = 0.0;
            for (var col = 0u; col < p.d_key; col++) {
                sum += q[of_query + col] * memories[memory + col * p.d_value + row];
            }
            sum *= kept;
            for (var near = begin; near <= idx; near++) {
                sum += weights[near - begin] * v[value_start(map, near) + row];
            }
            z[value_start(map, idx) + row] = sum;
        }
        workgroupBarrier();
    }
}
