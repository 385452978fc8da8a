//! One head: its stages over the same tokens; the three attentions side by side; all heads of a layer.

use std::rc::Rc;

use super::machine::Machine;
use crate::format;
use crate::lens::attention::MatrixView;
use crate::lens::rooms::attention::{OF, all_heads, pattern, stage, values};
use crate::parts::dom::{Child, El, View, el, list, part};
use crate::parts::legend::legend;
use crate::parts::matrix::{Acts, Matrix, matrix};
use crate::parts::symbol::with_indices;
use crate::protocol::Attention;
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Derived, derive};
use crate::state::url::Stage;

/// Test names of the heads; as many are shown, which is what the paper's larger model has.
const HEADS: [&str; 16] = [
    "attention-head-0",
    "attention-head-1",
    "attention-head-2",
    "attention-head-3",
    "attention-head-4",
    "attention-head-5",
    "attention-head-6",
    "attention-head-7",
    "attention-head-8",
    "attention-head-9",
    "attention-head-10",
    "attention-head-11",
    "attention-head-12",
    "attention-head-13",
    "attention-head-14",
    "attention-head-15",
];

/// The stages that are pairs of tokens: symbol, test name, title.
const STAGES: [(Stage, [&str; 3]); 4] = [
    (Stage::Scores, ["QK", "attention-scores", "Q Kᵀ: each query times each key"]),
    (Stage::Scaled, ["scaled", "attention-scaled", "÷ √d_k: brought to one size"]),
    (Stage::Masked, ["mask", "attention-masked", "mask: what may not be seen is left out"]),
    (Stage::Pattern, ["A", "attention-pattern", "softmax: A, shares of 1 in each row"]),
];

/// The stages of the chosen head.
pub fn stages(machine: Machine) -> View {
    let pairs = STAGES.map(|(which, [symbol, testid, title])| {
        let view = derive(move || {
            let seen = machine.seen(machine.of())?;
            let [layer, head] = machine.chosen(&seen);
            stage(&seen, layer, head, which)
        });
        let cursor = machine.cursor(|at| at, |(row, col)| (Some(row), Some(col)));
        plate_of([symbol, testid, title], view, cursor).into()
    });
    let side = |[symbol, testid, title]: [&'static str; 3], is_output: bool| -> View {
        let view = derive(move || {
            let seen = machine.seen(machine.of())?;
            let [layer, head] = machine.chosen(&seen);
            values(&seen, layer, head, is_output)
        });
        let cursor = match is_output {
            true => machine.cursor(|(row, _)| (row, None), |(row, _)| (Some(row), None)),
            false => machine.cursor(|(_, key)| (key, None), |(key, _)| (None, Some(key))),
        };
        plate_of([symbol, testid, title], view, cursor).into()
    };
    let mut all: Vec<View> = pairs.to_vec();
    all.push(side(["V", "attention-values", "V: what each token hands over"], false));
    all.push(side(["Z", "attention-output", "A V: the values in these shares"], true));
    let words = part(move || with_indices(&said(machine).unwrap_or_default()));
    vec![
        el!(p class="hint" data-testid="attention-said").child(words).into(),
        el!(div class="attention-stages").child(all).into(),
    ]
    .into_node()
}

fn plate_of(
    [symbol, testid, title]: [&'static str; 3],
    view: Derived<Option<MatrixView>>,
    cursor: Option<(Derived<crate::parts::matrix::Cursor>, Rc<Acts>)>,
) -> El {
    let title = derive(move || title.to_owned());
    plate(Plate { symbol, title, view, testid, max_cell: 24.0, cursor })
}

/// Which head this is.
fn said(machine: Machine) -> Option<String> {
    let seen = machine.seen(machine.of())?;
    let [layer, head] = machine.chosen(&seen);
    let d = seen.card.d_head;
    Some(format!(
        "{}, layer {layer}, head {head}. d_k is {d}, so products are divided by {}.",
        name(machine.of()),
        format::three(1.0 / seen.card.attn_scale)
    ))
}

fn name(of: Attention) -> &'static str {
    match of {
        Attention::Own | Attention::Encoder => "Encoder",
        Attention::Decoder => "Decoder",
        Attention::Cross => "Cross-attention",
    }
}

/// The three attentions in the chosen head, and all heads of the chosen attention.
pub fn three(machine: Machine) -> View {
    let one = |of: Attention| {
        let view = derive(move || {
            let seen = machine.seen(of)?;
            let [layer, head] = machine.chosen(&seen);
            pattern(&seen, layer, head)
        });
        let names = match of {
            Attention::Own | Attention::Encoder => {
                ["encoder", "attention-encoder", "Encoder: each source token, from all of them"]
            }
            Attention::Decoder => {
                ["decoder", "attention-decoder", "Decoder: each target token, from earlier ones"]
            }
            Attention::Cross => {
                ["cross", "attention-cross", "Cross: each target token, from the source"]
            }
        };
        plate_of(names, view, None).into()
    };
    let shown = derive(move || {
        let seen = machine.seen(machine.of())?;
        let layer = machine.chosen(&seen)[0];
        Some(all_heads(&seen, layer))
    });
    let n_heads = move || (*shown.read()).as_ref().map_or(0, |heads| heads.len().min(HEADS.len()));
    let heads = list(n_heads, move |head| head_view(machine, shown, head));
    let first = derive(move || shown.get()?.first().cloned());
    let title = move || {
        let seen = machine.seen(machine.of())?;
        let layer = machine.chosen(&seen)[0];
        Some(format!("{}, layer {layer}: all its heads. Choose one.", name(machine.of())))
    };
    vec![
        el!(div class="attention-three").child(OF.map(one).to_vec()).into(),
        el!(p class="hint").text(title).into(),
        el!(div class="attention-heads").child(heads).into(),
        el!(div class="attention-legend").child(legend(first)).into(),
    ]
    .into_node()
}

fn head_view(machine: Machine, shown: Derived<Option<Vec<MatrixView>>>, head: usize) -> View {
    let store = machine.visit.store;
    let view = derive(move || shown.get()?.get(head).cloned());
    let pin = move || store.pin_head(store.url.read_untracked().layer, head as u16);
    let is_chosen = derive(move || {
        machine.seen(machine.of()).is_some_and(|seen| machine.chosen(&seen)[1] == head)
    });
    let acts = Rc::new(Acts {
        hover: Box::new(|_| {}),
        pin: Box::new(move |_| pin()),
        move_to: Box::new(|_| {}),
    });
    let name = derive(move || format!("The pattern of head {head}"));
    let spec = Matrix {
        view,
        cursor: derive(|| (None, None)),
        name,
        testid: HEADS[head.min(HEADS.len() - 1)],
        square: false,
        max_cell: 12.0,
    };
    let button = el!(button type="button" class="quiet-text")
        .set("data-testid", &format!("attention-pin-{head}"))
        .state("aria-pressed", move || is_chosen.get())
        .when("click", pin)
        .child(format!("head {head}"));
    el!(div class="attention-one")
        .class("chosen", move || is_chosen.get())
        .child(button)
        .child(matrix(spec, &acts))
        .into()
}
