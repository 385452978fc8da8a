//! The GPU's own stamps of time around each kernel, where the adapter has them and this build has a GPU.

use vitrine_kernels::Engine;

/// From now on runs are stamped; each kernel is a pass of its own then.
pub(crate) fn start(engine: &mut Engine) {
    #[cfg(feature = "gpu")]
    if let Engine::Gpu(engine) = engine {
        engine.set_profiling(true);
    }
    #[cfg(not(feature = "gpu"))]
    let _ = engine;
}

/// Milliseconds of all kernels since the start or the last answer; none where nothing is stamped.
pub(crate) fn taken(engine: &mut Engine) -> Option<f64> {
    #[cfg(feature = "gpu")]
    if let Engine::Gpu(engine) = engine {
        let ms = engine.take_profile().iter().map(|one| one.nanoseconds).sum::<f64>() / 1e6;
        // A browser may round stamps until nothing is left.
        return (ms > 0.0).then_some(ms);
    }
    #[cfg(not(feature = "gpu"))]
    let _ = engine;
    None
}

/// Runs are not stamped any more.
pub(crate) fn end(engine: &mut Engine) {
    #[cfg(feature = "gpu")]
    if let Engine::Gpu(engine) = engine {
        engine.set_profiling(false);
    }
    #[cfg(not(feature = "gpu"))]
    let _ = engine;
}
