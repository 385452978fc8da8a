// The pattern of linear attention, a row an invocation. Shapes: see shared/linear.wgsl; q, k rows of
// keys; pattern [n_maps, n_rows, n_rows].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> decay: array<f32>;
@group(0) @binding(4) var<storage, read_write> pattern: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.n_rows {
        return;
    }
    let map = i / p.n_rows;
    let idx = i % p.n_rows;
    let is_reversed = p.reversed == 1u;
    let last = p.n_rows - 1u;
    let start = (map * p.n_rows + select(idx, last - idx, is_reversed)) * p.n_rows;
    let of_query = key_start(map, idx);
    var kept = 1.0;
    for (var back = 0u; back <= idx; back++) {
        let other = idx - back;
        let to = key_start(map, other);
        var sum = 0.0;
        for (var col = 0u; col < p.d_key; col++) {
            sum += q[of_query + col] * k[to + col];
        }
        let is_own = p.strict == 1u && back == 0u;
        pattern[start + select(other, last - other, is_reversed)] = select(sum * kept, 0.0, is_own);
        kept *= gate(map, other);
    }
    for (var other = idx + 1u; other < p.n_rows; other++) {
        pattern[start + select(other, last - other, is_reversed)] = 0.0;
    }
}
