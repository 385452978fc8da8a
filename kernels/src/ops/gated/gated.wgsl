// y = activation(gate) * up, four values an invocation. Shapes: all alike, as [n_fours] of vec4.
// Needs shared/activate.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct GatedParams {
    n_fours: u32,
    kind: u32,
}

@group(0) @binding(0) var<uniform> p: GatedParams;
@group(0) @binding(1) var<storage, read> gate: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> up: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_fours {
        return;
    }
    let v = gate[i];
    let activated = vec4<f32>(
        activate(p.kind, v.x),
        activate(p.kind, v.y),
        activate(p.kind, v.z),
        activate(p.kind, v.w),
    );
    y[i] = activated * up[i];
}
