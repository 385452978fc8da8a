// Attention by blocks with online softmax, one workgroup for a block of queries of one head. Blocks of
// keys and their values pass through one tile of memory; what is summed stays in registers.
// Shapes: q, z [T, n_heads * d_head]; k, v [S, n_kv_heads * d_head]; tiles [n_blocks, n_across];
// stats [n_heads, T, 2] of (maximum, sum of exponentials).

override WORKGROUP_SIZE: u32 = 64u;
override Q_LEN: u32 = 1u; // block_rows * d_head
override KV_LEN: u32 = 1u; // block_keys * d_head
override S_LEN: u32 = 1u; // block_rows * block_keys
override ROWS: u32 = 1u; // block_rows

const CELLS: u32 = 32u; // of the result, an invocation
const LOWEST: f32 = -3.4028234e38;

struct AttentionFlashParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_heads: u32,
    n_kv_heads: u32,
    d_head: u32,
    block_rows: u32,
    block_keys: u32,
    n_across: u32, // blocks of keys
    n_passes: u32, // 0: all
    causal: u32,
    has_tiles: u32,
    scale: f32,
}

@group(0) @binding(0) var<uniform> p: AttentionFlashParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> tiles: array<u32>;
@group(0) @binding(5) var<storage, read_write> z: array<f32>;
@group(0) @binding(6) var<storage, read_write> stats: array<f32>;

var<workgroup> queries: array<f32, Q_LEN>;
var<workgroup> passing: array<f32, KV_LEN>; // keys, then their values
var<workgroup> shares: array<f32, S_LEN>; // scores, then their exponentials
var<workgroup> highest: array<f32, ROWS>;
var<workgroup> sums: array<f32, ROWS>;
var<workgroup> decays: array<f32, ROWS>;
var<workgroup> mark: u32;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let d = p.d_head;
    let head = group.y;
    let first = group.x * p.block_rows;
    let n_rows = min(p.block_rows, p.n_rows - first);
    let q_cols = p.n_heads * d;
    let kv_cols = p.n_kv_heads * d;
    let kv_col = head / (p.n_heads / p.n_kv_heads) * d;
    // One past the last key that the first row sees, and the last row.
    let first_end = select(p.n_keys, first + 1u + p.n_keys - p.n_rows, p.causal == 1u);
    let last_end = select(p.n_keys, first + n_rows + p.n_keys - p.n_rows, p.causal == 1u);
    var n_passing = (last_end + p.block_keys - 1u) / p.block_keys;
    if p.n_passes > 0u {
        n_passing = min(n_passing, p.n_passes);
    }
    for (var i = lane; i < n_rows * d; i += WORKGROUP_SIZE) {
        queries[i] = q[(first + i / d) * q_cols + head * d + i % d];
    }
    for (var row = lane; row < n_rows; row += WORKGROUP_SIZE) {
        highest[row] = LOWEST;
        sums[row] = 0.0;
    }
    var cells = array<f32, CELLS>();
    for (var pass_idx = 0u; pass_idx < n_passing; pass_idx++) {
        if lane == 0u {
            mark = 1u;
            if p.has_tiles == 1u {
                mark = tiles[group.x * p.n_across + pass_idx];
            }
        }
        if workgroupUniformLoad(&mark) == 0u {
            continue;
        }
        let start = pass_idx * p.block_keys;
        let n_keys = min(p.block_keys, p.n_keys - start);
        for (var i = lane; i < n_keys * d; i += WORKGROUP_SIZE) {
            passing[i] = k[(start + i / d) * kv_cols + kv_col + i % d];
        }
        workgroupBarrier();
        for (var i = lane; i < n_rows * n_keys; i += WORKGROUP_SIZE) {
            let of_query = i / n_keys * d;
            let of_key = i % n_keys * d;
            var sum = 0.0;
            for (var col = 0u; col < d; col++) {
                sum += queries[of_query + col] * passing[of_key + col];
            }
            shares[i] = sum * p.scale;
        }
        workgroupBarrier();
        for (var row = lane; row < n_rows; row += WORKGROUP_SIZE) {
            let end = select(p.n_keys, first_end + row, p.causal == 1u);
            let n_seen = min(max(end, start) - start, n_keys);
            let at = row * n_keys;
            let before = highest[row];
            var now = before;
            for (var key = 0u; key < n_seen; key++) {
                let score = shares[at + key];
                now = select(now, score, score > now);
            }
            let decay = exp(before - now);
            var sum = sums[row] * decay;
            for (var key = 0u; key < n_keys; key++) {
                let share = select(0.0, exp(shares[at + key] - now), key < n_seen);
                shares[at + key] = share;
                sum += share;
            }
            highest[row] = now;
            sums[row] = sum;
            decays[row] = decay;
        }
        for (var i = lane; i < n_keys * d; i += WORKGROUP_SIZE) {
            passing[i] = v[(start + i / d) * kv_cols + kv_col + i % d];
        }
        workgroupBarrier();
        for (var slot = 0u; slot < CELLS; slot++) {
            let i = lane + slot * WORKGROUP_SIZE;
            if i < n_rows * d {
                let row = i / d;
                var total = cells[slot] * decays[row];
                for (var key = 0u; key < n_keys; key++) {
                    total += shares[row * n_keys + key] * passing[key * d + i % d];
                }
                cells[slot] = total;
            }
        }
        workgroupBarrier();
    }
    workgroupBarrier();
    for (var slot = 0u; slot < CELLS; slot++) {
        let i = lane + slot * WORKGROUP_SIZE;
        if i < n_rows * d {
            let sum = sums[i / d];
            let value = select(0.0, cells[slot] / sum, sum > 0.0);
            z[(first + i / d) * q_cols + head * d + i % d] = value;
        }
    }
    for (var row = lane; row < n_rows; row += WORKGROUP_SIZE) {
        // A row that has seen nothing has no maximum: minus infinity.
        let nothing = bitcast<f32>(0xff800000u | (p.n_rows & 0u));
        let at = (head * p.n_rows + first + row) * 2u;
        stats[at] = select(highest[row], nothing, sums[row] == 0.0);
        stats[at + 1u] = sums[row];
    }
}
