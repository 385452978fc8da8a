//! From what a run left behind to what a view shows: pure functions without a page, so that
//! every number on screen can be tested natively.

pub mod attention;
pub mod heads;
pub mod norms;
pub mod predict;
pub mod residual;
pub mod table;
pub mod tokens;
pub mod trace;
pub mod wall;
