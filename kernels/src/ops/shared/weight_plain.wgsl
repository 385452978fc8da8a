// Reading a weight that is another tensor of the recording: f32, rows as they come, of any
// length. `weight` is declared by the op; here `extent` is the number of columns.

fn weight_at(row: u32, col: u32, n_cols: u32) -> f32 {
    let at = row * n_cols + min(col, n_cols - 1u);
    return select(0.0, bitcast<f32>(weight[at / 4u][at % 4u]), col < n_cols);
}

fn weight_four(row: u32, col: u32, n_cols: u32) -> vec4<f32> {
    return vec4<f32>(
        weight_at(row, col, n_cols),
        weight_at(row, col + 1u, n_cols),
        weight_at(row, col + 2u, n_cols),
        weight_at(row, col + 3u, n_cols),
    );
}

// 32 values of a row.
fn weight_block(row: u32, block: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 8> {
    let col = block * 32u;
    return array<vec4<f32>, 8>(
        weight_four(row, col, extent),
        weight_four(row, col + 4u, extent),
        weight_four(row, col + 8u, extent),
        weight_four(row, col + 12u, extent),
        weight_four(row, col + 16u, extent),
        weight_four(row, col + 20u, extent),
        weight_four(row, col + 24u, extent),
        weight_four(row, col + 28u, extent),
    );
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let col = eight * 8u;
    return array<vec4<f32>, 2>(
        weight_four(row, col, extent),
        weight_four(row, col + 4u, extent),
    );
}

