// Attention in tiles of keys with online softmax, one workgroup for one row of one head. An
// invocation first scores a key of the tile, then sums its columns of the values.
// Shapes: q, z [T, n_heads * d_head]; k, v [S, n_kv_heads * d_head]; padding [S];
// stats [n_heads, T, 2] of (maximum, sum of exponentials).
// Needs shared/step.wgsl, shared/reduce.wgsl. d_head is at most MAX_COLS * WORKGROUP_SIZE.

const MAX_COLS: u32 = 8u; // columns of one invocation

struct AttentionTiledParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_heads: u32,
    group: u32, // query heads that share a key head
    d_head: u32,
    kv_cols: u32,
    keys_in_state: u32,
    causal: u32,
    has_padding: u32,
    window: u32, // a row sees its last so many keys; 0: all
    alibi: u32,
    n_distances: u32, // 2R + 1 biases a head, from distance -R to R; 0: none
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: AttentionTiledParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> padding: array<u32>;
@group(0) @binding(5) var<storage, read> slopes: array<f32>; // [n_heads], or [n_heads, n_distances]
@group(0) @binding(6) var<storage, read_write> z: array<f32>;
@group(0) @binding(7) var<storage, read_write> stats: array<f32>;

var<workgroup> shares: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let t = group.x;
    let head = group.y;
    var end = p.n_keys;
    var first = 0u;
    if p.keys_in_state == 1u {
        end = min(now.past + p.n_rows, end);
        first = now.past;
    }
    if p.causal == 1u {
        end = min(first + t + 1u, end);
    }
    var start = 0u;
    if p.window > 0u {
        start = max(first + t + 1u, p.window) - p.window;
    }
    let q_start = (t * p.n_heads + head) * p.d_head;
    let kv_col = head / p.group * p.d_head;
    var highest = LOWEST;
    var sum = 0.0;
    var any = 0.0;
    var columns = array<f32, MAX_COLS>();
    for (var tile = start; tile < end; tile += WORKGROUP_SIZE) {
        let key = tile + lane;
        let is_seen = key < end && (p.has_padding == 0u || padding[min(key, p.n_keys - 1u)] != 0u);
        var score = LOWEST;
        if is_seen {
            score = 0.0;
            let k_start = key * p.kv_cols + kv_col;
            for (var col = 0u; col < p.d_head; col++) {
                score += q[q_start + col] * k[k_start + col];
            }
            score *= p.scale;
            if p.alibi == 1u {
                score -= slopes[head] * (f32(first + t) - f32(key));
            }
            if p.n_distances > 0u {
                let at = max(key + p.n_distances / 2u, first + t) - (first + t);
                score += slopes[head * p.n_distances + min(at, p.n_distances - 1u)];
            }
        }
        let highest_new = larger(highest, reduce_max(score, lane));
        let decay = exp(highest - highest_new);
        let share = select(0.0, exp(score - highest_new), is_seen);
        shares[lane] = share;
        sum = sum * decay + reduce_sum(share, lane);
        any += reduce_sum(select(0.0, 1.0, is_seen), lane);
        highest = highest_new;
        let n_tile = min(WORKGROUP_SIZE, end - tile);
        for (var slot = 0u; slot < MAX_COLS; slot++) {
            let col = lane + slot * WORKGROUP_SIZE;
            if col < p.d_head {
                var total = columns[slot] * decay;
                for (var j = 0u; j < n_tile; j++) {
                    let weight = shares[j];
                    if weight != 0.0 {
                        total += weight * v[(tile + j) * p.kv_cols + kv_col + col];
                    }
                }
                columns[slot] = total;
            }
        }
        workgroupBarrier();
    }
    for (var slot = 0u; slot < MAX_COLS; slot++) {
        let col = lane + slot * WORKGROUP_SIZE;
        if col < p.d_head {
            z[q_start + col] = select(columns[slot], columns[slot] / sum, sum > 0.0);
        }
    }
    if lane == 0u {
        // A row that sees nothing has no maximum: minus infinity.
        let nothing = bitcast<f32>(0xff800000u | (p.n_rows & 0u));
        stats[(head * p.n_rows + t) * 2u] = select(highest, nothing, any == 0.0);
        stats[(head * p.n_rows + t) * 2u + 1u] = sum;
    }
}
