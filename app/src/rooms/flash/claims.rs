//! What the paper claims, measured on this engine when the visitor asks.

use vitrine_models::claims::flash::Rules;
use vitrine_models::claims::flash::timing::{Time, Timed};
use vitrine_models::claims::flash::traffic::{Moved, moved};

use crate::format;
use crate::lens::rooms::flash::{
    Block, Taken, block_chart, clock_name, exponent_of, sparse_chart, taken, time_chart, took,
};
use crate::parts::dom::El;
use crate::protocol::room::{FlashAsk, FlashPart, RoomAsk, RoomPart};
use crate::rooms::claim::{Measurement, Row, claim};
use crate::rooms::question::{Question, question};
use crate::state::cell::{Var, derive};

/// N and d of what is counted.
const SHAPE: [u32; 2] = [1024, 64];
/// Rows of a block: as many as a workgroup has room for.
const SIZE: u32 = 16;
/// Numbers of rows that are timed.
const COUNTS: [u32; 4] = [128, 256, 512, 1024];
/// Sizes of blocks.
const SIZES: [u32; 5] = [1, 2, 4, 8, 16];
/// Of how many tiles one is computed.
const ONE_OF: [u32; 4] = [1, 2, 4, 8];
/// The kernels of a forward pass.
const FORWARD: [Timed; 3] = [Timed::Matrices, Timed::Rows, Timed::Blocks];
/// Forward and backward.
const BOTH: [Timed; 2] = [Timed::Kept, Timed::Again];

/// What was measured in this visit.
#[derive(Clone, Copy)]
pub struct Claims {
    of_time: Measurement,
    times: Var<Vec<Taken>>,
    of_blocks: Measurement,
    blocks: Var<Vec<Block>>,
    of_sparse: Measurement,
    sparse: Var<Vec<Block>>,
    of_again: Measurement,
    again: Var<Vec<Taken>>,
    of_question: Measurement,
    counted: Var<Option<Moved>>,
}

impl Claims {
    /// Nothing yet.
    pub fn new() -> Self {
        Self {
            of_time: Measurement::new("time"),
            times: Var::default(),
            of_blocks: Measurement::new("blocks"),
            blocks: Var::default(),
            of_sparse: Measurement::new("sparse"),
            sparse: Var::default(),
            of_again: Measurement::new("again"),
            again: Var::default(),
            of_question: Measurement::new("question"),
            counted: Var::default(),
        }
    }

    /// The same work, less traffic, less time.
    pub fn time(self) -> El {
        let spec = derive(move || {
            time_chart(
                "Time of a forward pass, one head of 64 columns",
                &self.times.read(),
                &FORWARD,
            )
        });
        let rows = derive(move || -> Vec<Row> {
            let times = self.times.read();
            let [matrices, blocks] =
                [Timed::Matrices, Timed::Blocks].map(|timed| taken(&times, timed, SHAPE[0]));
            let both = matrices.zip(blocks);
            // Counted, and shown when there is a run that did it.
            let counted = both.and_then(|_| moved(SHAPE[0], SHAPE[1], square(), None));
            let work = counted.map(|moved| {
                let giga = moved.n_products.map(|n| format::three(2e-9 * n as f32));
                format!("{} → {} GFLOP", giga[0], giga[1])
            });
            let traffic = counted.map(|moved| {
                let bytes = [moved.by_matrices(), moved.blocks].map(format::bytes);
                format!("{} → {}", bytes[0], bytes[1])
            });
            let exponents =
                [Timed::Matrices, Timed::Blocks].map(|timed| exponent_of(&times, timed));
            let exponents = exponents[0].zip(exponents[1]).map(|(matrices, blocks)| {
                format!("{} → {}", format::three(matrices), format::three(blocks))
            });
            let time =
                both.map(|(matrices, blocks)| format!("{} → {}", took(matrices), took(blocks)));
            vec![
                ("work".to_owned(), "66.6 → 75.2 GFLOP".to_owned(), work),
                ("traffic".to_owned(), "40.3 → 4.4 GB".to_owned(), traffic),
                (clock(matrices).to_owned(), "41.7 → 7.3 ms".to_owned(), time),
                ("exponent of N, in time".to_owned(), "2 → 2: Θ(N²)".to_owned(), exponents),
            ]
        });
        let columns = ["matrices → blocks", "Dao et al., A100"];
        let start = move || self.take_times(self.of_time, self.times, &FORWARD);
        claim(self.of_time, start, spec, columns, rows)
    }

