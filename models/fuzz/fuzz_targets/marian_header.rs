#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vitrine_models_fuzz::marian_header::check(data);
});
