// One number a head times its columns, or dividing them, a value an invocation.
// Shapes: x, y [n]; s [n / d].

override WORKGROUP_SIZE: u32 = 64u;

struct HeadScaleParams {
    n: u32,
    d: u32,
    divides: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> p: HeadScaleParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> s: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    let own = s[i / p.d];
    if p.divides == 1u {
        y[i] = x[i] / (own + p.eps);
    } else {
        y[i] = x[i] * own;
    }
}
