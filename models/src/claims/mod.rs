//! What the rooms compute: the data of a machine, and the claims of a paper, over either engine. The page
//! asks for them through its worker; native tests ask for the same and hold them to bounds.

pub mod align;
pub mod attention;
pub mod fast_weights;
pub mod fit;
pub mod flash;
pub mod norms;

use vitrine_kernels::Engine;
use vitrine_kernels::engine::cpu::CpuEngine;

/// The engine, an empty one in its place.
fn taken(engine: &mut Engine) -> Engine {
    std::mem::replace(engine, Engine::Cpu(CpuEngine::new()))
}

/// Puts an engine back, emptied.
fn give_back(engine: &mut Engine, own: Engine) {
    *engine = own;
    engine.clear();
}
