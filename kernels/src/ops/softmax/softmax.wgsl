// Masked softmax, one workgroup a row: the maximum, the sum, the row. Hidden cells become 0; a row
// with every cell hidden is all zeros.
// Shapes: scores [n_maps, T, S]; padding [S]; bias [n_bias_maps, T, S]; pattern
// [n_maps, n_out_rows, S], of which rows first_row.. are written.
// Needs shared/step.wgsl, shared/reduce.wgsl.

struct SoftmaxParams {
    n_maps: u32,
    n_rows: u32, // T
    n_cols: u32, // S
    n_out_rows: u32,
    n_bias_maps: u32,
    causal: u32,
    until_filled: u32,
    into_state: u32,
    has_padding: u32,
    has_bias: u32,
    window: u32, // a row sees its last so many columns; 0: all
    alibi: u32,
    n_distances: u32, // 2R + 1 biases a map, from distance -R to R; 0: none
}

@group(0) @binding(0) var<uniform> p: SoftmaxParams;
@group(0) @binding(1) var<storage, read> scores: array<f32>;
@group(0) @binding(2) var<storage, read> padding: array<u32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> slopes: array<f32>; // [n_maps], or [n_maps, n_distances]
@group(0) @binding(5) var<storage, read_write> pattern: array<f32>;

fn is_hidden(col: u32) -> bool {
    return p.has_padding == 1u && padding[col] == 0u;
}

fn score(row: u32, col: u32) -> f32 {
    var value = scores[row * p.n_cols + col];
    if p.has_bias == 1u {
        let map = row / p.n_rows % p.n_bias_maps;
        value += bias[(map * p.n_rows + row % p.n_rows) * p.n_cols + col];
    }
    if p.alibi == 1u {
        let distance = f32(now.past + row % p.n_rows) - f32(col);
        value -= slopes[row / p.n_rows] * distance;
    }
    if p.n_distances > 0u {
        let position = now.past + row % p.n_rows;
        let at = max(col + p.n_distances / 2u, position) - position;
        value += slopes[row / p.n_rows * p.n_distances + min(at, p.n_distances - 1u)];
    }
    return value;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let n_all = n_groups.x * n_groups.y;
    // Row of all maps together: map * T + t.
    for (var row = group.x + group.y * n_groups.x; row < p.n_maps * p.n_rows; row += n_all) {
        let t = row % p.n_rows;
        var end = p.n_cols;
        if p.until_filled == 1u {
            end = min(now.past + p.n_rows, end);
        }
        if p.causal == 1u {
            end = min(now.past + t + 1u, end);
        }
        var start = 0u;
        if p.window > 0u {
            start = max(now.past + t + 1u, p.window) - p.window;
        }
        var highest = LOWEST;
        for (var col = start + lane; col < end; col += WORKGROUP_SIZE) {
            if !is_hidden(col) {
                highest = larger(highest, score(row, col));
            }
        }
        highest = reduce_max(highest, lane);
        var sum = 0.0;
        for (var col = start + lane; col < end; col += WORKGROUP_SIZE) {
            if !is_hidden(col) {
                sum += exp(score(row, col) - highest);
            }
        }
        sum = reduce_sum(sum, lane);
        var out_row = t;
        if p.into_state == 1u {
            out_row += now.past;
        }
        if out_row < p.n_out_rows {
            let out = (row / p.n_rows * p.n_out_rows + out_row) * p.n_cols;
            for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
                var value = 0.0;
                if col >= start && col < end && !is_hidden(col) {
                    value = exp(score(row, col) - highest);
                    if sum > 0.0 {
                        value /= sum;
                    }
                }
                pattern[out + col] = value;
            }
        }
    }
}
