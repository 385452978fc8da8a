// Gradient of a table: a workgroup a row of it. 64 ids at a time are looked at together; of those
// that name this row, each invocation adds its columns of dy, in the order of the ids.
// Shapes: dy [n_ids, n_cols]; ids [n_ids]; table [n_rows, n_cols].

const WORKGROUP_SIZE: u32 = 64u;

struct GatherGradientParams {
    n_ids: u32,
    n_cols: u32,
    n_rows: u32,
}

@group(0) @binding(0) var<uniform> p: GatherGradientParams;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> table: array<f32>;

var<workgroup> seen: array<u32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let row = group.x + group.y * n_groups.x;
    let is_inside = row < p.n_rows;
    if is_inside {
        for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
            table[row * p.n_cols + col] = 0.0;
        }
    }
    for (var begin = 0u; begin < p.n_ids; begin += WORKGROUP_SIZE) {
        let at = min(begin + lane, p.n_ids - 1u);
        seen[lane] = select(0u, 1u, is_inside && begin + lane < p.n_ids && ids[at] == row);
        workgroupBarrier();
        for (var i = 0u; i < WORKGROUP_SIZE; i++) {
            if seen[i] == 1u {
                for (var col = lane; col < p.n_cols; col += WORKGROUP_SIZE) {
                    table[row * p.n_cols + col] += dy[(begin + i) * p.n_cols + col];
                }
            }
        }
        workgroupBarrier();
    }
}
