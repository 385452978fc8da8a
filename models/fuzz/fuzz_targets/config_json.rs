#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    vitrine_models_fuzz::config_json::check(data);
});
