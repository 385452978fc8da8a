// Gradient of a loss of two tensors by the first, a value an invocation.
// Shapes: x, y, dx [n_rows, n_cols]; rows [n_rows, 3] of (loss, log of the sums of exponentials);
// dloss [1].

override WORKGROUP_SIZE: u32 = 64u;

struct PairLossParams {
    n_rows: u32,
    n_cols: u32,
    kind: u32, // 0: squares, 1: preference, 2: divergence
}

@group(0) @binding(0) var<uniform> p: PairLossParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read> rows: array<f32>;
@group(0) @binding(4) var<storage, read> dloss: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_rows * p.n_cols {
        return;
    }
    let row = i / p.n_cols;
    let of_row = dloss[0] / f32(p.n_rows);
    let of_value = of_row / f32(p.n_cols);
    let gap = x[i] - y[i];
    if p.kind == 0u {
        dx[i] = 2.0 * of_value * gap;
    } else if p.kind == 1u {
        dx[i] = -of_value / (1.0 + exp(gap));
    } else {
        dx[i] = of_row * (exp(x[i] - rows[3u * row + 1u]) - exp(y[i] - rows[3u * row + 2u]));
    }
}
