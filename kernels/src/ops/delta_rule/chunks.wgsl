// The errors of each chunk as if nothing had been written before it, and by the same system what they
// are of each key; a column of the values or of the keys an invocation. Shapes: see shared/linear.wgsl; k
// rows of keys; v, errors rows of values; beta [n_sequences * n_rows, n_heads]; lower [n_maps, n_rows,
// chunk]; keys [n_maps, n_rows, d_key].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> decay: array<f32>;
@group(0) @binding(5) var<storage, read> lower: array<f32>;
@group(0) @binding(6) var<storage, read_write> errors: array<f32>;
@group(0) @binding(7) var<storage, read_write> keys: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let width = p.d_key + p.d_value;
    let n_chunks = (p.n_rows + p.chunk - 1u) / p.chunk;
    if i >= p.n_maps * n_chunks * width {
        return;
    }
    let map = i / (width * n_chunks);
    let begin = i / width % n_chunks * p.chunk;
    let end = min(begin + p.chunk, p.n_rows);
    let col = i % width;
    if col < p.d_key {
        var kept = 1.0;
        for (var idx = begin; idx < end; idx++) {
            kept *= gate(map, idx);
            var own = kept * k[key_start(map, idx) + col];
            let weights = (map * p.n_rows + idx) * p.chunk;
            for (var other = begin; other < idx; other++) {
                let weight = lower[weights + other - begin] * beta[row_of(map, other)];
                own -= weight * keys[(map * p.n_rows + other) * p.d_key + col];
            }
            keys[(map * p.n_rows + idx) * p.d_key + col] = own;
        }
        return;
    }
    let row = col - p.d_key;
    for (var idx = begin; idx < end; idx++) {
        var own = v[value_start(map, idx) + row];
        let weights = (map * p.n_rows + idx) * p.chunk;
        for (var other = begin; other < idx; other++) {
            let weight = lower[weights + other - begin] * beta[row_of(map, other)];
            own -= weight * errors[value_start(map, other) + row];
        }
        errors[value_start(map, idx) + row] = own;
    }
}
