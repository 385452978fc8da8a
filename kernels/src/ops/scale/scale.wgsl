// y = x, but times a factor within a box. Shapes: x, y [T, n_cols]; row t counts as past + t.
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct ScaleParams {
    n: u32,
    n_cols: u32,
    row_start: u32,
    row_end: u32,
    col_start: u32,
    col_end: u32,
    factor: f32,
}

@group(0) @binding(0) var<uniform> p: ScaleParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    let row = now.past + i / p.n_cols;
    let col = i % p.n_cols;
    let inside = row >= p.row_start && row < p.row_end && col >= p.col_start && col < p.col_end;
    y[i] = select(x[i], x[i] * p.factor, inside);
}
