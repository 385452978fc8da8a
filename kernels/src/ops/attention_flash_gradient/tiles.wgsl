// Gradients of attention by blocks, one workgroup for all tiles of a head: a block of keys and values stays, blocks of
// queries and of the result's gradient pass. What keys and values get is summed in registers, what queries get in
// memory. Shapes: q, dz, dq [T, n_heads * d_head]; k, v, dk, dv [S, n_heads * d_head]; rows [n_heads, T, 3] of
// (maximum, sum of exponentials, dz z).
// Needs params.wgsl.

override WORKGROUP_SIZE: u32 = 64u;
override ROWS_LEN: u32 = 1u; // block_rows * d_head
override KEYS_LEN: u32 = 1u; // block_keys * d_head
override TILE_LEN: u32 = 1u; // block_rows * block_keys
override ROWS: u32 = 1u; // block_rows

const CELLS: u32 = 32u; // of a gradient, an invocation

@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> dz: array<f32>;
@group(0) @binding(5) var<storage, read> rows: array<f32>;
@group(0) @binding(6) var<storage, read_write> dq: array<f32>;
@group(0) @binding(7) var<storage, read_write> dk: array<f32>;
@group(0) @binding(8) var<storage, read_write> dv: array<f32>;

var<workgroup> passing: array<f32, ROWS_LEN>; // queries, gradients of the result, queries again
var<workgroup> own_keys: array<f32, KEYS_LEN>;
var<workgroup> own_values: array<f32, KEYS_LEN>;
var<workgroup> shares: array<f32, TILE_LEN>;
var<workgroup> slopes: array<f32, TILE_LEN>; // of the scores
var<workgroup> highest: array<f32, ROWS>;
var<workgroup> sums: array<f32, ROWS>;
var<workgroup> along: array<f32, ROWS>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let d = p.d_head;
    let cols = p.n_heads * d;
    let col = group.x * d;
    for (var i = lane; i < p.n_rows * d; i += WORKGROUP_SIZE) {
        dq[i / d * cols + col + i % d] = 0.0;
    }
    storageBarrier();
    for (var start = 0u; start < p.n_keys; start += p.block_keys) {
        let n_keys = min(p.block_keys, p.n_keys - start);
        var of_keys = array<f32, CELLS>();
        var of_values = array<f32, CELLS>();
        let is_counted = start / p.block_keys < p.n_key_blocks;
        if is_counted {
            for (var i = lane; i < n_keys * d; i += WORKGROUP_SIZE) {
                own_keys[i] = k[(start + i / d) * cols + col + i % d];
                own_values[i] = v[(start + i / d) * cols + col + i % d];
            }
        }
        // The first block of queries of which a row sees these keys.
        let hidden = select(0u, max(start, p.n_keys - p.n_rows) - (p.n_keys - p.n_rows), p.causal == 1u);
        let end = select(0u, p.n_row_blocks, is_counted);
        for (var block = hidden / p.block_rows; block < end; block++) {
            let first = block * p.block_rows;
            let n_rows = min(p.block_rows, p.n_rows - first);
            // One past the last key that the first row sees.
            let first_end = select(p.n_keys, first + 1u + p.n_keys - p.n_rows, p.causal == 1u);
            for (var i = lane; i < n_rows * d; i += WORKGROUP_SIZE) {
                passing[i] = q[(first + i / d) * cols + col + i % d];
            }
            for (var row = lane; row < n_rows; row += WORKGROUP_SIZE) {
                let at = 3u * (group.x * p.n_rows + first + row);
                highest[row] = rows[at];
                sums[row] = rows[at + 1u];
                along[row] = rows[at + 2u];
            }
            workgroupBarrier();
            for (var i = lane; i < n_rows * n_keys; i += WORKGROUP_SIZE) {
                let row = i / n_keys;
                var sum = 0.0;
                for (var c = 0u; c < d; c++) {
                    sum += passing[row * d + c] * own_keys[i % n_keys * d + c];
                }
                let seen_end = select(p.n_keys, first_end + row, p.causal == 1u);
                let is_seen = start + i % n_keys < seen_end && sums[row] > 0.0;
                shares[i] = select(0.0, exp(sum * p.scale - highest[row]) / sums[row], is_seen);
            }
            workgroupBarrier();
            for (var i = lane; i < n_rows * d; i += WORKGROUP_SIZE) {
                passing[i] = dz[(first + i / d) * cols + col + i % d];
            }
            workgroupBarrier();
            for (var i = lane; i < n_rows * n_keys; i += WORKGROUP_SIZE) {
                let row = i / n_keys;
                var sum = 0.0;
                for (var c = 0u; c < d; c++) {
                    sum += passing[row * d + c] * own_values[i % n_keys * d + c];
                }
                slopes[i] = p.scale * shares[i] * (sum - along[row]);
            }
            for (var slot = 0u; slot < CELLS; slot++) {
                let i = lane + slot * WORKGROUP_SIZE;
                if i < n_keys * d {
                    var total = of_values[slot];
                    for (var row = 0u; row < n_rows; row++) {
                        total += shares[row * n_keys + i / d] * passing[row * d + i % d];
                    }
                    of_values[slot] = total;
                }
            }
            workgroupBarrier();
            // The same invocation has the same cells of dq in every tile.
            for (var i = lane; i < n_rows * d; i += WORKGROUP_SIZE) {
                let at = (first + i / d) * cols + col + i % d;
                passing[i] = q[at];
                var total = 0.0;
                for (var key = 0u; key < n_keys; key++) {
                    total += slopes[i / d * n_keys + key] * own_keys[key * d + i % d];
                }
                dq[at] = dq[at] + total;
            }
            workgroupBarrier();
            for (var slot = 0u; slot < CELLS; slot++) {
                let i = lane + slot * WORKGROUP_SIZE;
                if i < n_keys * d {
                    var total = of_keys[slot];
                    for (var row = 0u; row < n_rows; row++) {
                        total += slopes[row * n_keys + i / d] * passing[row * d + i % d];
                    }
                    of_keys[slot] = total;
                }
            }
            workgroupBarrier();
        }
        for (var slot = 0u; slot < CELLS; slot++) {
            let i = lane + slot * WORKGROUP_SIZE;
            if i < n_keys * d {
                let at = (start + i / d) * cols + col + i % d;
                dk[at] = of_keys[slot];
                dv[at] = of_values[slot];
            }
        }
        workgroupBarrier();
    }
}
