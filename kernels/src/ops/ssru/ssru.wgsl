// c_t = f_t c_(t-1) + (1 - f_t) x_t, one column an invocation.
// Shapes: gates, x, c [T, d]; cells [C, d], of which rows past.. become c.
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct SsruParams {
    n_rows: u32, // T
    n_cols: u32, // d
}

@group(0) @binding(0) var<uniform> p: SsruParams;
@group(0) @binding(1) var<storage, read> gates: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@group(0) @binding(4) var<storage, read_write> cells: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let col = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if col >= p.n_cols {
        return;
    }
    var cell = 0.0;
    if now.past > 0u {
        cell = cells[(now.past - 1u) * p.n_cols + col];
    }
    for (var row = 0u; row < p.n_rows; row++) {
        let at = row * p.n_cols + col;
        let f = 1.0 / (1.0 + exp(-gates[at]));
        cell = f * cell + (1.0 - f) * x[at];
        c[at] = cell;
        cells[now.past * p.n_cols + at] = cell;
    }
}
