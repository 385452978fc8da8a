// Colours of values, as packed 0xAABBGGRR.

fn unpacked(color: u32) -> vec4<f32> {
    return unpack4x8unorm(color);
}

// By its bits, because a comparison with itself is folded away on some drivers.
fn is_finite_bits(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

// Entry of a table of 256 for t in 0..1.
fn shade(t: f32) -> u32 {
    return u32(floor(clamp(t, 0.0, 1.0) * 255.0 + 0.5));
}

