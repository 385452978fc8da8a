//! The generators and properties of `models/tests/hostile`, fed by libFuzzer instead of proptest:
//! `cargo +nightly fuzz run gguf_header` in `models`.

#[path = "../../tests/hostile/config_json.rs"]
pub mod config_json;
#[path = "../../tests/hostile/dequant_block.rs"]
pub mod dequant_block;
#[path = "../../tests/hostile/dice.rs"]
pub mod dice;
#[path = "../../tests/hostile/gguf_header.rs"]
pub mod gguf_header;
#[path = "../../tests/hostile/marian_header.rs"]
pub mod marian_header;
#[path = "../../tests/hostile/safetensors_header.rs"]
pub mod safetensors_header;
#[path = "../../tests/hostile/tokenizer_prevalidate.rs"]
pub mod tokenizer_prevalidate;
