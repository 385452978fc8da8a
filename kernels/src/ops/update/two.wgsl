// Adam, and AdamW where the flag is set, a value an invocation. Shapes: m, v [n].
// Needs update.wgsl.

@group(0) @binding(5) var<storage, read_write> m: array<f32>;
@group(0) @binding(6) var<storage, read_write> v: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    var w = parameter[i];
    let rate = constants[0];
    var g = gradient[i] * factor();
    if p.flags == 1u {
        w *= 1.0 - rate * p.decay;
    } else {
        g += p.decay * w;
    }
    let mean = p.a * m[i] + (1.0 - p.a) * g;
    let square = p.b * v[i] + (1.0 - p.b) * g * g;
    m[i] = mean;
    v[i] = square;
    parameter[i] = w - rate / constants[1] * mean / (sqrt(square) / sqrt(constants[2]) + p.eps);
}
