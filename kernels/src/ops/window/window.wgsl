// Some columns of a tensor, zeros where it has none; one value an invocation.
// Shapes: x [n, n_from]; y [n, n_cols].

override WORKGROUP_SIZE: u32 = 64u;

struct WindowParams {
    n_values: u32, // of y
    n_from: u32,
    n_cols: u32,
    shift: i32,
}

@group(0) @binding(0) var<uniform> p: WindowParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let at = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if at >= p.n_values {
        return;
    }
    let col = i32(at % p.n_cols) + p.shift;
    if col >= 0 && col < i32(p.n_from) {
        y[at] = x[at / p.n_cols * p.n_from + u32(col)];
    } else {
        y[at] = 0.0;
    }
}
