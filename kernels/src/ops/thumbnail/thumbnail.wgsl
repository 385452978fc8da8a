// Maps shrunk to thumbnails, one cell an invocation: the maximum over a square block.
// Shapes: maps [n_maps, n_map_rows, n_map_cols]; wall [n_wall, side, side].
// Needs shared/step.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

struct ThumbnailParams {
    n_maps: u32,
    n_map_rows: u32,
    n_map_cols: u32,
    side: u32,
    first_map: u32,
    n_rows: u32, // T: rows that this run adds
}

@group(0) @binding(0) var<uniform> p: ThumbnailParams;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read_write> wall: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(global_invocation_id) id: vec3<u32>,
    @builtin(workgroup_id) group: vec3<u32>,
) {
    let n = min(min(now.past + p.n_rows, p.n_map_rows), p.n_map_cols);
    let block = max((n + p.side - 1u) / p.side, 1u);
    let cell_row = now.thumbnail_from / block + id.x / p.side;
    let cell_col = id.x % p.side;
    let map = group.y;
    if cell_row >= p.side {
        return;
    }
    var highest = 0.0;
    let row_end = min((cell_row + 1u) * block, n);
    let col_end = min((cell_col + 1u) * block, n);
    for (var row = cell_row * block; row < row_end; row++) {
        let start = (map * p.n_map_rows + row) * p.n_map_cols;
        for (var col = cell_col * block; col < col_end; col++) {
            let value = maps[start + col];
            highest = select(highest, value, value > highest);
        }
    }
    wall[((p.first_map + map) * p.side + cell_row) * p.side + cell_col] = highest;
}
