//! Philox4x32-10: random words from a counter and a key.

/// The four words of a counter.
#[inline(always)]
pub(crate) fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
        }
        let a = u64::from(counter[0]) * 0xd251_1f53;
        let b = u64::from(counter[2]) * 0xcd9e_8d57;
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

/// What values `from..from + values.len()` of a stream are multiplied by: 0, or `factor`.
#[inline(always)]
pub(crate) fn masks(
    from: usize,
    stream: u32,
    key: [u32; 2],
    (threshold, factor): (u32, f32),
    values: &mut [f32],
) {
    let mut words = [0; 4];
    for (idx, value) in (from..).zip(values) {
        if idx % 4 == 0 || idx == from {
            words = philox([(idx / 4) as u32, 0, stream, 0], key);
        }
        *value = if words[idx % 4] < threshold { 0.0 } else { factor };
    }
}

#[cfg(test)]
mod tests {
    use super::philox;

    #[test]
    fn words_are_those_of_the_reference() {
        // Known answers of Random123 (kat_vectors, philox4x32 10).
        let zeros = [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8];
        assert_eq!(philox([0; 4], [0; 2]), zeros);
        let ones = [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd];
        assert_eq!(philox([u32::MAX; 4], [u32::MAX; 2]), ones);
        let counter = [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344];
        let pi = [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1];
        assert_eq!(philox(counter, [0xa409_3822, 0x299f_31d0]), pi);
    }
}
