// The delta rule over fast weights, a column of them an invocation, tokens first.. end in their order.
// Shapes: see shared/linear.wgsl; k rows of keys; v, errors, written rows of values; beta [n_sequences *
// n_rows, n_heads]; memory [n_maps, d_key, d_value].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> decay: array<f32>;
@group(0) @binding(5) var<storage, read_write> written: array<f32>;
@group(0) @binding(6) var<storage, read_write> errors: array<f32>;
@group(0) @binding(7) var<storage, read_write> memory: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.d_value {
        return;
    }
    let map = i / p.d_value;
    let row = i % p.d_value;
    let first = map * p.d_key * p.d_value + row;
    for (var idx = p.first; idx < p.end; idx++) {
        let kept = gate(map, idx);
        let start = key_start(map, idx);
        let at = value_start(map, idx) + row;
        var error = v[at];
        for (var col = 0u; col < p.d_key; col++) {
            let cell = first + col * p.d_value;
            var before = 0.0;
            if idx > 0u {
                before = memory[cell] * kept;
            }
            memory[cell] = before;
            error -= k[start + col] * before;
        }
        let own = beta[row_of(map, idx)] * error;
        errors[at] = error;
        written[at] = own;
        for (var col = 0u; col < p.d_key; col++) {
            memory[first + col * p.d_value] += k[start + col] * own;
        }
    }
}
