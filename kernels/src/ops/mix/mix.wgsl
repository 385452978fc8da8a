// y = a x + b z, or a x alone, four values an invocation. Shapes: x, z, y alike, as [n_fours] of
// vec4.

override WORKGROUP_SIZE: u32 = 64u;

struct MixParams {
    n_fours: u32,
    n_inputs: u32,
    a: f32,
    b: f32,
}

@group(0) @binding(0) var<uniform> p: MixParams;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_fours {
        return;
    }
    var value = p.a * x[i];
    if p.n_inputs == 2u {
        value += p.b * z[i];
    }
    y[i] = value;
}
