// Reading a weight: Q8_0 in planes. First the values, two vec4 a block, four to a word; then
// the scale of each block as f16, two to a word.
// `weight` is declared by the op. `extent` counts the blocks of the whole binding. A row is
// `blocks_per_row` blocks of 32 values, zeros after the last column.

fn scale_of(at: u32, extent: u32) -> f32 {
    let pair = unpack2x16float(weight[extent * 2u + at / 8u][(at / 2u) % 4u]);
    return select(pair.x, pair.y, at % 2u == 1u);
}

fn signed_bytes(word: u32) -> vec4<f32> {
    let shifted = bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u));
    return vec4<f32>(shifted >> vec4<u32>(24u));
}

// 32 values of a row.
fn weight_block(row: u32, block: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 8> {
    let at = row * blocks_per_row + block;
    let a = weight[at * 2u];
    let b = weight[at * 2u + 1u];
    let scale = scale_of(at, extent);
    return array<vec4<f32>, 8>(
        signed_bytes(a.x) * scale,
        signed_bytes(a.y) * scale,
        signed_bytes(a.z) * scale,
        signed_bytes(a.w) * scale,
        signed_bytes(b.x) * scale,
        signed_bytes(b.y) * scale,
        signed_bytes(b.z) * scale,
        signed_bytes(b.w) * scale,
    );
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let at = row * blocks_per_row + eight / 4u;
    let words = weight[at * 2u + (eight % 4u) / 2u];
    let low = (eight % 2u) * 2u;
    let scale = scale_of(at, extent);
    return array<vec4<f32>, 2>(
        signed_bytes(words[low]) * scale,
        signed_bytes(words[low + 1u]) * scale,
    );
}

