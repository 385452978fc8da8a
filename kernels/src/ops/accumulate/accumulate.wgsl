// sum += x in place, four values an invocation. Shapes: x, sum alike, as [n_fours] of vec4.

override WORKGROUP_SIZE: u32 = 64u;

struct AccumulateParams {
    n_fours: u32,
}

@group(0) @binding(0) var<uniform> p: AccumulateParams;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> sum: array<vec4<f32>>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i < p.n_fours {
        sum[i] += x[i];
    }
}
