//! Room 10: what a walk over tiles holds at each step, and what was measured as charts.

use vitrine_models::claims::fit::exponent;
use vitrine_models::claims::flash::timing::{Clock, Time, Timed};
use vitrine_models::claims::flash::traffic::Moved;
use vitrine_models::claims::flash::zoo::{Seen, Way};
use vitrine_models::claims::flash::{Rules, Walk};

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, Line};

/// Which matrix of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The scores of the tile that is there.
    Scores,
    /// The largest score that each row has seen, a column.
    Highest,
    /// The sum of exponentials of each row, a column.
    Sums,
    /// O over the sums.
    Output,
    /// The pattern that the matrices keep.
    Pattern,
    /// The result by matrices.
    Matrices,
}

/// A matrix of step `at` of a walk over these tokens; none if there is no such step.
pub fn of_step(
    walk: &Walk,
    rules: Rules,
    tokens: &[String],
    at: usize,
    shown: Shown,
) -> Option<MatrixView> {
    let n = tokens.len();
    let tiles = rules.tiles([n, n]);
    let &[block, pass] = tiles.get(at)?;
    let d = walk.matrices.len().checked_div(n)?;
    let [rows, keys] = [rules.block_rows, rules.block_keys].map(|size| size as usize);
    // How many blocks of keys have passed a row.
    let passed = |row: usize| match (row / rows).cmp(&block) {
        std::cmp::Ordering::Less => tiles.iter().filter(|[block, _]| *block == row / rows).count(),
        std::cmp::Ordering::Equal => pass + 1,
        std::cmp::Ordering::Greater => 0,
    };
    let stage = |row: usize| walk.stages.get(passed(row).checked_sub(1)?);
    let stats = |which: usize| -> Vec<f32> {
        (0..n).map(|row| stage(row).map_or(0.0, |stage| stage.stats[2 * row + which])).collect()
    };
    let is_unseen = |row: usize| stage(row).is_none_or(|stage| stage.stats[2 * row + 1] == 0.0);
    let last_stats = |which: usize| -> Vec<f32> {
        let last = walk.stages.last().map_or(&[][..], |stage| &stage.stats);
        last.iter().copied().skip(which).step_by(2).collect()
    };
    let numbers = |n: usize| (1..=n).map(|at| at.to_string()).collect::<Vec<_>>();
    let view = MatrixView { n_rows: n, row_labels: tokens.to_vec(), ..MatrixView::default() };
    Some(match shown {
        Shown::Scores => {
            let is_later = |row: usize, key: usize| rules.causal && key > row;
            let tile = |row: usize, key: usize| [row / rows, key / keys];
            let is_there = |row, key| tile(row, key) == [block, pass] && !is_later(row, key);
            let is_gone = |row, key| !is_later(row, key) && tiles[..at].contains(&tile(row, key));
            let cells = |of: &dyn Fn(usize, usize) -> bool| {
                (0..n * n).map(|cell| of(cell / n, cell % n)).collect::<Vec<_>>()
            };
            MatrixView {
                n_cols: n,
                values: walk.scores.clone(),
                masked: cells(&|row, key| !is_there(row, key)),
                far: cells(&is_gone),
                reasons: vec![(true, "thrown away".into()), (false, "not there".into())],
                col_labels: tokens.to_vec(),
                scale: Scale::diverging(&walk.scores),
                quantity: "score".into(),
                ..view
            }
        }
        Shown::Highest | Shown::Sums => {
            let which = usize::from(shown == Shown::Sums);
            let scale = match shown {
                Shown::Highest => Scale::diverging(&last_stats(0)),
                _ => Scale::sequential(&last_stats(1)),
            };
            let (name, quantity) = match shown {
                Shown::Highest => ("m", "largest score so far"),
                _ => ("ℓ", "sum of exponentials so far"),
            };
            MatrixView {
                n_cols: 1,
                values: stats(which),
                masked: (0..n).map(is_unseen).collect(),
                reasons: vec![(false, "nothing seen".into())],
                col_labels: vec![name.into()],
                scale,
                quantity: quantity.into(),
                ..view
            }
        }
        Shown::Output => MatrixView {
            n_cols: d,
            values: (0..n * d)
                .map(|cell| stage(cell / d).map_or(0.0, |stage| stage.z[cell]))
                .collect(),
            masked: (0..n * d).map(|cell| is_unseen(cell / d)).collect(),
            reasons: vec![(false, "nothing seen".into())],
            col_labels: numbers(d),
            scale: Scale::diverging(&walk.matrices),
            quantity: "output so far".into(),
            ..view
        },
        Shown::Pattern => MatrixView {
            n_cols: n,
            values: walk.pattern.clone(),
            masked: (0..n * n).map(|cell| rules.causal && cell % n > cell / n).collect(),
            reasons: if rules.causal { vec![(false, "later".into())] } else { Vec::new() },
            col_labels: tokens.to_vec(),
            scale: Scale::UNIT,
            quantity: "attention weight".into(),
            ..view
        },
        Shown::Matrices => MatrixView {
            n_cols: d,
            values: walk.matrices.clone(),
            col_labels: numbers(d),
            scale: Scale::diverging(&walk.matrices),
            quantity: "output".into(),
            ..view
        },
    })
}

