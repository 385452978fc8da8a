//! Entry point of the engine module.
fn main() {}
