// Dropout, four values an invocation. Shapes: x, y [n]; seed [2].
// Needs shared/philox.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct DropoutParams {
    n: u32,
    stream: u32,
    threshold: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> p: DropoutParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> seed: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let four = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let words = philox(vec4<u32>(four, 0u, p.stream, 0u), vec2<u32>(seed[0], seed[1]));
    for (var i = 0u; i < 4u; i++) {
        let at = four * 4u + i;
        if at < p.n {
            y[at] = x[at] * select(p.factor, 0.0, words[i] < p.threshold);
        }
    }
}
