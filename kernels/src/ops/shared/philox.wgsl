// Philox4x32-10: random words from a counter and a key; twin of ops::dropout::philox.

// The high word of a product.
fn high_word(a: u32, b: u32) -> u32 {
    let a_low = a & 0xffffu;
    let a_high = a >> 16u;
    let b_low = b & 0xffffu;
    let b_high = b >> 16u;
    let mixed = a_high * b_low + ((a_low * b_low) >> 16u);
    let other = a_low * b_high + (mixed & 0xffffu);
    return a_high * b_high + (mixed >> 16u) + (other >> 16u);
}

fn philox(first: vec4<u32>, seed: vec2<u32>) -> vec4<u32> {
    var counter = first;
    var key = seed;
    for (var round = 0u; round < 10u; round++) {
        counter = vec4<u32>(
            high_word(counter.z, 0xcd9e8d57u) ^ counter.y ^ key.x,
            counter.z * 0xcd9e8d57u,
            high_word(counter.x, 0xd2511f53u) ^ counter.w ^ key.y,
            counter.x * 0xd2511f53u,
        );
        key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
    }
    return counter;
}

// What value `idx` of a stream is multiplied by.
fn dropped(idx: u32, stream: u32, seed: vec2<u32>, threshold: u32, factor: f32) -> f32 {
    let words = philox(vec4<u32>(idx / 4u, 0u, stream, 0u), seed);
    return select(factor, 0.0, words[idx % 4u] < threshold);
}
