//! Entry point of the engine module.

fn main() {
    // Until there is more: a module that says nothing to JavaScript has no glue to generate.
    js_sys::Reflect::has(&js_sys::global(), &"vitrine".into()).ok();
}
