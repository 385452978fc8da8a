// Products summed head by head, a sum an invocation. Shapes: x, y [n, d]; sums [n], n rows times heads.

override WORKGROUP_SIZE: u32 = 64u;

struct HeadDotsParams {
    n: u32,
    d: u32,
}

@group(0) @binding(0) var<uniform> p: HeadDotsParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    var sum = 0.0;
    for (var col = i * p.d; col < (i + 1u) * p.d; col++) {
        sum += x[col] * y[col];
    }
    sums[i] = sum;
}
