//! What panels are made of.

pub mod alert;
pub mod chart;
pub mod dialog;
pub mod dom;
pub mod export;
pub mod frame;
pub mod grid;
pub mod icon;
pub mod legend;
pub mod matrix;
pub mod paint;
pub mod plot;
pub mod size;
pub mod slider;
pub mod steps;
pub mod svg;
pub mod symbol;
pub mod term;
