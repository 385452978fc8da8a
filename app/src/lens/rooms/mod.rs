//! What the rooms show, computed from what their worker sent.

pub mod align;
pub mod attention;
pub mod changed;
pub mod fast_weights;
pub mod flash;
pub mod flash_back;
pub mod norms;
pub mod slow_net;
