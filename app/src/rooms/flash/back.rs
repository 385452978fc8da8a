//! The way back: one tile of the pattern computed again at a time, and what it gives to the three gradients.

use super::machine::Machine;
use crate::format;
use crate::lens::rooms::flash_back::{Shown, Which, back_tiles, of_back_step};
use crate::parts::dom::{El, el};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::derive;

/// Everything of one step.
pub fn view(machine: Machine) -> El {
    let one = move |shown: Shown, symbol, testid, title: &'static str| {
        let view = derive(move || {
            let walked = machine.now()?;
            let both = (&walked.walk, walked.tiles.as_deref()?);
            of_back_step(both, walked.rules, &walked.source.names, machine.step.get(), shown)
        });
        let title = derive(move || title.to_owned());
        plate(Plate { symbol, title, view, testid, max_cell: 16.0, cursor: None })
    };
    let row = |class: &str| el!(div).set("class", class);
    let tile = row("fast-row flash-tiles")
        .child(one(Shown::Pattern, "P", "flash-again", "P: the tile, computed again"))
        .child(one(Shown::Slopes, "dS", "flash-slopes", "dS: the gradient of its scores"));
    let pair =
        |which, symbol, [now, all]: [&'static str; 2], [so_far, whole]: [&'static str; 2]| {
            row("fast-row flash-gradients")
                .child(one(Shown::SoFar(which), symbol, now, so_far))
                .child(one(Shown::Matrices(which), symbol, all, whole))
        };
    el!(div class="flash-back")
        .child(tile)
        .child(pair(
            Which::Queries,
            "dQ",
            ["flash-dq", "flash-all-dq"],
            ["dQ so far", "dQ by matrices"],
        ))
        .child(pair(
            Which::Keys,
            "dK",
            ["flash-dk", "flash-all-dk"],
            ["dK so far", "dK by matrices"],
        ))
        .child(pair(
            Which::Values,
            "dV",
            ["flash-dv", "flash-all-dv"],
            ["dV so far", "dV by matrices"],
        ))
        .child(el!(p class="hint" data-testid="flash-back-moved").text(move || moved(machine)))
}

/// What happens at this step.
pub fn tile_line(machine: Machine) -> Option<String> {
    let n = machine.n_tokens()?;
    let rules = machine.rules();
    let tiles = back_tiles(rules, n);
    let at = machine.step.get();
    let [block, key_block] = *tiles.get(at)?;
    let [rows, keys] = machine.spans([block, key_block], n);
    let is_first = at == 0 || tiles[at - 1][1] != key_block;
    let comes = match is_first {
        true => "A block of keys and values is loaded; the first queries that see it pass.",
        false => "The keys stay; the next queries pass.",
    };
    Some(format!("Keys {keys}, queries {rows}. {comes}"))
}

/// What the whole way moves.
fn moved(machine: Machine) -> Option<String> {
    let walked = machine.now()?;
    let Some(tiles) = walked.tiles.as_ref() else {
        return Some("No workgroup has room for such blocks on the way back.".to_owned());
    };
    let [loaded, stored] = tiles.n_bytes.map(format::bytes);
    Some(format!(
        "All of the way back loads {loaded} and stores {stored}, by its kernels’ own count; dQ is fetched and stored again at every tile."
    ))
}
