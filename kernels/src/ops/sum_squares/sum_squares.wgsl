// Sum of squares, one workgroup. Shapes: x [n]; before, y [2] of (own sum, running total).
// Needs shared/reduce.wgsl.

struct SumSquaresParams {
    n: u32,
    has_before: u32,
}

@group(0) @binding(0) var<uniform> p: SumSquaresParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> before: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
    var sum = 0.0;
    for (var i = lane; i < p.n; i += WORKGROUP_SIZE) {
        sum += x[i] * x[i];
    }
    let total = reduce_sum(sum, lane);
    if lane == 0u {
        y[0] = total;
        y[1] = total + select(0.0, before[1], p.has_before == 1u);
    }
}
