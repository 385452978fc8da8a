// Fast weights before each chunk, a cell an invocation. Shapes: see shared/linear.wgsl; k rows of keys;
// v rows of values; memories [n_maps, n_chunks, d_key, d_value].
// Needs shared/linear.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> decay: array<f32>;
@group(0) @binding(4) var<storage, read_write> memories: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let n_cells = p.d_key * p.d_value;
    if i >= p.n_maps * n_cells {
        return;
    }
    let map = i / n_cells;
    let cell = i % n_cells;
    let col = cell / p.d_value;
    let row = cell % p.d_value;
    let n_chunks = (p.n_rows + p.chunk - 1u) / p.chunk;
    var memory = 0.0;
    for (var idx = 0u; idx < p.n_rows; idx++) {
        if idx % p.chunk == 0u {
            memories[(map * n_chunks + idx / p.chunk) * n_cells + cell] = memory;
        }
        let written = k[key_start(map, idx) + col] * v[value_start(map, idx) + row];
        memory = memory * gate(map, idx) + written;
    }
}
