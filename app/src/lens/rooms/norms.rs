//! Room 03: what models have before their first step as matrices, and what was measured as charts.

use vitrine_models::claims::fit::{exponent, slope};
use vitrine_models::claims::norms::{Place, Streams, Stride};

use crate::lens::attention::MatrixView;
use crate::palette::Scale;
use crate::parts::plot::{ChartSpec, HELD_OUT, Line};

/// What is known of a model before its first step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begun {
    /// One for each of [`Place::ALL`], as far as they came.
    pub streams: Vec<Streams>,
    /// As [`Begun::streams`].
    pub gradients: Vec<Vec<f64>>,
}

/// Which quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// ‖x‖²/d.
    Size,
    /// Norms of gradients.
    Gradient,
    /// Cosines of layers with those before them.
    Cosine,
}

/// What a place is called.
pub fn name(place: Place) -> &'static str {
    match place {
        Place::Post => "Post-LN",
        Place::Pre => "Pre-LN",
        Place::Dual => "ResiDual",
    }
}

fn layers(begun: &Begun, at: usize, quantity: Quantity) -> Vec<Option<f32>> {
    let of = |values: &[f64]| values.iter().map(|value| Some(*value as f32)).collect();
    match quantity {
        Quantity::Size => begun.streams.get(at).map_or_else(Vec::new, |one| of(&one.sizes)),
        Quantity::Gradient => begun.gradients.get(at).map_or_else(Vec::new, |one| of(one)),
        // The first layer has none before it.
        Quantity::Cosine => begun
            .streams
            .get(at)
            .map_or_else(Vec::new, |one| std::iter::once(None).chain(of(&one.cosines)).collect()),
    }
}

/// A row a place, a column a layer; none before all have come.
pub fn by_layer(begun: &Begun, quantity: Quantity) -> Option<MatrixView> {
    let rows: Vec<_> = (0..Place::ALL.len()).map(|at| layers(begun, at, quantity)).collect();
    let n_cols = rows[0].len();
    if n_cols == 0 || rows.iter().any(|row| row.len() != n_cols) {
        return None;
    }
    let cells: Vec<Option<f32>> = rows.concat();
    let values: Vec<f32> = cells.iter().map(|cell| cell.unwrap_or(0.0)).collect();
    let reasons = match quantity {
        Quantity::Cosine => vec![(false, "no layer before it".to_owned())],
        Quantity::Size | Quantity::Gradient => Vec::new(),
    };
    let (scale, quantity) = match quantity {
        Quantity::Size => (Scale::sequential(&values), "‖x‖²/d"),
        Quantity::Gradient => (Scale::sequential(&values), "norm of the gradient"),
        Quantity::Cosine => (Scale::UNIT, "cosine"),
    };
    Some(MatrixView {
        n_rows: rows.len(),
        n_cols,
        values,
        masked: cells.iter().map(Option::is_none).collect(),
        reasons,
        row_labels: Place::ALL.map(|place| name(place).to_owned()).to_vec(),
        col_labels: (1..=n_cols).map(|at| at.to_string()).collect(),
        scale,
        quantity: quantity.to_owned(),
        ..MatrixView::default()
    })
}

/// How far the mean of Post-LN's ‖x‖²/d over the layers is from 3/2, as a share of it (Lemma 2).
pub fn post_error(begun: &Begun) -> Option<f32> {
    let sizes = &begun.streams.first()?.sizes;
    let mean = sizes.iter().sum::<f64>() / sizes.len() as f64;
    Some((mean / 1.5 - 1.0).abs() as f32)
}

/// How far Pre-LN's ‖x‖²/d of layer l leaves what lies between 1 + l/2 and 1 + 3l/2, at most, as a share
/// (Lemma 2).
pub fn pre_error(begun: &Begun) -> Option<f32> {
    let sizes = &begun.streams.get(1)?.sizes;
    let beyond = |(layer, size): (f64, &f64)| {
        let (least, most) = (1.0 + layer / 2.0, 1.0 + 1.5 * layer);
        (1.0 - size / least).max(size / most - 1.0).max(0.0)
    };
    let layers = (1..).map(f64::from).zip(sizes);
    Some(layers.map(beyond).fold(0.0, f64::max) as f32)
}

/// The largest relative difference of ResiDual's normed stream from Post-LN's, before any norm.
pub fn dual_error(begun: &Begun) -> Option<f32> {
    let [post, _, dual] = &begun.streams[..] else { return None };
    let off = post.sizes.iter().zip(&dual.sizes).map(|(a, b)| (a - b).abs() / a);
    Some(off.fold(0.0, f64::max) as f32)
}

