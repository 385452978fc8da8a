// Values weighted by the pattern, a value an invocation. Shapes: see heads.wgsl; z like q; seed [2].
// Needs shared/philox.wgsl, heads.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@group(0) @binding(1) var<storage, read> pattern: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<f32>;
@group(0) @binding(3) var<storage, read> seed: array<u32>;
@group(0) @binding(4) var<storage, read_write> z: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_maps * p.n_rows * p.d_head {
        return;
    }
    let head = (i / p.d_head) % p.n_heads;
    let row = i / (p.d_head * p.n_heads);
    let map = (row / p.n_rows) * p.n_heads + head;
    let t = row % p.n_rows;
    let start = (map * p.n_rows + t) * p.n_cols;
    let key = vec2<u32>(seed[0], seed[1]);
    var sum = 0.0;
    let end = end_of(t);
    for (var s = start_of(t); s < end; s++) {
        var weight = pattern[start + s];
        if p.threshold > 0u {
            weight *= dropped(start + s, p.stream, key, p.threshold, p.factor);
        }
        sum += weight * v[key_start(map, s) + i % p.d_head];
    }
    z[i] = sum;
}
