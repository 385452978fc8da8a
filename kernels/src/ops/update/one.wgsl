// SGD with momentum (kind 0) and Lion (kind 1), a value an invocation. Shape: m [n].
// Needs update.wgsl.

@group(0) @binding(5) var<storage, read_write> m: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    let w = parameter[i];
    let rate = constants[0];
    var g = gradient[i] * factor();
    if p.kind == 1u {
        let followed = p.a * m[i] + (1.0 - p.a) * g;
        parameter[i] = w - rate * (sign(followed) + p.decay * w);
        m[i] = p.b * m[i] + (1.0 - p.b) * g;
        return;
    }
    g += p.decay * w;
    let sum = p.a * m[i] + g;
    m[i] = sum;
    parameter[i] = w - rate * select(sum, g + p.a * sum, p.flags == 1u);
}
