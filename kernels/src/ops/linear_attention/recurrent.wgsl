// Linear attention over fast weights, a column of them an invocation, tokens first.. end in their
// order. Shapes: see shared/linear.wgsl; q, k rows of keys; v, z rows of values; memory [n_maps, d_key,
// d_value].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> decay: array<f32>;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;
@group(0) @binding(6) var<storage, read_write> memory: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.d_value {
        return;
    }
    let map = i / p.d_value;
    let row = i % p.d_value;
    for (var idx = p.first; idx < p.end; idx++) {
        let kept = gate(map, idx);
        let start = key_start(map, idx);
        let to = value_start(map, idx) + row;
        let value = v[to];
        var sum = 0.0;
        for (var col = 0u; col < p.d_key; col++) {
            let cell = (map * p.d_key + col) * p.d_value + row;
            var before = 0.0;
            if idx > 0u {
                before = memory[cell] * kept;
            }
            let after = before + k[start + col] * value;
            memory[cell] = after;
            sum += q[start + col] * select(after, before, p.strict == 1u);
        }
        z[to] = sum;
    }
}
