//! Room 02: attention is all you need (Vaswani et al. 2017). What it computes is in `models/src/claims/attention`.
//!
//! Tests find things by `data-testid`: `load-dates-transformer`, `attention-{written,said,beams}`, `block-N`,
//! `attention-block`, `attention-tensor-{0,1,2}`, `attention-{scores,scaled,masked,pattern,values,output}`,
//! `attention-{encoder,decoder,cross}`, `attention-head-N`, `attention-sinusoid`, `attention-{wave,products}`,
//! `beam-tree`, `measure-SLOT`, `claim-SLOT`, `chart-SLOT`, `table-SLOT` (`scale`, `cost`), `chart-{spread,entropy,
//! width}`.

mod claims;
mod figure;
mod head;
mod machine;
mod positions;
mod search;

use crate::lens::rooms::attention::{BLOCKS, Kind, OF, full_hook, hooks, is_shown};
use crate::lens::stack;
use crate::parts::dom::View;
use crate::protocol::{Attention, ModelCard};
use crate::rooms::knob::{Kind as KnobKind, Knob};
use crate::rooms::needed::{Needed, needed};
use crate::rooms::{Mount, Open, Visit};
use crate::state::url::UrlState;

/// The room.
pub static ROOM: Open = Open { number: 2, knobs: KNOBS, pair_hooks, enter, ..Open::PLAIN };

const ATTENTIONS: &[(&str, &str)] = &[
    ("encoder", "encoder: source to source"),
    ("decoder", "decoder: target to earlier target"),
    ("cross", "cross: target to source"),
];

const WIDTHS: &[(&str, &str)] = &[
    ("8", "8"),
    ("16", "16"),
    ("32", "32"),
    ("64", "64"),
    ("128", "128"),
    ("256", "256"),
    ("512", "512"),
];

const KNOBS: &[Knob] = &[
    Knob {
        name: "of",
        title: "Attention",
        help: "Which of the three attentions is taken apart. Layer and head are chosen beside the text.",
        kind: KnobKind::Words(ATTENTIONS),
        plain: "encoder",
        apart: true,
        is_used: |_| true,
    },
    Knob {
        name: "d",
        title: "d",
        help: "How many columns a row has. The paper’s base model has 512.",
        kind: KnobKind::Words(WIDTHS),
        plain: "64",
        apart: true,
        is_used: |_| true,
    },
    Knob {
        name: "column",
        title: "Column",
        help: "Which column is drawn as a wave, with the one that it makes a pair with.",
        kind: KnobKind::Number(0.0, 511.0, 1.0),
        plain: "4",
        apart: true,
        is_used: |_| true,
    },
];

/// What the parts look into.
const NEEDED: Needed = Needed {
    name: "dates-transformer",
    text: "tuesday, 24th of december 1912",
    said: "This part looks into a Transformer as the paper draws it. A small one was trained for this page: it reads a date as people write it, and writes it as year-month-day. It has two layers a stack and four heads, and is smaller than a photograph.",
    will_do,
};

/// Encoder–decoders with all three attentions.
fn will_do(card: &ModelCard) -> bool {
    OF.iter().all(|&of| stack::heads(card, of).is_some())
}

/// The attention of a word.
fn attention(word: &str) -> Attention {
    match word {
        "decoder" => Attention::Decoder,
        "cross" => Attention::Cross,
        _ => Attention::Encoder,
    }
}

/// What is on screen: the tensors of the block where the machine stands, the three patterns, and all stages of the
/// chosen attention.
fn pair_hooks(url: &UrlState, model: &ModelCard) -> Vec<String> {
    let within = |of| {
        let n_layers = stack::heads(model, of).map_or(0, |(n_layers, _)| n_layers);
        usize::from(url.layer).min(n_layers.saturating_sub(1))
    };
    let at = (url.room.step as usize).min(BLOCKS.len() - 1);
    let of_block = BLOCKS[at].planes.iter().map(|plane| plane.kind);
    let maps = OF.map(Kind::Pattern);
    let kinds = of_block.filter(|kind| is_shown(model, *kind)).chain(maps);
    let mut all: Vec<String> = kinds.map(|kind| full_hook(kind, within(kind.of()))).collect();
    let of = attention(url.room.get("of").unwrap_or_default());
    all.extend(hooks(of, within(of)));
    all
}

fn enter(visit: Visit) -> Mount {
    let machine = machine::Machine::new(visit);
    let claims = claims::Claims::new();
    let looks = move |view: fn(machine::Machine) -> View| -> View {
        needed(visit, NEEDED, move || view(machine)).into()
    };
    Box::new(move |name| match name {
        "figure" => Some(looks(figure::view)),
        "stages" => Some(looks(head::stages)),
        "three" => Some(looks(head::three)),
        "search" => Some(looks(search::view)),
        "positions" => Some(positions::view(visit).into()),
        "invariants" => Some(machine.invariants().into()),
        "scale" => Some(claims.scale().into()),
        "cost" => Some(claims.cost().into()),
        "question" => Some(claims.question().into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rooms::visit::check_settings;
    use crate::state::url::RoomState;

    const WORDS: &str = include_str!("../../../../assets/rooms/02.xhtml");

    #[test]
    fn every_setting_of_the_words_can_be() {
        check_settings(WORDS, &ROOM, 3);
    }

    #[test]
    fn every_word_of_the_knob_is_an_attention() {
        assert_eq!(ATTENTIONS.iter().map(|(word, _)| attention(word)).collect::<Vec<_>>(), OF);
    }

    #[test]
    fn hooks_are_those_of_the_block_and_of_three_patterns() {
        let model = stack::tests::model();
        assert!(will_do(&model));
        let mut url = UrlState { layer: 7, room: RoomState::of(2), ..UrlState::default() };
        let wanted = pair_hooks(&url, &model);
        for hook in [
            "encoder.hook_embed",
            "encoder.0.attn.hook_pattern",
            "decoder.0.cross_attn.hook_pattern",
        ] {
            assert!(wanted.contains(&hook.to_owned()), "{wanted:?}");
        }
        assert!(wanted.contains(&"encoder.0.attn.hook_z".to_owned()));
        url.room.step = 400;
        url.room.turn("of", "cross");
        let last = pair_hooks(&url, &model);
        assert!(last.contains(&"logits".to_owned()), "{last:?}");
        assert!(last.contains(&"decoder.0.cross_attn.hook_z".to_owned()));
        assert!(!last.contains(&"encoder.hook_embed".to_owned()));
        let wide = ModelCard { d_vocab: 60_000, ..(*model).clone() };
        assert!(!pair_hooks(&url, &wide).contains(&"logits".to_owned()));
        assert!(!will_do(&ModelCard::default()));
    }
}
