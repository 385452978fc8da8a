// y = a b, four values an invocation. Shapes: a, b, y alike, as [n_fours] of vec4.

override WORKGROUP_SIZE: u32 = 64u;

struct MultiplyParams {
    n_fours: u32,
}

@group(0) @binding(0) var<uniform> p: MultiplyParams;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_fours {
        return;
    }
    y[i] = a[i] * b[i];
}
