//! Room 10: FlashAttention (Dao et al. 2022), and other ways to attend (Tay et al. 2020). What it computes is in
//! `models/src/claims/flash`.
//!
//! Tests find things by `data-testid`: `flash-source`, `flash-{scores,highest,sums,output,pattern,matrices,way}`,
//! `flash-{again,slopes,dq,dk,dv,all-dq,all-dk,all-dv}`, `flash-{tile,way-cost,back-moved}`, `measure-SLOT`, `claim-SLOT`, `chart-SLOT`, `table-SLOT` (`time`, `blocks`, `sparse`,
//! `again`, `ways`).

mod back;
mod claims;
mod machine;
mod ways;

use vitrine_models::claims::flash::Rules;

use crate::rooms::knob::{Kind, Knob};
use crate::rooms::{Mount, Open, Visit};

/// The room.
pub static ROOM: Open = Open {
    number: 10,
    knobs: KNOBS,
    hooks: &["attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_rot_q", "attn.hook_rot_k"],
    enter,
    ..Open::PLAIN
};

const SIZES: &[(&str, &str)] =
    &[("1", "1"), ("2", "2"), ("3", "3"), ("4", "4"), ("6", "6"), ("8", "8"), ("16", "16")];

const KNOBS: &[Knob] = &[
    Knob {
        name: "from",
        title: "Vectors",
        help: "Where queries, keys and values come from: the chosen head of the loaded model on your text, or random numbers.",
        kind: Kind::Words(&[("model", "the model’s head"), ("random", "random")]),
        plain: "model",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "rows",
        title: "Queries a block",
        help: "How many rows of Q stay in the fast memory while keys pass. More of them: the keys pass fewer times.",
        kind: Kind::Words(SIZES),
        plain: "4",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "keys",
        title: "Keys a block",
        help: "How many rows of K and V come at once. It changes the number of steps, not how much is loaded.",
        kind: Kind::Words(SIZES),
        plain: "4",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "mask",
        title: "Mask",
        help: "Causal: no token sees those after it, as in a model that writes. Tiles that nobody would see are passed over.",
        kind: Kind::Words(&[("causal", "causal"), ("none", "none")]),
        plain: "causal",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "pass",
        title: "Pass",
        help: "Forward: what attention gives. Backward: the gradients of queries, keys and values, given one of the output, here random numbers.",
        kind: Kind::Words(&[("forward", "forward"), ("backward", "backward")]),
        plain: "forward",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "way",
        title: "Way",
        help: "Another way to attend, which leaves something out.",
        kind: Kind::Words(ways::WAYS),
        plain: "window",
        apart: true,
        is_used: |_| true,
    },
];

fn enter(visit: Visit) -> Mount {
    let machine = machine::Machine::new(visit);
    let ways = ways::Ways::new(visit, machine);
    let claims = claims::Claims::new();
    Box::new(move |name| match name {
        "source" => Some(machine.source_line().into()),
        "machine" => Some(machine.view().into()),
        "invariants" => Some(machine.invariants().into()),
        "time" => Some(claims.time().into()),
        "blocks" => Some(claims.blocks().into()),
        "sparse" => Some(claims.sparse().into()),
        "again" => Some(claims.again().into()),
        "ways" => Some(ways.view().into()),
        "question" => Some(claims.question().into()),
        _ => None,
    })
}

/// What the knobs say of the blocks.
fn rules(visit: Visit) -> Rules {
    Rules {
        block_rows: visit.number("rows") as u32,
        block_keys: visit.number("keys") as u32,
        causal: visit.get("mask") == "causal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::visit::check_settings;

    const WORDS: &str = include_str!("../../../../assets/rooms/10.xhtml");

    #[test]
    fn every_setting_of_the_words_can_be() {
        check_settings(WORDS, &ROOM, 3);
    }
}
