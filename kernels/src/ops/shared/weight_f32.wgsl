// Reading a weight: f32, rows padded to whole blocks.
// `weight` is declared by the op. `extent` counts the blocks of the whole binding. A row is
// `blocks_per_row` blocks of 32 values, zeros after the last column.

// 32 values of a row.
fn weight_block(row: u32, block: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 8> {
    let at = (row * blocks_per_row + block) * 8u;
    return array<vec4<f32>, 8>(
        bitcast<vec4<f32>>(weight[at]),
        bitcast<vec4<f32>>(weight[at + 1u]),
        bitcast<vec4<f32>>(weight[at + 2u]),
        bitcast<vec4<f32>>(weight[at + 3u]),
        bitcast<vec4<f32>>(weight[at + 4u]),
        bitcast<vec4<f32>>(weight[at + 5u]),
        bitcast<vec4<f32>>(weight[at + 6u]),
        bitcast<vec4<f32>>(weight[at + 7u]),
    );
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let at = row * blocks_per_row * 8u + eight * 2u;
    return array<vec4<f32>, 2>(bitcast<vec4<f32>>(weight[at]), bitcast<vec4<f32>>(weight[at + 1u]));
}

