// Sums of the rows of a matrix: 16 columns a workgroup, 16 invocations a column.
// Shapes: x [n_rows, n_cols]; y [n_cols].

const COLS: u32 = 16u;
const LANES: u32 = 16u;
const WORKGROUP_SIZE: u32 = 256u; // COLS * LANES

struct SumRowsParams {
    n_rows: u32,
    n_cols: u32,
}

@group(0) @binding(0) var<uniform> p: SumRowsParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> partial: array<f32, WORKGROUP_SIZE>; // [LANES, COLS]

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) idx: u32,
) {
    let col = (group.x + group.y * n_groups.x) * COLS + idx % COLS;
    let lane = idx / COLS;
    var sum = 0.0;
    if col < p.n_cols {
        for (var row = lane; row < p.n_rows; row += LANES) {
            sum += x[row * p.n_cols + col];
        }
    }
    partial[idx] = sum;
    workgroupBarrier();
    for (var half = LANES / 2u; half > 0u; half = half / 2u) {
        if lane < half {
            partial[idx] += partial[idx + half * COLS];
        }
        workgroupBarrier();
    }
    if lane == 0u && col < p.n_cols {
        y[col] = partial[idx];
    }
}
