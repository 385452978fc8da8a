// 32 values of a row, by eights.
// Needs a weight_*.wgsl with weight_eight.

fn weight_block(row: u32, block: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 8> {
    let a = weight_eight(row, block * 4u, blocks_per_row, extent);
    let b = weight_eight(row, block * 4u + 1u, blocks_per_row, extent);
    let c = weight_eight(row, block * 4u + 2u, blocks_per_row, extent);
    let d = weight_eight(row, block * 4u + 3u, blocks_per_row, extent);
    return array<vec4<f32>, 8>(a[0], a[1], b[0], b[1], c[0], c[1], d[0], d[1]);
}

