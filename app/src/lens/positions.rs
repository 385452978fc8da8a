//! How positions enter, as pictures: angles of rotary pairs, biases by distance, what a layer's
//! window hides. (Su et al. 2021, RoFormer, arXiv 2104.09864; Press et al. 2021, ALiBi, arXiv
//! 2108.12409; Raffel et al. 2019, T5, arXiv 1910.10683; windows: Child et al. 2019, arXiv
//! 1904.10509.)

use std::f64::consts::{PI, TAU};

use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, Line};
use crate::protocol::PositionFacts;

fn numbers(n: usize, first: usize) -> Vec<String> {
    (first..first + n).map(|number| number.to_string()).collect()
}

/// By how much each rotary pair has turned at each position, from −π to π: positions down, pairs
/// across.
pub fn angles(facts: &PositionFacts, first: usize, n_positions: usize) -> Option<MatrixView> {
    let n_cols = facts.frequencies.len();
    if n_cols == 0 || n_positions == 0 {
        return None;
    }
    let angle = |position: usize, pair: usize| {
        let turned = (position as f64 * facts.frequencies[pair]).rem_euclid(TAU);
        (if turned > PI { turned - TAU } else { turned }) as f32
    };
    let values: Vec<f32> =
        (0..n_positions * n_cols).map(|at| angle(first + at / n_cols, at % n_cols)).collect();
    Some(MatrixView {
        n_rows: n_positions,
        n_cols,
        values,
        row_labels: numbers(n_positions, first),
        col_labels: numbers(n_cols, 0),
        scale: Scale::diverging(&[PI as f32]),
        quantity: "angle, radians".into(),
        ..MatrixView::default()
    })
}

/// What is left of the product of a query with the same key, as the distance grows: the mean over
/// all pairs of the cosine of their turn.
pub fn decay(facts: &PositionFacts, n_distances: usize) -> Option<Vec<f32>> {
    let n_pairs = facts.frequencies.len();
    if n_pairs == 0 {
        return None;
    }
    let at = |distance: usize| {
        let turns = facts.frequencies.iter().map(|frequency| (distance as f64 * frequency).cos());
        (turns.sum::<f64>() / n_pairs as f64) as f32
    };
    Some((0..n_distances).map(at).collect())
}

/// What each head adds to a score at each distance, as far as `most`: heads down, distances across
/// (key less query: negative is before).
pub fn biases(facts: &PositionFacts, most: usize) -> Option<MatrixView> {
    let (n_rows, by_distance): (usize, Box<dyn Fn(usize, i64) -> f32>) = if !facts.slopes.is_empty()
    {
        (
            facts.slopes.len(),
            Box::new(|head, distance| {
                // Of a model that sees both ways nobody has such slopes.
                facts.slopes[head] * distance as f32
            }),
        )
    } else if !facts.buckets.is_empty() {
        let n = facts.buckets.len();
        let at = move |distance: i64| (distance + (n / 2) as i64).clamp(0, n as i64 - 1) as usize;
        let n_heads = facts.biases.len() / n;
        (n_heads, Box::new(move |head, distance| facts.biases[head * n + at(distance)]))
    } else {
        return None;
    };
    let most = most as i64;
    let distances: Vec<i64> = (-most..=if facts.causal { 0 } else { most }).collect();
    if n_rows == 0 {
        return None;
    }
    let values: Vec<f32> = (0..n_rows)
        .flat_map(|head| distances.iter().map(move |&distance| (head, distance)))
        .map(|(head, distance)| by_distance(head, distance))
        .collect();
    Some(MatrixView {
        n_rows,
        n_cols: distances.len(),
        row_labels: (0..n_rows).map(|head| format!("head {head}")).collect(),
        col_labels: distances
            .iter()
            .map(|distance| distance.to_string().replace('-', "−"))
            .collect(),
        scale: Scale::diverging(&values),
        values,
        quantity: "added to a score".into(),
        ..MatrixView::default()
    })
}

/// A line over distances: the decay of a rotary query, or one head's biases, or its buckets.
pub fn chart(facts: &PositionFacts, head: usize, most: usize) -> Option<ChartSpec> {
    if let Some(decay) = decay(facts, most + 1) {
        return Some(ChartSpec {
            title: "What is left of a query’s product with the same key".into(),
            x_name: "distance".into(),
            y_name: "mean cosine of the turns".into(),
            lines: vec![Line::of_values("mean of all pairs", 0, &decay)],
            is_x_whole: true,
            ..ChartSpec::default()
        });
    }
    if !facts.buckets.is_empty() {
        let half = (facts.buckets.len() / 2) as i64;
        let is_shown = |distance: i64| {
            distance.unsigned_abs() as usize <= most && (distance <= 0 || !facts.causal)
        };
        let points = facts.buckets.iter().enumerate().filter_map(|(at, &bucket)| {
            let distance = at as i64 - half;
            is_shown(distance).then_some((distance as f32, bucket as f32))
        });
        let lines = vec![Line { name: "bucket".into(), color: 0, points: points.collect() }];
        return Some(ChartSpec {
            title: "The bucket of each distance".into(),
            x_name: "key less query".into(),
            y_name: "bucket".into(),
            lines,
            is_x_whole: true,
            ..ChartSpec::default()
        });
    }
    let view = biases(facts, most)?;
    let head = head.min(view.n_rows - 1);
    let row = &view.values[head * view.n_cols..][..view.n_cols];
    let points = row.iter().rev().enumerate().map(|(at, &value)| (at as f32, value));
    Some(ChartSpec {
        title: format!("What head {head} adds to a score"),
        x_name: "distance".into(),
        y_name: "added to the score".into(),
        lines: vec![Line { name: format!("head {head}"), color: 0, points: points.collect() }],
        is_x_whole: true,
        ..ChartSpec::default()
    })
}

