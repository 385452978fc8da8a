//! What the rooms show, computed from what their worker sent.

pub mod align;
pub mod fast_weights;
pub mod flash;
pub mod norms;
