//! The one door to building, serving and testing Vitrine.
fn main() {}