/// Which tokens a layer's queries see: queries down, keys across.
pub fn reach(facts: &PositionFacts, layer: usize, labels: &[String]) -> Option<MatrixView> {
    let n = labels.len();
    if n == 0 {
        return None;
    }
    let window = facts.windows.get(layer).copied().unwrap_or(0) as usize;
    let is_later = |at: usize| facts.causal && at % n > at / n;
    let is_far = |at: usize| facts.causal && window > 0 && at % n + window <= at / n;
    let far: Vec<bool> = (0..n * n).map(is_far).collect();
    let mut reasons = Vec::new();
    if facts.causal && n > 1 {
        reasons.push((false, "later tokens".to_owned()));
    }
    if far.contains(&true) {
        reasons.push((true, format!("beyond the window of {window}")));
    }
    Some(MatrixView {
        n_rows: n,
        n_cols: n,
        values: vec![1.0; n * n],
        masked: (0..n * n).map(|at| is_later(at) || is_far(at)).collect(),
        far,
        reasons,
        row_labels: labels.to_vec(),
        col_labels: labels.to_vec(),
        scale: Scale::UNIT,
        quantity: "seen".into(),
    })
}

/// What the layers see, in words: `all earlier tokens`, `the last 4096 tokens in layers 0, 2, 4`.
pub fn reach_in_words(facts: &PositionFacts) -> String {
    let all = if facts.causal { "all earlier tokens" } else { "all tokens" };
    let mut kinds: Vec<u32> = Vec::new();
    for &window in &facts.windows {
        if !kinds.contains(&window) {
            kinds.push(window);
        }
    }
    let of = |window: u32| match window {
        0 => all.to_owned(),
        window => format!("the last {window} tokens"),
    };
    match kinds.as_slice() {
        [] | [0] => format!("Every layer sees {all}: this model has no window."),
        [window] => format!("Every layer sees {}, its own among them.", of(*window)),
        several => {
            let layers = |window: u32| {
                let own = facts.windows.iter().enumerate().filter(|(_, own)| **own == window);
                let numbers: Vec<String> = own.map(|(layer, _)| layer.to_string()).collect();
                let (s, see) = if numbers.len() == 1 { ("", "sees") } else { ("s", "see") };
                format!("layer{s} {} {see} {}", numbers.join(", "), of(window))
            };
            let words: Vec<String> = several.iter().map(|&window| layers(window)).collect();
            let words = words.join("; ");
            format!("{}{}.", words[..1].to_uppercase(), &words[1..])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> PositionFacts {
        PositionFacts { causal: true, ..PositionFacts::default() }
    }

    #[test]
    fn angles_turn_and_come_back() {
        let facts = PositionFacts { frequencies: vec![1.0, 0.01], ..facts() };
        let view = angles(&facts, 3, 2).unwrap();
        assert_eq!((view.n_rows, view.n_cols, view.row_labels[1].as_str()), (2, 2, "4"));
        assert_eq!(view.values[..2], [3.0, 0.03]);
        assert!((view.values[2] - (4.0 - TAU) as f32).abs() <= 1e-6);
        let decay = decay(&facts, 3).unwrap();
        assert_eq!(decay[0], 1.0);
        assert!((decay[2] - ((2f32).cos() + (0.02f32).cos()) / 2.0).abs() <= 1e-6);
        assert_eq!(angles(&self::facts(), 0, 4), None);
    }

    #[test]
    fn slopes_take_off_what_distance_costs() {
        let facts = PositionFacts { slopes: vec![0.5, 0.25], ..facts() };
        let view = biases(&facts, 3).unwrap();
        assert_eq!(view.values, [-1.5, -1.0, -0.5, 0.0, -0.75, -0.5, -0.25, 0.0]);
        assert_eq!(view.col_labels, ["−3", "−2", "−1", "0"]);
        let line = chart(&facts, 1, 3).unwrap().lines.remove(0);
        assert_eq!(line.points, [(0.0, 0.0), (1.0, -0.25), (2.0, -0.5), (3.0, -0.75)]);
    }

    #[test]
    fn buckets_have_one_bias_each_and_the_last_goes_on() {
        let facts = PositionFacts {
            buckets: vec![1, 0, 2],
            biases: vec![10.0, 20.0, 30.0],
            causal: false,
            ..PositionFacts::default()
        };
        let view = biases(&facts, 2).unwrap();
        assert_eq!(view.values, [10.0, 10.0, 20.0, 30.0, 30.0]);
        let line = chart(&facts, 0, 2).unwrap().lines.remove(0);
        assert_eq!(line.points, [(-1.0, 1.0), (0.0, 0.0), (1.0, 2.0)]);
    }

    #[test]
    fn windows_hide_what_is_far() {
        let facts = PositionFacts { windows: vec![0, 2], ..facts() };
        let labels: Vec<String> = ["a", "b", "c"].map(Into::into).into();
        let all = reach(&facts, 0, &labels).unwrap();
        assert_eq!(all.masked, [false, true, true, false, false, true, false, false, false]);
        let near = reach(&facts, 1, &labels).unwrap();
        assert_eq!(
            (near.is_far(2, 0), near.is_far(2, 1), near.value(2, 1)),
            (true, false, Some(1.0))
        );
        assert_eq!(
            reach_in_words(&facts),
            "Layer 0 sees all earlier tokens; layer 1 sees the last 2 tokens."
        );
        assert!(reach_in_words(&self::facts()).contains("no window"));
        assert_eq!(reach(&facts, 0, &[]), None);
    }
}
