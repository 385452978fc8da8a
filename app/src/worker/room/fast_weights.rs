//! What Room 04 asks for.

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::claims::fast_weights::capacity::{capacity, update};
use vitrine_models::claims::fast_weights::favor::favor;
use vitrine_models::claims::fast_weights::slow_net::slow_net;
use vitrine_models::claims::fast_weights::timing::time;
use vitrine_models::claims::fast_weights::{Tokens, walk};

use super::super::js;
use crate::protocol::room::{FastAsk, FastPart};

/// Computes an answer; `part` sends parts of it.
pub(super) async fn answer(
    engine: &mut Engine,
    ask: &FastAsk,
    part: &dyn Fn(FastPart),
    control: &Control,
) -> Result<(), ModelError> {
    match ask {
        FastAsk::Walk { n_tokens, qkv: [q, k, v], rules } => {
            let n_tokens = *n_tokens as usize;
            let columns = |x: &[f32]| x.len().checked_div(n_tokens).unwrap_or(0);
            let tokens = Tokens {
                n_tokens,
                d_key: columns(k),
                d_value: columns(v),
                q: q.clone(),
                k: k.clone(),
                v: v.clone(),
            };
            part(FastPart::Walk(Box::new(walk(engine, &tokens, rules, control).await?)));
        }
        FastAsk::Capacity(asks) => {
            for (place, ask) in (0..).zip(asks) {
                let errors = capacity(engine, ask, control).await?;
                part(FastPart::Capacity { place, errors });
            }
        }
        FastAsk::SlowNet(of) => {
            let told = &mut |look| part(FastPart::SlowLook(Box::new(look)));
            slow_net(engine, of, told, control).await?;
        }
        FastAsk::Update(ask) => part(FastPart::Update(update(engine, ask, control).await?)),
        FastAsk::Favor(ask) => part(FastPart::Favor(favor(engine, ask, control).await?)),
        FastAsk::Time(asks) => {
            for (timed, counts) in asks {
                for &n_tokens in counts {
                    let ms = time(engine, *timed, n_tokens as usize, &js::now, control).await?;
                    part(FastPart::Time { timed: *timed, n_tokens, ms });
                }
            }
        }
    }
    Ok(())
}
