//! Room 04: each step of a walk as matrices, and what was measured as charts beside what was published.

use vitrine_models::claims::fast_weights::capacity::{D_KEY, breaking_point};
use vitrine_models::claims::fast_weights::favor::FavorError;
use vitrine_models::claims::fast_weights::timing::Timed;
use vitrine_models::claims::fast_weights::{Map, Walk};
use vitrine_models::claims::fit::exponent;

use crate::format;
use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, HELD_OUT, Line};

/// Which matrix of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// W before the token.
    Before,
    /// What the token adds: what is written, times φ(k).
    Added,
    /// W after it.
    After,
    /// φ(k), one row.
    Key,
    /// What is written, one row.
    Written,
    /// φ(q), one row.
    Query,
    /// What the query reads, one row.
    Read,
}

/// One matrix of a step; none if there is no such step.
pub fn of_step(walk: &Walk, step: usize, shown: Shown) -> Option<MatrixView> {
    let [n, d, f] = [walk.n_tokens, walk.d_value, walk.n_features].map(|n| n as usize);
    if step >= n {
        return None;
    }
    let after = |step: usize| &walk.weights[step * d * f..][..d * f];
    let row = |values: &[f32], width: usize| values[step * width..][..width].to_vec();
    let outer = || {
        let (written, key) = (row(&walk.written, d), row(&walk.phi_k, f));
        written.iter().flat_map(|w| key.iter().map(move |k| w * k)).collect::<Vec<_>>()
    };
    let (values, n_rows, quantity) = match shown {
        Shown::Before if step == 0 => (vec![0.0; d * f], d, "fast weight"),
        Shown::Before => (after(step - 1).to_vec(), d, "fast weight"),
        Shown::Added => (outer(), d, "change of a fast weight"),
        Shown::After => (after(step).to_vec(), d, "fast weight"),
        Shown::Key => (row(&walk.phi_k, f), 1, "feature of the key"),
        Shown::Written => (row(&walk.written, d), 1, "what is written"),
        Shown::Query => (row(&walk.phi_q, f), 1, "feature of the query"),
        Shown::Read => (row(&walk.read, d), 1, "what is read"),
    };
    let n_cols = values.len() / n_rows;
    // All three matrices, and all tokens, have one scale: the picture grows as W does.
    let scale = match shown {
        Shown::Before | Shown::Added | Shown::After => Scale::diverging(&walk.weights),
        Shown::Key => Scale::diverging(&walk.phi_k),
        Shown::Query => Scale::diverging(&walk.phi_q),
        Shown::Written => Scale::diverging(&walk.written),
        Shown::Read => Scale::diverging(&walk.read),
    };
    let numbers = |n: usize| (1..=n).map(|at| at.to_string()).collect::<Vec<_>>();
    let row_labels = if n_rows == 1 { vec![String::new()] } else { numbers(n_rows) };
    Some(MatrixView {
        n_rows,
        n_cols,
        values,
        row_labels,
        col_labels: numbers(n_cols),
        scale,
        quantity: quantity.to_owned(),
        ..MatrixView::default()
    })
}

/// How much of each value is in each read-out, up to a step: that of the fast weights, or softmax's.
pub fn map(walk: &Walk, step: usize, tokens: &[String], is_softmax: bool) -> Option<MatrixView> {
    let n = walk.n_tokens as usize;
    if step >= n || tokens.len() != n {
        return None;
    }
    let values = if is_softmax { &walk.softmax } else { &walk.implied };
    let is_later = |at: usize| at % n > at / n || at / n > step;
    let is_share = is_softmax || walk.sum_error.is_some();
    let shown: Vec<f32> = values
        .iter()
        .copied()
        .enumerate()
        .filter(|(at, _)| !is_later(*at))
        .map(|(_, v)| v)
        .collect();
    let scale = match () {
        () if is_share => Scale::UNIT,
        () if shown.iter().all(|value| *value >= 0.0) => Scale::sequential(values),
        () => Scale::diverging(values),
    };
    Some(MatrixView {
        n_rows: n,
        n_cols: n,
        values: values.clone(),
        masked: (0..n * n).map(is_later).collect(),
        reasons: vec![(false, "later".to_owned())],
        row_labels: tokens.to_vec(),
        col_labels: tokens.to_vec(),
        scale,
        quantity: if is_share { "share of a value" } else { "weight of a value" }.to_owned(),
        ..MatrixView::default()
    })
}