    /// The pattern computed again, rather than kept.
    pub fn again(self) -> El {
        let spec = derive(move || {
            time_chart(
                "Time of a forward and a backward pass, 64 columns",
                &self.again.read(),
                &BOTH,
            )
        });
        let rows = derive(move || -> Vec<Row> {
            let times = self.again.read();
            let pair = BOTH.map(|timed| taken(&times, timed, SHAPE[0]));
            let [Some(kept), Some(again)] = pair else {
                return vec![
                    ("kept between the passes".to_owned(), "N² → N".to_owned(), None),
                    ("time".to_owned(), "less".to_owned(), None),
                ];
            };
            let n = u64::from(SHAPE[0]);
            let held = [4 * n * n, 4 * 2 * n].map(format::bytes);
            let held = format!("{} → {}", held[0], held[1]);
            let time = format!("{} → {}", took(kept), took(again));
            vec![
                ("kept between the passes".to_owned(), "N² → N".to_owned(), Some(held)),
                (clock_name(kept).to_owned(), "less".to_owned(), Some(time)),
            ]
        });
        let columns = ["pattern kept → computed again", "Dao et al., section 3.1"];
        let start = move || self.take_times(self.of_again, self.again, &BOTH);
        claim(self.of_again, start, spec, columns, rows)
    }

    fn take_times(self, of: Measurement, times: Var<Vec<Taken>>, kinds: &[Timed]) {
        times.set(Vec::new());
        let timed = kinds.iter().map(|timed| (*timed, COUNTS.to_vec())).collect();
        let ask = FlashAsk::Times { d_head: SHAPE[1], size: SIZE, timed };
        of.start(RoomAsk::Flash(ask), move |part| {
            if let RoomPart::Flash(FlashPart::Time { timed, n_rows, time }) = part {
                times.update(|times| times.push((timed, n_rows, time)));
            }
        });
    }

    /// Larger blocks move less.
    pub fn blocks(self) -> El {
        let spec = derive(move || block_chart(&self.blocks.read()));
        let rows = derive(move || {
            let blocks = self.blocks.read();
            let row = |&size: &u32| -> Row {
                let found = blocks.iter().find(|(known, ..)| *known == size);
                let here = found.map(|(_, moved, time)| {
                    format!("{}, {}", format::bytes(moved.blocks), took(*time))
                });
                let published = match size {
                    1 => "the most traffic, the longest time",
                    16 => "less; flat beyond 256",
                    _ => "less",
                };
                (format!("blocks of {size}"), published.to_owned(), here)
            };
            SIZES.iter().map(row).collect()
        });
        let columns = ["rows", "Dao et al., Fig. 2, middle"];
        let start = move || {
            self.blocks.set(Vec::new());
            let ask = FlashAsk::Blocks { shape: SHAPE, sizes: SIZES.to_vec() };
            self.of_blocks.start(RoomAsk::Flash(ask), move |part| {
                if let RoomPart::Flash(FlashPart::Block { size, moved, time }) = part {
                    self.blocks.update(|blocks| blocks.push((size, moved, time)));
                }
            });
        };
        claim(self.of_blocks, start, spec, columns, rows)
    }

    /// Some of the tiles.
    pub fn sparse(self) -> El {
        let spec = derive(move || sparse_chart(&self.sparse.read()));
        let rows = derive(move || {
            let sparse = self.sparse.read();
            let all = sparse.first().map(|(.., time)| time.ms);
            let row = |&one_of: &u32| -> Row {
                let found = sparse.iter().find(|(known, ..)| *known == one_of);
                let here = found.zip(all).map(|((_, _, time), all)| {
                    format!(
                        "{}, {} times as fast",
                        took(*time),
                        format::three((all / time.ms) as f32)
                    )
                });
                let name = match one_of {
                    1 => "all tiles".to_owned(),
                    n => format!("one tile of {n}"),
                };
                (name, format!("{one_of} times as fast"), here)
            };
            ONE_OF.iter().map(row).collect()
        });
        let columns = ["computed", "in proportion, Dao et al., Fig. 2, right"];
        let start = move || {
            self.sparse.set(Vec::new());
            let ask = FlashAsk::Sparse { shape: SHAPE, size: SIZE, one_of: ONE_OF.to_vec() };
            self.of_sparse.start(RoomAsk::Flash(ask), move |part| {
                if let RoomPart::Flash(FlashPart::Sparse { one_of, moved, time }) = part {
                    self.sparse.update(|sparse| sparse.push((one_of, moved, time)));
                }
            });
        };
        claim(self.of_sparse, start, spec, columns, rows)
    }

    /// How many times less is moved.
    pub fn question(self) -> El {
        let measured = derive(move || {
            let moved = self.counted.get()?;
            Some((moved.by_matrices() as f64 / moved.blocks as f64) as f32)
        });
        let spec = Question {
            label: "Times less",
            unit: "times less",
            of: self.of_question,
            measured,
            tolerance: 0.1,
        };
        question(spec, move || {
            let ask = FlashAsk::Blocks { shape: SHAPE, sizes: vec![SIZE] };
            self.of_question.start(RoomAsk::Flash(ask), move |part| {
                if let RoomPart::Flash(FlashPart::Block { moved, .. }) = part {
                    self.counted.set(Some(moved));
                }
            });
        })
    }
}

/// What a row of times is called, once there is one.
fn clock(time: Option<Time>) -> &'static str {
    time.map_or("time", clock_name)
}

fn square() -> Rules {
    Rules { block_rows: SIZE, block_keys: SIZE, causal: false }
}
