// Reading a weight: Q4_K in planes. First the nibbles, one vec4 a run of 32 values, value i in
// nibble i; then (scale, minimum) of each run as two f32: x = scale * nibble + minimum.
// `weight` is declared by the op. `extent` counts the runs of the whole binding. A row is
// `blocks_per_row` runs.

fn scale_of(at: u32, extent: u32) -> vec2<f32> {
    let pair = weight[extent + at / 2u];
    return bitcast<vec2<f32>>(select(pair.xy, pair.zw, at % 2u == 1u));
}

fn four_nibbles(word: u32) -> vec4<f32> {
    return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u));
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let at = row * blocks_per_row + eight / 4u;
    let word = weight[at][eight % 4u];
    let scale = scale_of(at, extent);
    return array<vec4<f32>, 2>(
        four_nibbles(word) * scale.x + vec4<f32>(scale.y),
        four_nibbles(word >> 16u) * scale.x + vec4<f32>(scale.y),
    );
}