/// The mean absolute difference of the two maps' rows, halved: 0 where they are the same, 1 where they share
/// nothing. Only where both are shares.
pub fn distance(walk: &Walk) -> Option<f32> {
    walk.sum_error?;
    let sum: f32 = walk.implied.iter().zip(&walk.softmax).map(|(a, b)| (a - b).abs()).sum();
    Some(sum / 2.0 / walk.n_tokens as f32)
}

/// What a map is called.
pub fn name(map: Map) -> &'static str {
    match map {
        Map::Elu => "elu(x) + 1",
        Map::Relu => "ReLU",
        Map::Dpfp(1) => "DPFP-1",
        Map::Dpfp(2) => "DPFP-2",
        Map::Dpfp(_) => "DPFP-3",
        Map::Favor => "FAVOR+",
        Map::Identity => "none",
    }
}

/// Errors of a map by the number of stored pairs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// φ.
    pub map: Map,
    /// Its features.
    pub n_features: u32,
    /// Numbers of pairs.
    pub counts: Vec<u32>,
    /// Errors, one a count; empty until they came.
    pub errors: Vec<f32>,
}

impl Stored {
    /// The first count that is lost.
    pub fn breaks(&self) -> Option<u32> {
        breaking_point(&self.counts, &self.errors)
    }
}

/// The published breaking point of a map (Schlag et al. 2021, Fig. 2).
pub fn published(map: Map) -> Option<u32> {
    match map {
        Map::Elu => Some(D_KEY as u32),
        Map::Dpfp(shifts) => Some(2 * D_KEY as u32 * u32::from(shifts)),
        Map::Relu | Map::Favor | Map::Identity => None,
    }
}

/// Errors over numbers of pairs; where a published breaking point is, a broad rule of the same colour.
pub fn capacity_chart(all: &[Stored], is_placed: bool) -> Option<ChartSpec> {
    let mut lines = Vec::new();
    for (color, stored) in (0..).zip(all.iter().filter(|stored| !stored.errors.is_empty())) {
        let points = stored.counts.iter().zip(&stored.errors);
        let points = points.map(|(n, error)| (*n as f32, error.min(1.0))).collect();
        lines.push(Line { name: format!("• {}", name(stored.map)), color, points });
        if let Some(at) = published(stored.map).filter(|_| is_placed) {
            let points = vec![(at as f32, 0.0), (at as f32, 1.0)];
            lines.push(Line { name: format!("† {at}"), color: color + HELD_OUT, points });
        }
    }
    let how = if is_placed { "keys placed at right angles" } else { "random keys" };
    (!lines.is_empty()).then(|| ChartSpec {
        title: format!("What is lost of a value, by the number of stored pairs, {how}"),
        x_name: "stored pairs".into(),
        y_name: "share of a value that is lost (1 and above as 1)".into(),
        lines,
        y_range: Some((0.0, 1.0)),
        is_x_whole: true,
        ..ChartSpec::default()
    })
}

/// Errors of the two rules over numbers of writes.
pub fn update_chart(writes: &[u32], errors: &[[f32; 2]]) -> Option<ChartSpec> {
    let line = |name: &str, color: u8| Line {
        name: name.to_owned(),
        color,
        points: writes
            .iter()
            .zip(errors)
            .map(|(n, e)| (*n as f32, e[usize::from(color)]))
            .collect(),
    };
    (!errors.is_empty()).then(|| ChartSpec {
        title: "What is lost of the last value of each key, by the number of writes".into(),
        x_name: "writes to 20 keys".into(),
        y_name: "share of a value that is lost".into(),
        lines: vec![line("• sum rule", 0), line("• delta rule", 1)],
        is_x_whole: true,
        ..ChartSpec::default()
    })
}

