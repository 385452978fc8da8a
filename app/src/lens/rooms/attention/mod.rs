//! Room 02: the blocks of the figure and their tensors, the stages of a head, positions, and what was measured
//! as charts.

mod blocks;
mod charts;
mod figure;
mod head;
mod positions;

pub use blocks::{BLOCKS, Block, FIGURE, Kind, Plane};
pub use charts::{
    Taken, WIDTHS, entropy_chart, fitted, spread_chart, std_chart, std_exponent, time_chart,
    timed_name, took_at,
};
pub use figure::{full_hook, is_shown, plane_view};
pub use head::{
    OF, Seen, all_heads, errors, hooks, later_share, pattern, row_error, stage, values,
};
pub use positions::{heat_map, product_chart, wave_chart, wave_words};
