// linear for many rows of x: tiles of 64 rows of x by 64 rows of W. 16 columns at a time lie in
// workgroup memory; each of 16 x 16 invocations keeps 4 x 4 sums. Tile rows are padded to five
// vec4, so that neighbours read different banks.
// Needs one of shared/weight_*.wgsl, operands.wgsl.

const TILE: u32 = 64u;
const PADDED: u32 = 5u;
const WORKGROUP_SIZE: u32 = 256u;

var<workgroup> x_tile: array<vec4<f32>, 320>; // [TILE, PADDED]
var<workgroup> w_tile: array<vec4<f32>, 320>; // [TILE, PADDED]

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) idx: u32) {
    let first_out = p.first_out + group.x * TILE;
    let first_row = p.first_row + group.y * TILE;
    let tx = idx % 16u;
    let ty = idx / 16u;
    var sums = array<array<f32, 4>, 4>();
    let n_steps = p.blocks_per_row * 2u;
    for (var step_idx = 0u; step_idx < n_steps; step_idx++) {
        let x_row = idx / 4u;
        x_tile[x_row * PADDED + idx % 4u] =
            x_four(min(first_row + x_row, p.n_rows - 1u), step_idx * 16u + (idx % 4u) * 4u);
        if idx < 128u {
            let out = min(first_out + idx / 2u, p.end_out - 1u);
            let eight = step_idx * 2u + idx % 2u;
            let values = weight_eight(out, eight, p.blocks_per_row, p.extent);
            let at = (idx / 2u) * PADDED + (idx % 2u) * 2u;
            w_tile[at] = values[0];
            w_tile[at + 1u] = values[1];
        }
        workgroupBarrier();
        for (var four = 0u; four < 4u; four++) {
            let w0 = w_tile[tx * PADDED + four];
            let w1 = w_tile[(tx + 16u) * PADDED + four];
            let w2 = w_tile[(tx + 32u) * PADDED + four];
            let w3 = w_tile[(tx + 48u) * PADDED + four];
            for (var r = 0u; r < 4u; r++) {
                let value = x_tile[(ty + 16u * r) * PADDED + four];
                sums[r][0] += dot(value, w0);
                sums[r][1] += dot(value, w1);
                sums[r][2] += dot(value, w2);
                sums[r][3] += dot(value, w3);
            }
        }
        workgroupBarrier();
    }
    for (var r = 0u; r < 4u; r++) {
        let row = first_row + ty + 16u * r;
        for (var c = 0u; c < 4u; c++) {
            let out = first_out + tx + 16u * c;
            if row < p.n_rows && out < p.end_out {
                write_out(row, out, sums[r][c]);
            }
        }
    }
}
