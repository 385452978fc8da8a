//! What Room 03 asks for.

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::claims::norms::{Place, Setting, gradients, race, streams};

use crate::protocol::room::{NormsAsk, NormsPart};

/// Columns of the models that are measured.
const D_MODEL: u32 = 32;

/// Computes an answer; `part` sends parts of it.
pub(super) async fn answer(
    engine: &mut Engine,
    ask: &NormsAsk,
    part: &dyn Fn(NormsPart),
    control: &Control,
) -> Result<(), ModelError> {
    match ask {
        NormsAsk::Start { n_layers, seed } => {
            let (sizes, seed) = ([*n_layers, D_MODEL], u64::from(*seed));
            for place in Place::ALL {
                let streams = streams(engine, place, sizes, seed, control).await?;
                part(NormsPart::Streams { place, streams });
                let setting = Setting::Analysis;
                let gradients = gradients(engine, place, setting, sizes, seed, control).await?;
                part(NormsPart::Gradients { place, gradients });
            }
        }
        NormsAsk::Gradients { setting, places, depths, n_seeds } => {
            for &n_layers in depths {
                for &place in places {
                    let mut means = vec![0.0; n_layers as usize];
                    for seed in 0..u64::from(*n_seeds) {
                        let sizes = [n_layers, D_MODEL];
                        let own = gradients(engine, place, *setting, sizes, seed, control).await?;
                        for (mean, own) in means.iter_mut().zip(own) {
                            *mean += own / f64::from(*n_seeds);
                        }
                    }
                    part(NormsPart::Gradients { place, gradients: means });
                }
            }
        }
        NormsAsk::Race(runners) => {
            for (runner, options) in (0..).zip(runners) {
                let told = &mut |stride| part(NormsPart::Step { runner, stride });
                race(engine, options, told, control).await?;
            }
        }
    }
    Ok(())
}
