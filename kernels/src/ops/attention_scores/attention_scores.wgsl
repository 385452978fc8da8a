// Scaled products of queries with keys, one cell an invocation.
// Shapes: q [T, n_heads * d_head]; k [S, n_kv_heads * d_head]; scores [n_heads, T, S].
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct AttentionScoresParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_heads: u32,
    group: u32, // query heads that share a key head
    q_cols: u32,
    k_cols: u32,
    d_head: u32,
    keys_in_state: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: AttentionScoresParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read_write> scores: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    let key = id.x;
    let row = group.y;
    let head = group.z;
    if key >= p.n_keys {
        return;
    }
    var n_filled = p.n_keys;
    if p.keys_in_state == 1u {
        n_filled = min(now.past + p.n_rows, p.n_keys);
    }
    var sum = 0.0;
    if key < n_filled {
        let q_start = row * p.q_cols + head * p.d_head;
        let k_start = key * p.k_cols + head / p.group * p.d_head;
        for (var col = 0u; col < p.d_head; col++) {
            sum += q[q_start + col] * k[k_start + col];
        }
    }
    scores[(head * p.n_rows + row) * p.n_keys + key] = sum * p.scale;
}
