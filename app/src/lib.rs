//! The Vitrine page: leptos on the main thread, models and kernels in a worker.

pub mod explorer;
pub mod format;
pub mod frame;
pub mod home;
pub mod host;
pub mod lab;
pub mod lens;
pub mod page;
pub mod palette;
pub mod panic;
pub mod parts;
pub mod protocol;
pub mod rooms;
pub mod state;
pub mod wire;
pub mod worker;
