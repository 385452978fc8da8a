//! The machine of 1991: a slow net is trained to write the weights of a fast one.

use vitrine_models::claims::fast_weights::slow_net::{SlowLook, SlowNet};

use crate::format;
use crate::lens::rooms::slow_net::{Shown, chart, of_look};
use crate::parts::dom::{El, el};
use crate::parts::slider::{Range, slider};
use crate::protocol::room::{FastAsk, FastPart, RoomAsk, RoomPart};
use crate::rooms::Visit;
use crate::rooms::claim::{Measurement, Row, claim};
use crate::rooms::plate::{Plate, plate};
use crate::state::cell::{Var, derive};

/// The block: training, a slider over its looks, both nets.
pub fn slow_net(visit: Visit) -> El {
    let of = Measurement::new("slow");
    let looks: Var<Vec<SlowLook>> = Var::default();
    // The look that is shown; the last if none.
    let chosen: Var<Option<usize>> = Var::default();
    let at = derive(move || {
        let last = looks.read().len().saturating_sub(1);
        chosen.get().unwrap_or(last).min(last)
    });
    let spec = derive(move || chart(&looks.read(), at.get()));
    let rows = derive(move || -> Vec<Row> {
        let looks = looks.read();
        let right = |look: Option<&SlowLook>| {
            look.map(|look| format!("{} %", format::three(100.0 * look.right)))
        };
        let trained = looks.last().filter(|look| look.step > 0);
        vec![
            ("answers right, untrained".to_owned(), "none stated".to_owned(), right(looks.first())),
            ("answers right, trained".to_owned(), "learns".to_owned(), right(trained)),
        ]
    });
    let start = move || {
        looks.set(Vec::new());
        chosen.set(None);
        let ask = SlowNet { d_from: visit.number("from-width") as u32, ..SlowNet::default() };
        of.start(RoomAsk::FastWeights(FastAsk::SlowNet(ask)), move |part| {
            if let RoomPart::FastWeights(FastPart::SlowLook(look)) = part {
                looks.update(|looks| looks.push(*look));
            }
        });
    };
    let block = claim(of, start, spec, ["of new sequences", "Schmidhuber 1991"], rows);
    let range = Range {
        name: "Look back",
        testid: "slow-scrub",
        range: ["0", "1", "0.01"],
        value: derive(move || {
            at.get() as f64 / (looks.read().len().saturating_sub(1)).max(1) as f64
        }),
        shown: derive(move || match looks.read().get(at.get()) {
            Some(look) => format!("step {}", look.step),
            None => "not trained yet".to_owned(),
        }),
    };
    let go = move |share: f64| {
        let last = looks.read_untracked().len().saturating_sub(1);
        let place = (share.clamp(0.0, 1.0) * last as f64).round() as usize;
        chosen.set((place < last).then_some(place));
    };
    let one = |shown: Shown, symbol, testid, title: &'static str| {
        let view = derive(move || of_look(&looks.read(), at.get(), shown));
        let title = derive(move || title.to_owned());
        plate(Plate { symbol, title, view, testid, max_cell: 18.0, cursor: None })
    };
    let row =
        |plates: [El; 2]| el!(div class="fast-row slow-row").child(plates.map(Into::into).to_vec());
    el!(div class="slow-net")
        .child(block)
        .child(slider(range, go, go))
        .child(row([
            one(Shown::SlowFrom, "slow", "slow-from-weights", "slow weights that make FROM"),
            one(Shown::SlowTo, "slow", "slow-to-weights", "slow weights that make TO"),
        ]))
        .child(row([
            one(Shown::From, "from", "slow-from", "FROM of each token"),
            one(Shown::To, "to", "slow-to", "TO of each token"),
        ]))
        .child(row([
            one(Shown::Fast, "W", "slow-fast", "fast weights after all tokens"),
            one(Shown::Answers, "answer", "slow-answers", "what the fast net answers"),
        ]))
}
