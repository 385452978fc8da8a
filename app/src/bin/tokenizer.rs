//! Entry point of the tokenizer module.
fn main() {}
