// Reading a weight: quantised types of five and six bits in planes. First the values, two vec4 a
// run of 32, four to a word; then two f32 a run. HAS_MINIMUM: scale and minimum; else the scale of
// the first half and that of the second.
// `weight` is declared by the op. `extent` counts the runs of the whole binding. A row is
// `blocks_per_row` runs.
// Needs a constant HAS_MINIMUM.

fn four_bytes(word: u32) -> vec4<f32> {
    let shifted = bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u));
    return vec4<f32>(shifted >> vec4<u32>(24u));
}

// Values 8 * eight .. 8 * eight + 8 of a row.
fn weight_eight(row: u32, eight: u32, blocks_per_row: u32, extent: u32) -> array<vec4<f32>, 2> {
    let at = row * blocks_per_row + eight / 4u;
    let words = weight[at * 2u + (eight % 4u) / 2u];
    let low = (eight % 2u) * 2u;
    let pair = weight[extent * 2u + at / 2u];
    let scale = bitcast<vec2<f32>>(select(pair.xy, pair.zw, at % 2u == 1u));
    var factor = scale.x;
    var minimum = scale.y;
    if !HAS_MINIMUM {
        factor = select(scale.x, scale.y, eight % 4u >= 2u);
        minimum = 0.0;
    }
    return array<vec4<f32>, 2>(
        four_bytes(words[low]) * factor + vec4<f32>(minimum),
        four_bytes(words[low + 1u]) * factor + vec4<f32>(minimum),
    );
}