/// What each row takes of each value by another way to attend; cells that it leaves out are masked.
pub fn way_map(seen: &Seen, causal: bool, tokens: &[String]) -> Option<MatrixView> {
    let n = tokens.len();
    if n == 0 || seen.pattern.len() != n * n {
        return None;
    }
    let masked = match &seen.cells {
        Some(cells) => cells.iter().map(|is_seen| !is_seen).collect(),
        None => (0..n * n).map(|cell| causal && cell % n > cell / n).collect(),
    };
    Some(MatrixView {
        n_rows: n,
        n_cols: n,
        values: seen.pattern.clone(),
        masked,
        reasons: vec![(false, "left out".into())],
        row_labels: tokens.to_vec(),
        col_labels: tokens.to_vec(),
        scale: Scale::UNIT,
        quantity: "share of a value".into(),
        ..MatrixView::default()
    })
}

/// What a way is called.
pub fn way_name(way: Way) -> &'static str {
    match way {
        Way::Full => "all pairs",
        Way::Window(_) => "sliding window",
        Way::Dilated(..) => "dilated window",
        Way::Global(..) => "window and global tokens",
        Way::Blocks(..) => "blocks",
        Way::Random(_) => "random keys",
        Way::Lsh(..) => "hashed (LSH)",
        Way::LowRank(_) => "low rank",
        Way::Linear => "linear",
    }
}

/// A share as a percentage.
pub fn percent(part: u64, of: u64) -> String {
    format!("{} %", format::three((100.0 * part as f64 / of.max(1) as f64) as f32))
}

/// A time.
pub fn took(time: Time) -> String {
    match time.ms < 0.995 {
        true => format!("{} µs", format::fixed(time.ms * 1e3, 0)),
        false => format::duration(time.ms),
    }
}

/// By which clock a time is, for people.
pub fn clock_name(time: Time) -> &'static str {
    match time.clock {
        Clock::Stamps => "time of the kernels alone",
        Clock::Wall => "time, there and back",
    }
}

/// A measured time.
pub type Taken = (Timed, u32, Time);

/// What is timed.
pub fn timed_name(timed: Timed) -> &'static str {
    match timed {
        Timed::Matrices => "three kernels, matrices between",
        Timed::Rows => "one kernel, row by row",
        Timed::Blocks => "one kernel, by blocks",
        Timed::Kept => "pattern kept",
        Timed::Again => "pattern computed again",
    }
}

/// The time of a kernel on so many rows.
pub fn taken(times: &[Taken], timed: Timed, n: u32) -> Option<Time> {
    times.iter().find(|(known, rows, _)| (*known, *rows) == (timed, n)).map(|(.., time)| *time)
}

/// The exponent of N that fits the times.
pub fn exponent_of(times: &[Taken], timed: Timed) -> Option<f32> {
    let own = times.iter().filter(|(known, ..)| *known == timed);
    let points: Vec<_> = own.map(|(_, n, time)| (f64::from(*n), time.ms)).collect();
    (points.len() > 3).then(|| exponent(&points) as f32)
}

