// SGD without momentum, a value an invocation.
// Needs update.wgsl.

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    let w = parameter[i];
    parameter[i] = w - constants[0] * (gradient[i] * factor() + p.decay * w);
}