/// The factor from one layer's gradient to the next one's.
pub fn growth(gradients: &[f64]) -> Option<f32> {
    let points: Vec<_> = (0..).zip(gradients).map(|(at, g)| (f64::from(at), g.ln())).collect();
    (points.len() > 1).then(|| slope(&points).exp() as f32)
}

/// Gradients over layers.
pub fn layer_chart(all: &[(Place, Vec<f64>)]) -> Option<ChartSpec> {
    let line = |(color, (place, gradients)): (u8, &(Place, Vec<f64>))| Line {
        name: format!("• {}", name(*place)),
        color,
        points: (1..).zip(gradients).map(|(at, g)| (at as f32, *g as f32)).collect(),
    };
    (!all.is_empty()).then(|| ChartSpec {
        title: "Gradient of each layer of a decoder, before the first step".into(),
        x_name: "layer".into(),
        y_name: "norm of the gradient".into(),
        lines: (0..).zip(all).map(line).collect(),
        is_x_whole: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// Points (L, gradient of the last layer) of a place.
pub fn last_layers(all: &[(Place, Vec<f64>)], place: Place) -> Vec<(f64, f64)> {
    let own = all.iter().filter(|(known, _)| *known == place);
    own.filter_map(|(_, layers)| Some((layers.len() as f64, *layers.last()?))).collect()
}

/// The exponent of L in the gradient of the last layer.
pub fn depth_exponent(all: &[(Place, Vec<f64>)], place: Place) -> Option<f32> {
    let points = last_layers(all, place);
    (points.len() > 2).then(|| exponent(&points) as f32)
}

/// Gradients of the last layer over the depth, with the theorem's slopes broad behind them.
pub fn depth_chart(all: &[(Place, Vec<f64>)]) -> Option<ChartSpec> {
    let mut lines = Vec::new();
    for (color, place) in (0..).zip(Place::ALL) {
        let points = last_layers(all, place);
        let drawn = |(n, g): (f64, f64)| (n as f32, g as f32);
        let theory = match place {
            Place::Post => Some(0.0),
            Place::Pre => Some(-0.5),
            Place::Dual => None,
        };
        if let (Some(power), Some(&(first, g))) = (theory, points.first()) {
            let of_bound = |&(n, _): &(f64, f64)| drawn((n, g * (n / first).powf(power)));
            let points = points.iter().map(of_bound).collect();
            let name = format!("† {}, Theorem 1", name(place));
            lines.push(Line { name, color: color + HELD_OUT, points });
        }
        let points = points.into_iter().map(drawn).collect();
        lines.push(Line { name: format!("• {}", name(place)), color, points });
    }
    (!all.is_empty()).then(|| ChartSpec {
        title: "Gradient of the last layer by the number of layers, before the first step".into(),
        x_name: "layers".into(),
        y_name: "norm of the gradient".into(),
        lines,
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// Losses over steps.
pub fn race_chart(names: &[&str], runs: &[Vec<Stride>]) -> Option<ChartSpec> {
    let line = |(color, (name, run)): (u8, (&&str, &Vec<Stride>))| Line {
        name: format!("• {name}"),
        color,
        points: (1..).zip(run).map(|(at, stride)| (at as f32, stride.loss)).collect(),
    };
    runs.iter().any(|run| !run.is_empty()).then(|| ChartSpec {
        title: "Loss by the step, six layers, the same seed and data".into(),
        x_name: "step".into(),
        y_name: "loss".into(),
        lines: (0..).zip(names.iter().zip(runs)).map(line).collect(),
        is_x_whole: true,
        ..ChartSpec::default()
    })
}

/// Steps between two columns of a map: each column is one step.
const MAP_STEPS: usize = 4;

/// The gradient of each layer of a run, a column every few steps; the last layer on top. All runs have one scale of
/// colours. None before the run's first step.
pub fn race_map(runs: &[Vec<Stride>], runner: usize, n_steps: usize) -> Option<MatrixView> {
    let run = runs.get(runner)?;
    let n_rows = run.first()?.layers.len();
    let steps: Vec<usize> = (0..n_steps).step_by(MAP_STEPS).collect();
    let at = |cell: usize| {
        let (row, step) = (cell / steps.len(), steps[cell % steps.len()]);
        run.get(step)?.layers.get(n_rows - 1 - row).copied()
    };
    let cells: Vec<Option<f32>> = (0..n_rows * steps.len()).map(at).collect();
    let drawn = |run: &Vec<Stride>| -> Vec<f32> {
        run.iter().step_by(MAP_STEPS).flat_map(|stride| stride.layers.clone()).collect()
    };
    let all: Vec<f32> = runs.iter().flat_map(drawn).collect();
    Some(MatrixView {
        n_rows,
        n_cols: steps.len(),
        values: cells.iter().map(|cell| cell.unwrap_or(0.0)).collect(),
        masked: cells.iter().map(Option::is_none).collect(),
        reasons: vec![(false, "not there yet".to_owned())],
        row_labels: (1..=n_rows).rev().map(|layer| layer.to_string()).collect(),
        col_labels: steps.iter().map(|step| (step + 1).to_string()).collect(),
        scale: Scale::magnitudes(&all),
        quantity: "norm of the gradient".to_owned(),
        ..MatrixView::default()
    })
}

/// The mean of the last losses of a run that has ended.
pub fn last_loss(run: &[Stride], n_steps: usize) -> Option<f32> {
    let n = 20.min(n_steps);
    let mean = || run[n_steps - n..].iter().map(|stride| stride.loss).sum::<f32>() / n as f32;
    (n > 0 && run.len() == n_steps).then(mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Begun {
        let streams = |sizes: [f64; 2]| Streams { sizes: sizes.to_vec(), cosines: vec![0.5] };
        Begun {
            streams: vec![streams([1.4, 1.6]), streams([1.5, 4.4]), streams([1.4, 1.6])],
            gradients: vec![vec![1.0, 2.0], vec![1.0, 0.5], vec![1.0, 1.0]],
        }
    }

    #[test]
    fn a_row_a_place_and_a_column_a_layer() {
        let sizes = by_layer(&begun(), Quantity::Size).unwrap();
        assert_eq!((sizes.n_rows, sizes.n_cols), (3, 2));
        assert_eq!(sizes.values[2..4], [1.5, 4.4]);
        let cosines = by_layer(&begun(), Quantity::Cosine).unwrap();
        assert_eq!(cosines.masked, [true, false, true, false, true, false]);
        let mut half = begun();
        half.streams.pop();
        assert_eq!(by_layer(&half, Quantity::Size), None);
    }

    #[test]
    fn the_lemma_is_held_against_what_was_found() {
        assert!(post_error(&begun()).unwrap() < 1e-6);
        // 4.4 is a tenth above 1 + 3.
        assert!((pre_error(&begun()).unwrap() - 0.1).abs() < 1e-6);
        assert_eq!(dual_error(&begun()), Some(0.0));
        assert_eq!(post_error(&Begun::default()), None);
    }

    #[test]
    fn slopes_come_from_gradients() {
        assert!((growth(&[1.0, 2.0, 4.0]).unwrap() - 2.0).abs() < 1e-5);
        let all: Vec<_> =
            [2, 4, 8].map(|n| (Place::Pre, vec![f64::from(n).powf(-0.5); n as usize])).to_vec();
        assert!((depth_exponent(&all, Place::Pre).unwrap() + 0.5).abs() < 1e-5);
        assert_eq!(depth_exponent(&all, Place::Post), None);
        let chart = depth_chart(&all).unwrap();
        let (theory, found) = (&chart.lines[1].points, &chart.lines[2].points);
        assert!(theory.iter().zip(found).all(|(a, b)| (a.1 - b.1).abs() < 1e-5));
        assert_eq!(
            (layer_chart(&[]), depth_chart(&[]), race_chart(&["a"], &[vec![]])),
            (None, None, None)
        );
        let run = |loss: f32, n: usize| vec![Stride { loss, ..Stride::default() }; n];
        assert_eq!(last_loss(&run(1.0, 10), 20), None);
        assert_eq!(last_loss(&run(2.0, 30), 30), Some(2.0));
    }

    #[test]
    fn a_map_has_a_column_every_few_steps_and_one_scale_for_all() {
        let run = |n: usize, by: f32| -> Vec<Stride> {
            let layers = |step: usize| vec![by * step as f32, 2.0 * by * step as f32];
            (1..=n).map(|step| Stride { layers: layers(step), ..Stride::default() }).collect()
        };
        let runs = [run(8, 1.0), run(5, 100.0), Vec::new()];
        let map = race_map(&runs, 0, 12).unwrap();
        assert_eq!((map.n_rows, map.n_cols), (2, 3));
        assert_eq!(map.col_labels, ["1", "5", "9"]);
        // The last layer on top; step 9 is not there yet.
        assert_eq!(map.values[..5], [2.0, 10.0, 0.0, 1.0, 5.0]);
        assert_eq!(map.masked, [false, false, true, false, false, true]);
        assert_eq!((map.scale.max, map.scale.is_log), (1000.0, true));
        assert_eq!(race_map(&runs, 1, 12).unwrap().scale, map.scale);
        assert_eq!((race_map(&runs, 2, 12), race_map(&runs, 3, 12)), (None, None));
    }
}