/// Errors of random features over their number, with the lemma's curves broad behind them.
pub fn favor_chart(errors: &[FavorError]) -> Option<ChartSpec> {
    let line = |name: &str, color: u8, of: fn(&FavorError) -> f32| Line {
        name: name.to_owned(),
        color,
        points: errors.iter().map(|e| (e.m as f32, of(e))).collect(),
    };
    (!errors.is_empty()).then(|| ChartSpec {
        title: "Error of the kernel by the number of random features".into(),
        x_name: "m".into(),
        y_name: "root mean square error of exp(xᵀy)".into(),
        lines: vec![
            line("† positive, Lemma 2", HELD_OUT, |e| e.positive_exact),
            line("• positive", 0, |e| e.positive),
            line("† trigonometric, Lemma 2", 1 + HELD_OUT, |e| e.trigonometric_exact),
            line("• trigonometric", 1, |e| e.trigonometric),
        ],
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// Slopes of the measured errors on axes of factors: positive, trigonometric.
pub fn favor_slopes(errors: &[FavorError]) -> [Option<f32>; 2] {
    let of: [fn(&FavorError) -> f32; 2] = [|e| e.positive, |e| e.trigonometric];
    of.map(|of| {
        let points: Vec<_> = errors.iter().map(|e| (f64::from(e.m), f64::from(of(e)))).collect();
        (points.len() > 1).then(|| exponent(&points) as f32)
    })
}

/// A measured time.
pub type Taken = (Timed, u32, f64);

/// What a form is called.
pub fn form(timed: Timed) -> &'static str {
    match timed {
        Timed::Softmax => "softmax, all pairs",
        Timed::Pairs => "linear, all pairs",
        Timed::Recurrent => "linear, token by token",
        Timed::Chunks => "linear, chunks of 32",
    }
}

fn points(times: &[Taken], timed: Timed) -> Vec<(f64, f64)> {
    let of = times.iter().filter(|(known, ..)| *known == timed);
    of.map(|&(_, n, ms)| (f64::from(n), ms)).collect()
}

/// Times over numbers of tokens, both on axes of factors.
pub fn time_chart(times: &[Taken]) -> Option<ChartSpec> {
    let line = |(color, &timed): (u8, &Timed)| Line {
        name: format!("• {}", form(timed)),
        color,
        points: points(times, timed).iter().map(|(n, ms)| (*n as f32, *ms as f32)).collect(),
    };
    (!times.is_empty()).then(|| ChartSpec {
        title: "Time by the number of tokens, one head of 64 columns".into(),
        x_name: "N".into(),
        y_name: "milliseconds".into(),
        lines: (0..).zip(&Timed::ALL).map(line).collect(),
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// The exponent of N that fits a form's times.
pub fn fitted(times: &[Taken], timed: Timed) -> Option<f32> {
    let points = points(times, timed);
    (points.len() > 3).then(|| exponent(&points) as f32)
}

/// A number for a table.
pub fn number(value: Option<f32>) -> Option<String> {
    value.map(format::three)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens, values of two columns, one feature.
    fn walk() -> Walk {
        Walk {
            n_tokens: 2,
            d_value: 2,
            n_features: 1,
            phi_q: vec![1.0, 1.0],
            phi_k: vec![2.0, 3.0],
            written: vec![1.0, -1.0, 0.5, 0.0],
            weights: vec![2.0, -2.0, 3.5, -2.0],
            read: vec![1.0, -1.0, 0.7, -0.4],
            implied: vec![1.0, 0.0, 0.4, 0.6],
            softmax: vec![1.0, 0.0, 0.5, 0.5],
            sum_error: Some(0.0),
            ..Walk::default()
        }
    }

    #[test]
    fn before_and_what_is_added_make_after() {
        let walk = walk();
        for step in 0..2 {
            let of = |shown| of_step(&walk, step, shown).unwrap().values;
            let sum: Vec<f32> =
                of(Shown::Before).iter().zip(of(Shown::Added)).map(|(a, b)| a + b).collect();
            assert_eq!(sum, of(Shown::After), "step {step}");
        }
        assert_eq!(of_step(&walk, 2, Shown::After), None);
    }

    #[test]
    fn maps_hide_what_is_later() {
        let tokens = ["a".to_owned(), "b".to_owned()];
        let first = map(&walk(), 0, &tokens, true).unwrap();
        assert_eq!(first.masked, [false, true, true, true]);
        let second = map(&walk(), 1, &tokens, false).unwrap();
        assert_eq!(second.masked, [false, true, false, false]);
        assert_eq!(map(&walk(), 0, &tokens[..1], true), None, "tokens of another text");
        assert!((distance(&walk()).unwrap() - 0.05).abs() < 1e-6);
    }

    #[test]
    fn charts_have_nothing_of_nothing() {
        assert_eq!(capacity_chart(&[Stored::default()], true), None);
        assert_eq!(update_chart(&[20], &[]), None);
        assert_eq!(favor_chart(&[]), None);
        assert_eq!(time_chart(&[]), None);
        assert_eq!(favor_slopes(&[]), [None, None]);
    }

    #[test]
    fn exponents_come_from_times() {
        let times: Vec<Taken> =
            [256, 512, 1024, 2048].map(|n| (Timed::Pairs, n, f64::from(n).powi(2))).to_vec();
        assert!((fitted(&times, Timed::Pairs).unwrap() - 2.0).abs() < 1e-4);
        assert_eq!(fitted(&times, Timed::Chunks), None);
    }
}
