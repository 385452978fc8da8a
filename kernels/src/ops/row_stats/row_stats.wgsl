// Statistics of each row, one workgroup a row.
// Shapes: x [n_rows, n_cols]; stats [n_rows, 6] of (mean, biased variance, minimum, maximum,
// Euclidean norm, entropy in nats). Needs shared/reduce.wgsl.

struct RowStatsParams {
    n_rows: u32,
    n_cols: u32,
    of_logits: u32,
}

@group(0) @binding(0) var<uniform> p: RowStatsParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    for (var row = group.x + group.y * n_groups.x; row < p.n_rows; row += n_all) {
        let start = row * p.n_cols;
        var sum = 0.0;
        var squares = 0.0;
        var lowest = -LOWEST;
        var highest = LOWEST;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let value = x[start + col];
            sum += value;
            squares += value * value;
            lowest = -larger(-lowest, -value);
            highest = larger(highest, value);
        }
        let mean = reduce_sum(sum, lane) / f32(p.n_cols);
        let norm = sqrt(reduce_sum(squares, lane));
        lowest = -reduce_max(-lowest, lane);
        highest = reduce_max(highest, lane);
        var gaps = 0.0;
        var weights = 0.0;
        var entropies = 0.0;
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            let value = x[start + col];
            gaps += (value - mean) * (value - mean);
            if p.of_logits == 1u {
                let weight = exp(value - highest);
                weights += weight;
                entropies += weight * (value - highest);
            } else if value > 0.0 {
                entropies += value * log(value);
            }
        }
        let variance = reduce_sum(gaps, lane) / f32(p.n_cols);
        weights = reduce_sum(weights, lane);
        entropies = reduce_sum(entropies, lane);
        if lane == 0u {
            stats[6u * row] = mean;
            stats[6u * row + 1u] = variance;
            stats[6u * row + 2u] = lowest;
            stats[6u * row + 3u] = highest;
            stats[6u * row + 4u] = norm;
            stats[6u * row + 5u] =
                select(-entropies, log(weights) - entropies / weights, p.of_logits == 1u);
        }
    }
}
