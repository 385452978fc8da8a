// linear, one row of W an invocation and no barrier: for adapters that are CPUs. Each block of W
// is widened once and meets TILE_T rows of x.
// Needs a constant TILE_T, one of shared/weight_*.wgsl, operands.wgsl.

override WORKGROUP_SIZE: u32 = 64u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let out = p.first_out + group.x * WORKGROUP_SIZE + lane;
    let first_row = p.first_row + group.y * TILE_T;
    if out >= p.end_out {
        return;
    }
    var sums = array<f32, TILE_T>();
    for (var block = 0u; block < p.blocks_per_row; block++) {
        let values = weight_block(out, block, p.blocks_per_row, p.extent);
        for (var t = 0u; t < TILE_T; t++) {
            let row = min(first_row + t, p.n_rows - 1u);
            var sum = sums[t];
            sum += dot(values[0], x_four(row, block * 32u));
            sum += dot(values[1], x_four(row, block * 32u + 4u));
            sum += dot(values[2], x_four(row, block * 32u + 8u));
            sum += dot(values[3], x_four(row, block * 32u + 12u));
            sum += dot(values[4], x_four(row, block * 32u + 16u));
            sum += dot(values[5], x_four(row, block * 32u + 20u));
            sum += dot(values[6], x_four(row, block * 32u + 24u));
            sum += dot(values[7], x_four(row, block * 32u + 28u));
            sums[t] = sum;
        }
    }
    for (var t = 0u; t < TILE_T; t++) {
        if first_row + t < p.n_rows {
            write_out(first_row + t, out, sums[t]);
        }
    }
}
