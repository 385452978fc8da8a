// Gradients of the scores of additive attention: a row a workgroup.
// Shapes: dz [B·T, c]; values [B·S, c]; pattern, de [B, T, S]. Needs shared/reduce.wgsl.

struct AdditiveAttentionParams {
    n_rows: u32, // T
    n_keys: u32, // S
    n_cols: u32, // a
    n_values: u32, // c
    n_sequences: u32, // B
    has_shown: u32,
}

@group(0) @binding(0) var<uniform> p: AdditiveAttentionParams;
@group(0) @binding(1) var<storage, read> dz: array<f32>;
@group(0) @binding(2) var<storage, read> values: array<f32>;
@group(0) @binding(3) var<storage, read> pattern: array<f32>;
@group(0) @binding(4) var<storage, read_write> de: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(local_invocation_index) lane: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
) {
    for (var row = group.x + group.y * n_groups.x; row < p.n_sequences * p.n_rows; row += n_groups.x * n_groups.y) {
        let first = row / p.n_rows * p.n_keys;
        var mean = 0.0;
        for (var key = lane; key < p.n_keys; key += WORKGROUP_SIZE) {
            var slope = 0.0;
            for (var col = 0u; col < p.n_values; col++) {
                slope += dz[row * p.n_values + col] * values[(first + key) * p.n_values + col];
            }
            de[row * p.n_keys + key] = slope;
            mean += slope * pattern[row * p.n_keys + key];
        }
        mean = reduce_sum(mean, lane);
        for (var key = lane; key < p.n_keys; key += WORKGROUP_SIZE) {
            let at = row * p.n_keys + key;
            de[at] = pattern[at] * (de[at] - mean);
        }
    }
}
