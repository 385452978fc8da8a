// Rows of a table by index, eight columns an invocation. Shapes: weight [n_weight_rows, n_cols] in
// its own storage type; ids [T]; y [T, n_cols]. This launch serves the ids that lie within its
// piece of the table; the first also clears the rows of ids beyond the whole table.
// Needs one of shared/weight_*.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct GatherParams {
    n_rows: u32,
    n_cols: u32,
    blocks_per_row: u32,
    extent: u32,
    piece_start: u32,
    piece_end: u32,
    table_end: u32,
}

@group(0) @binding(0) var<uniform> p: GatherParams;
@group(0) @binding(1) var<storage, read> weight: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let n_eights = (p.n_cols + 7u) / 8u;
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    let row = i / n_eights;
    let eight = i % n_eights;
    if row >= p.n_rows {
        return;
    }
    let table_row = ids[row];
    let is_here = table_row >= p.piece_start && table_row < p.piece_end;
    let is_beyond = table_row >= p.table_end && p.piece_start == 0u;
    if !is_here && !is_beyond {
        return;
    }
    var values = array<vec4<f32>, 2>();
    if is_here {
        values = weight_eight(table_row - p.piece_start, eight, p.blocks_per_row, p.extent);
    }
    for (var k = 0u; k < 8u; k++) {
        let col = eight * 8u + k;
        if col < p.n_cols {
            y[row * p.n_cols + col] = values[k / 4u][k % 4u];
        }
    }
}
