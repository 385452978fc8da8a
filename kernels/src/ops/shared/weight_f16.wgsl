// Reading a weight: f16, two to a word, rows padded to whole blocks.
// `weight` is declared by the op. `extent` counts the blocks of the whole binding. A row is
// `blocks_per_row` blocks of 32 values, zeros after the last column.

fn widened(words: vec2<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}

// 32 values of a row.
fn weight_block(row: u32, block: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 8> {
    let at = (row * blocks_per_row + block) * 4u;
    let a = weight[at];
    let b = weight[at + 1u];
    let c = weight[at + 2u];
    let d = weight[at + 3u];
    return array<vec4<f32>, 8>(
        widened(a.xy),
        widened(a.zw),
        widened(b.xy),
        widened(b.zw),
        widened(c.xy),
        widened(c.zw),
        widened(d.xy),
        widened(d.zw),
    );
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let words = weight[row * blocks_per_row * 4u + eight];
    return array<vec4<f32>, 2>(widened(words.xy), widened(words.zw));
}

