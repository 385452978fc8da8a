// Running sums, a column of a sequence an invocation, with what each addition loses kept beside
// (Kahan 1965). Shapes: x, y [n_sequences * n_rows, n_cols].

override WORKGROUP_SIZE: u32 = 64u;

struct RunningSumParams {
    n_sequences: u32,
    n_rows: u32,
    n_cols: u32,
    reversed: u32,
}

@group(0) @binding(0) var<uniform> p: RunningSumParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_sequences * p.n_cols {
        return;
    }
    let first = i / p.n_cols * p.n_rows;
    var sum = 0.0;
    var lost = 0.0;
    for (var idx = 0u; idx < p.n_rows; idx++) {
        let row = select(idx, p.n_rows - 1u - idx, p.reversed == 1u);
        let at = (first + row) * p.n_cols + i % p.n_cols;
        let next = x[at] - lost;
        let after = sum + next;
        lost = (after - sum) - next;
        sum = after;
        y[at] = sum;
    }
}
