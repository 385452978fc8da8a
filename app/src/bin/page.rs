//! Entry point of the page module.
fn main() {}
