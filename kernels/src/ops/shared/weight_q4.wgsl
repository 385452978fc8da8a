// Reading a weight: Q4_0 and Q4_1 in planes. First the nibbles, one vec4 a block, value i in
// nibble i; then scale and minimum of each block as a pair of f16: x = scale * nibble + minimum.
// `weight` is declared by the op. `extent` counts the blocks of the whole binding. A row is
// `blocks_per_row` blocks of 32 values, zeros after the last column.

fn scale_of(at: u32, extent: u32) -> vec2<f32> {
    return unpack2x16float(weight[extent + at / 4u][at % 4u]);
}

fn low_nibbles(word: u32) -> vec4<f32> {
    return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u));
}

fn high_nibbles(word: u32) -> vec4<f32> {
    return vec4<f32>((vec4<u32>(word) >> vec4<u32>(16u, 20u, 24u, 28u)) & vec4<u32>(15u));
}

// 32 values of a row.
fn weight_block(row: u32, block: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 8> {
    let at = row * blocks_per_row + block;
    let words = weight[at];
    let scale = scale_of(at, extent);
    let minimum = vec4<f32>(scale.y);
    return array<vec4<f32>, 8>(
        low_nibbles(words.x) * scale.x + minimum,
        high_nibbles(words.x) * scale.x + minimum,
        low_nibbles(words.y) * scale.x + minimum,
        high_nibbles(words.y) * scale.x + minimum,
        low_nibbles(words.z) * scale.x + minimum,
        high_nibbles(words.z) * scale.x + minimum,
        low_nibbles(words.w) * scale.x + minimum,
        high_nibbles(words.w) * scale.x + minimum,
    );
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let at = row * blocks_per_row + eight / 4u;
    let word = weight[at][eight % 4u];
    let scale = scale_of(at, extent);
    let minimum = vec4<f32>(scale.y);
    return array<vec4<f32>, 2>(
        low_nibbles(word) * scale.x + minimum,
        high_nibbles(word) * scale.x + minimum,
    );
}

