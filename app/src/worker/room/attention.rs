//! What Room 02 asks for.

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::claims::attention::scale::products;
use vitrine_models::claims::attention::timing::time;

use super::super::js;
use crate::protocol::room::{AttentionAsk, AttentionPart};

/// Computes an answer; `part` sends parts of it.
pub(super) async fn answer(
    engine: &mut Engine,
    ask: &AttentionAsk,
    part: &dyn Fn(AttentionPart),
    control: &Control,
) -> Result<(), ModelError> {
    match ask {
        AttentionAsk::Scale(ask) => {
            for &d_k in &ask.widths {
                part(AttentionPart::Products(products(engine, ask, d_k, control).await?));
            }
        }
        AttentionAsk::Times(asks) => {
            for &(timed, shape) in asks {
                let time = time(engine, timed, shape, &js::now, control).await?;
                part(AttentionPart::Time { timed, shape, time });
            }
        }
    }
    Ok(())
}
