// The delta rule by forward substitution, a column of the values an invocation. Shapes: see
// shared/linear.wgsl; pattern [n_maps, n_rows, n_rows]; v, errors, written rows of values; beta
// [n_sequences * n_rows, n_heads].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> pattern: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> decay: array<f32>;
@group(0) @binding(5) var<storage, read_write> written: array<f32>;
@group(0) @binding(6) var<storage, read_write> errors: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.d_value {
        return;
    }
    let map = i / p.d_value;
    let col = i % p.d_value;
    let is_reversed = p.reversed == 1u;
    let last = p.n_rows - 1u;
    for (var idx = p.first; idx < p.end; idx++) {
        let start = (map * p.n_rows + select(idx, last - idx, is_reversed)) * p.n_rows;
        let at = value_start(map, idx) + col;
        var error = v[at];
        for (var other = 0u; other < idx; other++) {
            let weight = pattern[start + select(other, last - other, is_reversed)];
            error -= weight * written[value_start(map, other) + col];
        }
        errors[at] = error;
        written[at] = beta[row_of(map, idx)] * error;
    }
}
