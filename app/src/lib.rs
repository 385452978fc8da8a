//! The Vitrine page: leptos on the main thread, models and kernels in a worker.

pub mod palette;
pub mod protocol;
pub mod wire;
pub mod worker;
