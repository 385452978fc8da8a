//! The figure: a button a block, the lines between them, and beside it the tensors of the block that is shown.

use super::machine::Machine;
use crate::format;
use crate::lens::rooms::attention::{BLOCKS, Block, FIGURE, Kind, Plane, is_shown, plane_view};
use crate::lens::tokens::label;
use crate::parts::dom::{Child, El, View, either, el};
use crate::protocol::Attention;
use crate::rooms::fast_weights::source::text;
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::derive;

/// Around the blocks that come N times.
const FRAMES: &str = "M16 238H168Q172 238 172 242V432Q172 436 168 436H16Q12 436 12 432V242Q12 238 16 238Z\
    M192 144H344Q348 144 348 148V432Q348 436 344 436H192Q188 436 188 432V148Q188 144 192 144Z";
/// From block to block, upwards.
const LINES: &str = "M92 528V516M92 484V470M92 442V416M92 380V372M92 344V322M92 286V278\
    M92 250V222H180V304H200\
    M268 528V516M268 484V470M268 442V416M268 380V372M268 344V322M268 286V278M268 250V228M268 192V184M268 156V120\
    M268 88V72M268 40V28\
    M88 521L92 516L96 521M88 475L92 470L96 475M88 421L92 416L96 421M88 327L92 322L96 327M195 300L200 304L195 308\
    M264 521L268 516L272 521M264 475L268 470L272 475M264 421L268 416L272 421M264 327L268 322L272 327\
    M264 233L268 228L272 233M264 125L268 120L272 125M264 77L268 72L272 77M264 33L268 28L272 33";
/// Around each block: what comes in is added to what comes out.
const AROUND: &str = "M92 430H18V358H24M92 333H18V264H24\
    M268 430H342V358H336M268 333H342V264H336M268 239H342V170H336";
/// Test names of the tensors beside the figure.
const SLOTS: [&str; 3] = ["attention-tensor-0", "attention-tensor-1", "attention-tensor-2"];

/// Under a block of which a model does not have all.
const MISSING: &str = "What is missing here the loaded model does not have: its norms stand elsewhere than in the figure, or its vocabulary is too wide to be shown whole.";

/// The text and its target, the figure, and the block.
pub fn view(machine: Machine) -> View {
    let store = machine.visit.store;
    // A block, and which of its tensors the model has.
    let shown = derive(move || {
        let (at, model) = (machine.step.get(), store.model.get());
        let has = |plane: &Plane| model.as_ref().is_some_and(|model| is_shown(model, plane.kind));
        (at, BLOCKS.get(at).map_or(Vec::new(), |block| block.planes.iter().map(has).collect()))
    });
    let shown = either(shown, move |(at, has): (usize, Vec<bool>)| match BLOCKS.get(at) {
        Some(block) => block_view(machine, at, block, &has),
        None => Vec::new(),
    });
    vec![
        text(machine.visit).into(),
        written(machine).into(),
        el!(div class="attention-machine")
            .child(figure(machine))
            .child(el!(div class="attention-block" data-testid="attention-block").child(shown))
            .into(),
    ]
    .into_node()
}

/// What the model writes of the text.
fn written(machine: Machine) -> El {
    let store = machine.visit.store;
    let words = move || match &store.url.read().target {
        Some(target) => target.clone(),
        None => store.written.read().text.clone(),
    };
    el!(p class="attention-written" data-testid="attention-written")
        .child(el!(span class="hint").child("It writes "))
        .child(el!(bdi class="token-text").text(words))
}

fn figure(machine: Machine) -> El {
    let times = move |of| move || machine.seen(of).map(|seen| format!("{} ×", seen.card.n_layers));
    let word = |x: u16, y: u16, anchor: &str| {
        el!(text class="figure-word" dominant-baseline="central")
            .set("x", &x.to_string())
            .set("y", &y.to_string())
            .set("text-anchor", anchor)
    };
    let [width, height] = FIGURE;
    let drawn = el!(svg class="figure-lines" aria-hidden="true")
        .set("viewBox", &format!("0 0 {width} {height}"))
        .child(el!(path class="figure-frame").set("d", FRAMES))
        .child(el!(path class="figure-line").set("d", LINES))
        .child(el!(path class="figure-line figure-around").set("d", AROUND))
        .child(word(92, 536, "middle").child("Inputs"))
        .child(word(268, 536, "middle").child("Outputs (shifted right)"))
        .child(word(268, 16, "middle").child("Output probabilities"))
        .child(word(14, 226, "start").text(times(Attention::Encoder)))
        .child(word(346, 132, "end").text(times(Attention::Decoder)));
    let buttons: Vec<View> =
        BLOCKS.iter().enumerate().map(|(at, block)| button(machine, at, block)).collect();
    el!(div class="figure" role="group" aria-label="The figure of the paper, a button a block")
        .child(drawn)
        .child(buttons)
}

fn button(machine: Machine, at: usize, block: &'static Block) -> View {
    let step = machine.step;
    let stack = if block.of == Attention::Encoder { "encoder" } else { "decoder" };
    let share = |side: u16, of: u16| format::trimmed(100.0 * f64::from(side) / f64::from(of)) + "%";
    let ([x, y, w, h], [width, height]) = (block.place, FIGURE);
    el!(button type="button" class="figure-block")
        .set("data-testid", &format!("block-{at}"))
        .set("aria-label", &format!("{}, {stack}, block {}", block.name, at + 1))
        .styled("left", &share(x, width))
        .styled("top", &share(y, height))
        .styled("width", &share(w, width))
        .styled("height", &share(h, height))
        .class("here", move || step.get() == at)
        .class("past", move || step.get() > at)
        .attr("aria-current", move || (step.get() == at).then_some("step"))
        .when("click", move || machine.visit.set_all(&format!("step={at}")))
        .child(block.name)
        .into()
}

fn block_view(machine: Machine, at: usize, block: &'static Block, has: &[bool]) -> Vec<View> {
    let mut made: Vec<View> = vec![
        el!(h4).child(format!("{}. {}", at + 1, block.name)).into(),
        el!(p class="hint").child(block.does).into(),
    ];
    let planes = block.planes.iter().zip(has).filter(|(_, has)| **has).zip(SLOTS);
    made.extend(planes.map(|((plane, _), testid)| plane_plate(machine, plane, testid).into()));
    if has.contains(&false) {
        made.push(el!(p class="hint").child(MISSING).into());
    }
    made
}

fn plane_plate(machine: Machine, plane: &'static Plane, testid: &'static str) -> El {
    let store = machine.visit.store;
    let kind = plane.kind;
    let view = derive(move || {
        let seen = machine.seen(kind.of())?;
        let at = machine.chosen(&seen);
        let expected = store.expected.read();
        let top =
            (*expected).as_ref().map(|expected| &expected.predictions.top[..]).unwrap_or_default();
        let named = |id: usize| {
            let known = top.iter().find(|one| one.id as usize == id)?;
            Some(label(&known.text, 4))
        };
        plane_view(&store.traced.read().trace, kind, at, &seen, &named)
    });
    let title = derive(move || {
        let seen = machine.seen(kind.of());
        let of = seen.map(|seen| machine.chosen(&seen));
        match (kind, of) {
            (Kind::Pattern(_), Some([layer, head])) => {
                format!("{}: layer {layer}, head {head}", plane.title)
            }
            _ => plane.title.to_owned(),
        }
    });
    plate(Plate { symbol: plane.symbol, title, view, testid, max_cell: 16.0, cursor: None })
}
