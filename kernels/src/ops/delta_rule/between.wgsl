// From chunk to chunk, a column of the fast weights an invocation: what was there before a chunk enters
// its errors, and what it writes is added. Shapes: see shared/linear.wgsl; k rows of keys; beta
// [n_sequences * n_rows, n_heads]; keys [n_maps, n_rows, d_key]; errors, written rows of values; memory
// [n_maps, d_key, d_value]. Tokens first.. end are whole chunks.
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read> decay: array<f32>;
@group(0) @binding(4) var<storage, read> keys: array<f32>;
@group(0) @binding(5) var<storage, read_write> errors: array<f32>;
@group(0) @binding(6) var<storage, read_write> written: array<f32>;
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
    for (var begin = p.first; begin < p.end; begin += p.chunk) {
        let end = min(begin + p.chunk, p.n_rows);
        for (var idx = begin; idx < end; idx++) {
            let at = value_start(map, idx) + row;
            var error = errors[at];
            if begin > 0u {
                let of_keys = (map * p.n_rows + idx) * p.d_key;
                for (var col = 0u; col < p.d_key; col++) {
                    error -= keys[of_keys + col] * memory[first + col * p.d_value];
                }
            }
            errors[at] = error;
            written[at] = beta[row_of(map, idx)] * error;
        }
        for (var col = 0u; col < p.d_key; col++) {
            var cell = 0.0;
            if begin > 0u {
                cell = memory[first + col * p.d_value];
            }
            for (var idx = begin; idx < end; idx++) {
                let own = k[key_start(map, idx) + col] * written[value_start(map, idx) + row];
                cell = cell * gate(map, idx) + own;
            }
            memory[first + col * p.d_value] = cell;
        }
    }
}
