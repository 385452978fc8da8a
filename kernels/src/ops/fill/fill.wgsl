// One value throughout, a cell an invocation. Shape: y [n].

override WORKGROUP_SIZE: u32 = 64u;

struct FillParams {
    n: u32,
    value: f32,
}

@group(0) @binding(0) var<uniform> p: FillParams;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i < p.n {
        y[i] = p.value;
    }
}
