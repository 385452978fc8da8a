// Pattern-weighted sums of values, one column of one row an invocation.
// Shapes: pattern [n_heads, n_map_rows, S]; v [S, n_kv_heads * d_head]; z [T, n_heads * d_head].
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct AttentionValuesParams {
    n_rows: u32, // T
    n_map_rows: u32,
    n_keys: u32, // S
    group: u32, // query heads that share a value head
    z_cols: u32,
    v_cols: u32,
    d_head: u32,
    pattern_in_state: u32,
    values_in_state: u32,
}

@group(0) @binding(0) var<uniform> p: AttentionValuesParams;
@group(0) @binding(1) var<storage, read> pattern: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    let col = id.x;
    let row = group.y;
    if col >= p.z_cols {
        return;
    }
    let head = col / p.d_head;
    var map_row = row;
    if p.pattern_in_state == 1u {
        map_row += now.past;
    }
    var n_filled = p.n_keys;
    if p.values_in_state == 1u {
        n_filled = min(now.past + p.n_rows, p.n_keys);
    }
    let weights = (head * p.n_map_rows + map_row) * p.n_keys;
    let v_col = head / p.group * p.d_head + col % p.d_head;
    var sum = 0.0;
    for (var key = 0u; key < n_filled; key++) {
        let share = pattern[weights + key];
        // Hidden cells are exact zeros; what a value row holds there must not count.
        if share != 0.0 {
            sum += share * v[key * p.v_cols + v_col];
        }
    }
    z[row * p.z_cols + col] = sum;
}
