// linear for a few rows of x: LANES invocations share a row of W, neighbours read neighbouring
// words, and their sums meet in workgroup memory.
// Needs a constant TILE_T, one of shared/weight_*.wgsl, operands.wgsl.

const LANES: u32 = 16u;
const OUTS: u32 = 8u;
const WORKGROUP_SIZE: u32 = 128u; // LANES * OUTS

var<workgroup> partial: array<f32, WORKGROUP_SIZE>;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) idx: u32) {
    let lane = idx % LANES;
    let out = p.first_out + group.x * OUTS + idx / LANES;
    let is_inside = out < p.end_out;
    let first_row = p.first_row + group.y * TILE_T;
    var sums = array<f32, TILE_T>();
    if is_inside {
        let n_eights = p.blocks_per_row * 4u;
        for (var eight = lane; eight < n_eights; eight += LANES) {
            let values = weight_eight(out, eight, p.blocks_per_row, p.extent);
            for (var t = 0u; t < TILE_T; t++) {
                let row = min(first_row + t, p.n_rows - 1u);
                sums[t] += dot(values[0], x_four(row, eight * 8u));
                sums[t] += dot(values[1], x_four(row, eight * 8u + 4u));
            }
        }
    }
    for (var t = 0u; t < TILE_T; t++) {
        partial[idx] = sums[t];
        workgroupBarrier();
        for (var half = LANES / 2u; half > 0u; half = half / 2u) {
            if lane < half {
                partial[idx] += partial[idx + half];
            }
            workgroupBarrier();
        }
        if lane == 0u && is_inside && first_row + t < p.n_rows {
            write_out(first_row + t, out, partial[idx]);
        }
        workgroupBarrier();
    }
}
