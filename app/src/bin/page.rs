//! The page's module: everything on the main thread.

fn main() {
    vitrine_app::page::run();
}
