//! From what a run left behind to what a view shows: pure functions without a page, so that
//! every number on screen can be tested natively.

pub mod align;
pub mod attention;
pub mod beam;
pub mod heads;
pub mod lab;
pub mod norms;
pub mod pair;
pub mod positions;
pub mod predict;
pub mod recorded;
pub mod residual;
pub mod rooms;
pub mod stack;
pub mod table;
pub mod tokens;
pub mod trace;
pub mod wall;
pub mod weights;

/// Indices of values, largest first; equal ones stay in order. (One sort for all lenses: each
/// kind of element that is sorted costs the module a sort of its own.)
pub fn descending(values: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..values.len() as u32).collect();
    order.sort_by(|&a, &b| values[b as usize].total_cmp(&values[a as usize]));
    order
}
