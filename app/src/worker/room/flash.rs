//! What Room 10 asks for.

use vitrine_kernels::{Control, Engine};
use vitrine_models::ModelError;
use vitrine_models::claims::flash::backward::backward;
use vitrine_models::claims::flash::timing::{Timed, time};
use vitrine_models::claims::flash::traffic::moved;
use vitrine_models::claims::flash::{Qkv, Rules, walk, walk_back, zoo};

use super::super::js;
use crate::protocol::room::{FlashAsk, FlashPart};

/// Of the gradient that a walk's backward pass begins with.
const SEED: u64 = 5;

/// Computes an answer; `part` sends parts of it.
pub(super) async fn answer(
    engine: &mut Engine,
    ask: &FlashAsk,
    part: &dyn Fn(FlashPart),
    control: &Control,
) -> Result<(), ModelError> {
    match ask {
        FlashAsk::Walk { qkv, rules } => {
            let found = walk(engine, qkv, *rules, control).await?;
            let gradient = Qkv::random([qkv.n_rows; 2], qkv.d_head, SEED).q;
            let back = backward(engine, qkv, &gradient, rules.causal, control).await?;
            let tiles = walk_back(engine, qkv, &gradient, *rules, control).await?;
            part(FlashPart::Walk(Box::new(found), back, tiles.map(Box::new)));
        }
        FlashAsk::See { qkv, way, causal } => {
            let seen = zoo::see(engine, qkv, *way, *causal, control).await?;
            part(FlashPart::Seen(Box::new(seen)));
        }
        FlashAsk::Blocks { shape, sizes } => {
            for &size in sizes {
                let rules = square(size);
                let Some(moved) = moved(shape[0], shape[1], rules, None) else { continue };
                let timed = Timed::Blocks;
                let time = time(engine, timed, *shape, rules, None, &js::now, control).await?;
                part(FlashPart::Block { size, moved, time });
            }
        }
        FlashAsk::Times { d_head, size, timed } => {
            for (timed, counts) in timed {
                for &n_rows in counts {
                    let (shape, rules) = ([n_rows, *d_head], square(*size));
                    let time = time(engine, *timed, shape, rules, None, &js::now, control).await?;
                    part(FlashPart::Time { timed: *timed, n_rows, time });
                }
            }
        }
        FlashAsk::Sparse { shape, size, one_of } => {
            let (rules, n_across) = (square(*size), shape[0].div_ceil((*size).max(1)));
            for &one_of in one_of {
                let mark = |at: u32| u32::from((at / n_across + at).is_multiple_of(one_of));
                let tiles: Vec<u32> = (0..n_across * n_across).map(mark).collect();
                let Some(moved) = moved(shape[0], shape[1], rules, Some(&tiles)) else { continue };
                let (timed, tiles) = (Timed::Blocks, Some(&tiles[..]));
                let time = time(engine, timed, *shape, rules, tiles, &js::now, control).await?;
                part(FlashPart::Sparse { one_of, moved, time });
            }
        }
        FlashAsk::Ways { qkv, ways, n_rows, causal } => {
            for &way in ways.iter().filter(|way| !causal || way.can_be_causal()) {
                let seen = zoo::see(engine, qkv, way, *causal, control).await?;
                let shape = [*n_rows, qkv.d_head];
                let time = zoo::time(engine, way, shape, *causal, &js::now, control).await?;
                let (error, n_products) = (seen.error, seen.n_products);
                part(FlashPart::Way { way, error, n_products, time });
            }
        }
    }
    Ok(())
}

fn square(size: u32) -> Rules {
    Rules { block_rows: size, block_keys: size, causal: false }
}