/// Times over numbers of rows, both on axes of factors.
pub fn time_chart(title: &str, times: &[Taken], shown: &[Timed]) -> Option<ChartSpec> {
    let line = |(color, &timed): (u8, &Timed)| Line {
        name: format!("• {}", timed_name(timed)),
        color,
        points: times
            .iter()
            .filter(|(known, ..)| *known == timed)
            .map(|(_, n, time)| (*n as f32, time.ms as f32))
            .collect(),
    };
    (!times.is_empty()).then(|| ChartSpec {
        title: title.into(),
        x_name: "N".into(),
        y_name: "milliseconds".into(),
        lines: (0..).zip(shown).map(line).collect(),
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// Blocks of one size.
pub type Block = (u32, Moved, Time);

/// Megabytes moved and milliseconds taken by the size of a block, on axes of factors.
pub fn block_chart(blocks: &[Block]) -> Option<ChartSpec> {
    let line = |name: &str, color: u8, of: &dyn Fn(&Block) -> f64| Line {
        name: name.into(),
        color,
        points: blocks.iter().map(|one| (one.0 as f32, of(one) as f32)).collect(),
    };
    (!blocks.is_empty()).then(|| ChartSpec {
        title: "Traffic and time by the size of a block, N = 1024, 64 columns".into(),
        x_name: "rows of a block".into(),
        y_name: "MB, and ms".into(),
        lines: vec![
            line("• MB moved", 0, &|(_, moved, _)| moved.blocks as f64 / 1e6),
            line("• ms", 1, &|(.., time)| time.ms),
        ],
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// Traffic and time of some of the tiles, as shares of those of all; the first entry is all.
pub fn sparse_chart(sparse: &[Block]) -> Option<ChartSpec> {
    let (_, all_moved, all_time) = sparse.first()?;
    let line = |name: &str, color: u8, of: &dyn Fn(&Block) -> f64| Line {
        name: name.into(),
        color,
        points: sparse.iter().map(|one| (1.0 / one.0 as f32, of(one) as f32)).collect(),
    };
    Some(ChartSpec {
        title: "Traffic and time by the share of tiles that are computed, N = 1024".into(),
        x_name: "share of tiles".into(),
        y_name: "share of what all tiles need".into(),
        lines: vec![
            line("• traffic", 0, &|(_, moved, _)| moved.blocks as f64 / all_moved.blocks as f64),
            line("• time", 1, &|(.., time)| time.ms / all_time.ms),
        ],
        ..ChartSpec::default()
    })
}

#[cfg(test)]
mod tests {
    use vitrine_models::claims::flash::Stage;

    use super::*;

    const RULES: Rules = Rules { block_rows: 2, block_keys: 1, causal: true };

    /// Three tokens, one column; stages that say which they are.
    fn walk() -> Walk {
        let stage = |at: f32| Stage { z: vec![at; 3], stats: [at, 1.0].repeat(3) };
        Walk {
            n_blocks: [2, 3],
            scores: (0..9).map(|x| x as f32).collect(),
            pattern: vec![0.5; 9],
            matrices: vec![3.0; 3],
            stages: vec![stage(1.0), stage(2.0), stage(3.0)],
            error: 0.0,
            pattern_error: 0.0,
        }
    }

    fn names() -> Vec<String> {
        ["a", "b", "c"].map(str::to_owned).to_vec()
    }

    #[test]
    fn a_tile_is_there_and_those_before_are_gone() {
        // Rows 0 and 1 see blocks of keys 0, 1; row 2 sees 0, 1, 2.
        assert_eq!(RULES.tiles([3, 3]), [[0, 0], [0, 1], [1, 0], [1, 1], [1, 2]]);
        let at = |at| of_step(&walk(), RULES, &names(), at, Shown::Scores).unwrap();
        let there = |view: &MatrixView| -> Vec<usize> {
            (0..9).filter(|cell| !view.masked[*cell]).collect()
        };
        assert_eq!(there(&at(0)), [0, 3]);
        // The first row does not see the second key.
        assert_eq!(there(&at(1)), [4]);
        assert_eq!(there(&at(2)), [6]);
        let gone: Vec<usize> = (0..9).filter(|cell| at(2).far[*cell]).collect();
        assert_eq!(gone, [0, 3, 4]);
        assert_eq!(of_step(&walk(), RULES, &names(), 5, Shown::Scores), None);
    }

    #[test]
    fn rows_hold_what_has_passed_them() {
        let at = |at, shown| of_step(&walk(), RULES, &names(), at, shown).unwrap();
        assert_eq!(at(0, Shown::Highest).values, [1.0, 1.0, 0.0]);
        assert_eq!(at(0, Shown::Highest).masked, [false, false, true]);
        // The first block of queries is done after two; the second has had one.
        assert_eq!(at(2, Shown::Output).values, [2.0, 2.0, 1.0]);
        assert_eq!(at(4, Shown::Output).values, [2.0, 2.0, 3.0]);
        assert_eq!(at(4, Shown::Sums).masked, [false; 3]);
    }

    #[test]
    fn charts_have_nothing_of_nothing() {
        assert_eq!(time_chart("", &[], &Timed::ALL), None);
        assert_eq!(block_chart(&[]), None);
        assert_eq!(sparse_chart(&[]), None);
        assert_eq!(percent(1, 4), "25.0 %");
        let time = |ms, clock| took(Time { ms, clock });
        assert_eq!(time(0.25, Clock::Stamps), "250 µs");
        assert_eq!(time(12.0, Clock::Wall), "12 ms");
    }

    #[test]
    fn a_way_s_map_masks_what_it_leaves_out() {
        let cells = Way::Window(1).cells(3, true);
        let seen =
            Seen { pattern: vec![0.3; 9], z: Vec::new(), cells, error: 0.0, n_products: [1, 2] };
        let map = way_map(&seen, true, &names()).unwrap();
        let shown: Vec<usize> = (0..9).filter(|cell| !map.masked[*cell]).collect();
        assert_eq!(shown, [0, 4, 8]);
        assert_eq!(way_map(&seen, true, &names()[..2]), None);
    }
}
