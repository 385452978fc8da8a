// The largest visible finite value of each map of a wall, or 1 where none is above 0; one
// workgroup a map. Shapes as in wall.wgsl. Needs colors.wgsl, shared/reduce.wgsl.

struct WallParams {
    width: u32,
    height: u32,
    n_cols: u32,
    gap: u32,
    place_width: u32,
    place_height: u32,
    n_maps: u32,
    side: u32,
    n_cells: u32,
    frame: u32,
    selected: u32,
    hovered: u32,
    background: u32,
    non_finite: u32,
    selected_color: u32,
    hovered_color: u32,
}

@group(0) @binding(0) var<uniform> p: WallParams;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read_write> ranges: array<f32>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) n_groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    for (var map = group.x; map < p.n_maps; map += n_groups.x) {
        var highest = 0.0;
        for (var cell = lane; cell < p.n_cells * p.n_cells; cell += WORKGROUP_SIZE) {
            let col = cell % p.n_cells;
            let value = maps[(map * p.side + cell / p.n_cells) * p.side + col];
            if table[256u + p.n_maps + col] == 0u && is_finite_bits(value) {
                highest = larger(highest, value);
            }
        }
        highest = reduce_max(highest, lane);
        if lane == 0u {
            ranges[map] = select(1.0, highest, highest > 0.0);
        }
    }
}
