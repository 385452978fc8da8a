// dx = dy slope(x), a value an invocation. Shapes: x, dy, dx alike, [n].
// Needs shared/activate.wgsl, shared/slope.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct ActivationGradientParams {
    n: u32,
    kind: u32,
}

@group(0) @binding(0) var<uniform> p: ActivationGradientParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i < p.n {
        dx[i] = dy[i] * slope(p.kind, x[i]);
    }
}
