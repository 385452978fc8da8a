// Additive attention of a batch, each sequence to its own source: a row a workgroup.
// Shapes: q [B·T, a]; k [B·S, a]; v [a]; values [B·S, c]; shown [B·S]; z [B·T, c]; pattern [B, T, S].
// Needs shared/reduce.wgsl, shared/activate.wgsl.

struct AdditiveAttentionParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_cols: u32, // a
    n_values: u32, // c
    n_sequences: u32, // B
    has_shown: u32,
}

@group(0) @binding(0) var<uniform> p: AdditiveAttentionParams;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> values: array<f32>;
@group(0) @binding(5) var<storage, read> shown: array<u32>;
@group(0) @binding(6) var<storage, read_write> z: array<f32>;
@group(0) @binding(7) var<storage, read_write> pattern: array<f32>;

fn is_shown(key: u32) -> bool {
    return p.has_shown == 0u || shown[key] != 0u;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
) {
    for (var row = group.x + group.y * n_groups.x; row < p.n_sequences * p.n_rows; row += n_groups.x * n_groups.y) {
        let first = row / p.n_rows * p.n_keys;
        var most = LOWEST;
        for (var key = lane; key < p.n_keys; key += WORKGROUP_SIZE) {
            var score = 0.0;
            for (var col = 0u; col < p.n_cols; col++) {
                score += v[col] * tanh_safe(q[row * p.n_cols + col] + k[(first + key) * p.n_cols + col]);
            }
            pattern[row * p.n_keys + key] = score;
            if is_shown(first + key) {
                most = larger(most, score);
            }
        }
        most = reduce_max(most, lane);
        var sum = 0.0;
        for (var key = lane; key < p.n_keys; key += WORKGROUP_SIZE) {
            var weight = 0.0;
            if is_shown(first + key) {
                weight = exp(pattern[row * p.n_keys + key] - most);
            }
            pattern[row * p.n_keys + key] = weight;
            sum += weight;
        }
        sum = reduce_sum(sum, lane);
        let factor = select(1.0 / sum, 0.0, sum == 0.0);
        for (var key = lane; key < p.n_keys; key += WORKGROUP_SIZE) {
            pattern[row * p.n_keys + key] *= factor;
        }
        storageBarrier();
        for (var col = lane; col < p.n_values; col += WORKGROUP_SIZE) {
            var total = 0.0;
            for (var key = 0u; key < p.n_keys; key++) {
                total += pattern[row * p.n_keys + key] * values[(first + key) * p.n_values + col];
            }
            z[row * p.n_values + col] = total;
        }
    }
}
