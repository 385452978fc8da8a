//! Files from strangers: the readers never panic, never allocate for a number that they have not
//! checked, and what they accept is consistent.
//!
//! The generators and properties are shared with the fuzz targets of `models/fuzz`, which feed
//! them bytes from libFuzzer instead of proptest.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod alloc;
mod checkpoint;
mod config_json;
mod dequant_block;
mod dice;
mod gguf_faults;
mod gguf_header;
mod marian_faults;
mod marian_header;
mod safetensors_faults;
mod safetensors_header;
mod tokenizer_faults;
mod tokenizer_prevalidate;

#[global_allocator]
static ALLOCATOR: alloc::PeakAllocator = alloc::PeakAllocator;

/// A generator fed by proptest must keep below this many bytes at once.
const MAX_PEAK: usize = 4 << 20;

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig {
        cases: 4000,
        // The same files in every run: the fuzz targets are there to look further.
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x5eed),
        // A case worth keeping becomes a test of its own.
        failure_persistence: None,
        ..proptest::prelude::ProptestConfig::default()
    })]

    #[test]
    fn gguf_header(data in proptest::collection::vec(proptest::num::u8::ANY, 0..1200)) {
        let (_, peak) = alloc::peak_of(|| gguf_header::check(&data));
        assert!(peak < MAX_PEAK, "{peak} bytes at once");
    }

    #[test]
    fn safetensors_header(data in proptest::collection::vec(proptest::num::u8::ANY, 0..1200)) {
        let (_, peak) = alloc::peak_of(|| safetensors_header::check(&data));
        assert!(peak < MAX_PEAK, "{peak} bytes at once");
    }

    #[test]
    fn marian_header(data in proptest::collection::vec(proptest::num::u8::ANY, 0..1200)) {
        let (_, peak) = alloc::peak_of(|| marian_header::check(&data));
        assert!(peak < MAX_PEAK, "{peak} bytes at once");
    }

    #[test]
    fn config_json(data in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        let (_, peak) = alloc::peak_of(|| config_json::check(&data));
        assert!(peak < MAX_PEAK, "{peak} bytes at once");
    }

    #[test]
    fn tokenizer_prevalidate(data in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
        tokenizer_prevalidate::check(&data);
    }

    #[test]
    fn dequant_block(data in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        dequant_block::check(&data);
    }
}

/// The generators must reach the accepting side, or the properties say nothing.
#[test]
fn generators_make_files_that_are_accepted() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    let mut n_gguf = 0;
    let mut n_safetensors = 0;
    let mut n_marian = 0;
    let mut n_configs = 0;
    let mut n_tokenizers = 0;
    for _ in 0..400 {
        let data: Vec<u8> = std::iter::repeat_with(|| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 32) as u8
        })
        .take(800)
        .collect();
        n_gguf += usize::from(gguf_header::check(&data));
        n_safetensors += usize::from(safetensors_header::check(&data));
        n_marian += usize::from(marian_header::check(&data));
        n_configs += usize::from(config_json::check(&data));
        n_tokenizers += usize::from(tokenizer_prevalidate::check(&data));
    }
    assert!(n_gguf > 40 && n_gguf < 380, "{n_gguf} of 400 GGUF files accepted");
    assert!(n_safetensors > 40 && n_safetensors < 380, "{n_safetensors} of 400 accepted");
    assert!(n_marian > 40 && n_marian < 380, "{n_marian} of 400 Marian files accepted");
    assert!(n_configs > 10, "{n_configs} of 400 accepted");
    assert!(n_tokenizers > 20 && n_tokenizers < 380, "{n_tokenizers} of 400 accepted");
}
