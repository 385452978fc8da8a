// Two tensors side by side, one value an invocation.
// Shapes: a [T, m]; b [T, n]; y [T, m + n].

override WORKGROUP_SIZE: u32 = 64u;

struct ConcatParams {
    n_rows: u32, // T
    n_left: u32, // m
    n_right: u32, // n
}

@group(0) @binding(0) var<uniform> p: ConcatParams;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let at = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let n_cols = p.n_left + p.n_right;
    if at >= p.n_rows * n_cols {
        return;
    }
    let row = at / n_cols;
    let col = at % n_cols;
    if col < p.n_left {
        y[at] = a[row * p.n_left + col];
    } else {
        y[at] = b[row * p.n_right + col - p.n_left];
    }
}
