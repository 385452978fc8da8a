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

/// The larger of two errors; a NaN stays.
fn worse<T: PartialOrd>(worst: T, one: T) -> T {
    let is_lost = worst.partial_cmp(&worst).is_none();
    if one <= worst || is_lost { worst } else { one }
}

#[cfg(test)]
mod tests {
    use super::worse;

    #[test]
    fn a_nan_is_the_worst_and_stays() {
        assert_eq!([1.0, 3.0, 2.0].into_iter().fold(0.0, worse), 3.0);
        assert!([1.0, f64::NAN, 2.0].into_iter().fold(0.0, worse).is_nan());
        assert!([f32::NAN, 2.0].into_iter().fold(0.0, worse).is_nan());
    }
}
