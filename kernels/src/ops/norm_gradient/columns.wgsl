// Gradients of a norm's gain and bias: 16 columns a workgroup, 16 invocations a column.
// Shapes: x, dy [n_rows, n_cols]; stats [n_rows, 2] of (mean, scale); dgain, dbias [n_cols].

const COLS: u32 = 16u;
const LANES: u32 = 16u;
const WORKGROUP_SIZE: u32 = 256u; // COLS * LANES

struct NormGradientParams {
    n_rows: u32,
    n_cols: u32,
    centred: u32,
    has_gain: u32,
}

@group(0) @binding(0) var<uniform> p: NormGradientParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgain: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbias: array<f32>;

var<workgroup> partial: array<vec2<f32>, WORKGROUP_SIZE>; // [LANES, COLS]

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) idx: u32,
) {
    let col = (group.x + group.y * n_groups.x) * COLS + idx % COLS;
    let lane = idx / COLS;
    var sums = vec2<f32>();
    if col < p.n_cols {
        for (var row = lane; row < p.n_rows; row += LANES) {
            let shift = select(0.0, stats[2u * row], p.centred == 1u);
            let at = row * p.n_cols + col;
            sums += dy[at] * vec2<f32>((x[at] - shift) / stats[2u * row + 1u], 1.0);
        }
    }
    partial[idx] = sums;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half = half / 2u) {
        if lane < half {
            partial[idx] += partial[idx + half * COLS];
        }
        workgroupBarrier();
    }
    if lane == 0u && col < p.n_cols {
        dgain[col] = partial[idx].x;
        dbias[col] = partial[idx].y;
    }
}
