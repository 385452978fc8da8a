// x over its norm, a value an invocation. Shapes: x, y [n]; squares [2], the first x's own.

override WORKGROUP_SIZE: u32 = 64u;

struct NormaliseParams {
    n: u32,
    eps: f32,
}

@group(0) @binding(0) var<uniform> p: NormaliseParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> squares: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i < p.n {
        y[i] = x[i] / (sqrt(squares[0]) + p.eps);
    }
}
