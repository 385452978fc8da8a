//! What the Lab shows of runs: knobs and presets, curves, norms, activations, heat-maps, maps of attention. Pure.

pub mod activations;
pub mod examples;
pub mod knobs;
pub mod maps;
pub mod norms;
pub mod over_steps;
pub mod presets;
pub mod series;
pub mod toy_text;
