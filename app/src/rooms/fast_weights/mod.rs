//! Room 04: fast weights (Schmidhuber 1991; Katharopoulos et al. 2020; Choromanski et al. 2020; Schlag et al.
//! 2021). What it computes is in `models/src/claims/fast_weights`.
//!
//! Tests find things by `data-testid`: `fast-source`, `fast-machine`, `fast-token-N`, `fast-{before,added,after,key,written,query,
//! read,implied,softmax}`, `change-head`, `changed-head`, `next-head`, `measure-slow`, `slow-scrub`, `slow-{from-weights,to-weights,from,to,fast,answers}`, `measure-SLOT`, `claim-SLOT`, `chart-SLOT`, `table-SLOT` (`capacity`, `update`, `favor`,
//! `time`).

mod claims;
mod machine;
mod slow_net;
pub mod source;

use crate::rooms::changed::changed;
use crate::rooms::knob::{Kind, Knob};
use crate::rooms::{Mount, Open, Visit};
use vitrine_models::claims::fast_weights::{Map, Rules};

/// The room.
pub static ROOM: Open = Open {
    number: 4,
    knobs: KNOBS,
    hooks: &["attn.hook_q", "attn.hook_k", "attn.hook_v", "attn.hook_rot_q", "attn.hook_rot_k"],
    enter,
    ..Open::PLAIN
};

const MAPS: &[(&str, &str)] = &[
    ("elu", "elu(x) + 1"),
    ("relu", "ReLU"),
    ("dpfp1", "DPFP-1"),
    ("dpfp2", "DPFP-2"),
    ("dpfp3", "DPFP-3"),
    ("favor", "FAVOR+"),
    ("none", "none"),
];

const KNOBS: &[Knob] = &[
    Knob {
        name: "from",
        title: "Vectors",
        help: "Where queries, keys and values come from: the chosen head of the loaded model on your text, or random numbers. Where a key comes again, the key of every third token is the same.",
        kind: Kind::Words(&[
            ("model", "the model’s head"),
            ("random", "random"),
            ("again", "random, keys come again"),
        ]),
        plain: "model",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "map",
        title: "Feature map",
        help: "What is done to keys and queries before they meet. It decides how many pairs the weights can hold.",
        kind: Kind::Words(MAPS),
        plain: "elu",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "m",
        title: "Directions",
        help: "How many random directions FAVOR+ has, and so how many features. More come closer to softmax.",
        kind: Kind::Words(&[("16", "16"), ("64", "64"), ("256", "256")]),
        plain: "64",
        apart: false,
        is_used: |get| get("map") == "favor",
    },
    Knob {
        name: "rule",
        title: "Rule",
        help: "Sum: each pair is added to the weights. Delta: first what the key reads now is taken away, so that a new value replaces the old one.",
        kind: Kind::Words(&[("sum", "sum"), ("delta", "delta")]),
        plain: "sum",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "beta",
        title: "β",
        help: "How much of the old value the delta rule replaces: 1 is all of it, 0 writes nothing.",
        kind: Kind::Number(0.0, 1.0, 0.1),
        plain: "1",
        apart: false,
        is_used: |get| get("rule") == "delta",
    },
    Knob {
        name: "sums",
        title: "Normaliser",
        help: "Divides what is read by the sum of its weights, as softmax does. The delta rule has features that sum to one instead; features that can be below zero have no such sum.",
        kind: Kind::Words(&[("on", "on"), ("off", "off")]),
        plain: "on",
        apart: false,
        is_used: |get| get("rule") == "sum" && get("map") != "none",
    },
    Knob {
        name: "keep",
        title: "Kept",
        help: "How much of the weights is left when the next token comes: 1 forgets nothing.",
        kind: Kind::Number(0.1, 1.0, 0.1),
        plain: "1",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "chunk",
        title: "Chunk",
        help: "How many tokens the third form takes at once. It changes the order of the work, not the result.",
        kind: Kind::Words(&[("1", "1"), ("2", "2"), ("4", "4"), ("8", "8"), ("16", "16")]),
        plain: "4",
        apart: false,
        is_used: |_| true,
    },
    Knob {
        name: "from-width",
        title: "Columns of FROM",
        help: "How many inputs the fast net has. With fewer columns than keys, some keys must share directions.",
        kind: Kind::Words(&[("2", "2"), ("4", "4"), ("8", "8"), ("16", "16")]),
        plain: "8",
        apart: true,
        is_used: |_| true,
    },
    Knob {
        name: "keys",
        title: "Keys to store",
        help: "Keys placed so that their features stand at right angles for as long as there is room, or keys drawn at random.",
        kind: Kind::Words(&[("placed", "placed"), ("random", "random")]),
        plain: "placed",
        apart: true,
        is_used: |_| true,
    },
];

fn enter(visit: Visit) -> Mount {
    let machine = machine::Machine::new(visit);
    let claims = claims::Claims::new(visit);
    Box::new(move |name| match name {
        "source" => Some(source::source(visit, machine).into()),
        "machine" => Some(machine.view().into()),
        "slow" => Some(slow_net::slow_net(visit).into()),
        "replaced" => {
            let names = ["Put the linear head in its place", "changed-head"];
            Some(changed(visit, "head", names, machine.as_change()).into())
        }
        "invariants" => Some(machine.invariants().into()),
        "capacity" => Some(claims.capacity().into()),
        "update" => Some(claims.update().into()),
        "favor" => Some(claims.favor().into()),
        "time" => Some(claims.time().into()),
        "question" => Some(claims.question().into()),
        _ => None,
    })
}

/// The map of a word.
fn map(word: &str) -> Map {
    match word {
        "relu" => Map::Relu,
        "dpfp1" => Map::Dpfp(1),
        "dpfp2" => Map::Dpfp(2),
        "dpfp3" => Map::Dpfp(3),
        "favor" => Map::Favor,
        "none" => Map::Identity,
        _ => Map::Elu,
    }
}

/// What the knobs say of the weights.
fn rules(visit: Visit) -> Rules {
    Rules {
        map: map(&visit.get("map")),
        n_directions: visit.number("m") as u32,
        normalised: visit.get("sums") == "on",
        delta: visit.get("rule") == "delta",
        beta: visit.number("beta"),
        keep: visit.number("keep"),
        chunk: visit.number("chunk") as u32,
        seed: 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::visit::check_settings;

    const WORDS: &str = include_str!("../../../../assets/rooms/04.xhtml");

    #[test]
    fn every_setting_of_the_words_can_be() {
        check_settings(WORDS, &ROOM, 3);
    }

    #[test]
    fn every_word_of_the_knobs_is_a_map() {
        let maps: Vec<Map> = MAPS.iter().map(|(word, _)| map(word)).collect();
        for (at, one) in maps.iter().enumerate() {
            assert!(!maps[..at].contains(one), "{one:?} twice");
        }
    }
}
