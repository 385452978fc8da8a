//! What was measured: products and entropies over d_k, times over n and over d.

use vitrine_models::claims::attention::scale::{N_BINS, Products, REACH};
use vitrine_models::claims::attention::timing::Timed;
use vitrine_models::claims::fit::exponent;
use vitrine_models::claims::flash::timing::Time;

use crate::parts::plot::{ChartSpec, HELD_OUT, Line};

/// Numbers of columns, in factors of two.
pub const WIDTHS: [u32; 9] = [4, 8, 16, 32, 64, 128, 256, 512, 1024];
/// Those whose distribution is drawn.
const SPREADS: [u32; 4] = [4, 16, 64, 256];

/// The standard deviation of q·k over d_k, on axes of factors, with √d_k broad behind it.
pub fn std_chart(found: &[Products]) -> Option<ChartSpec> {
    let line = |name: &str, color: u8, of: &dyn Fn(&Products) -> f64| Line {
        name: name.into(),
        color,
        points: found.iter().map(|one| (one.d_k as f32, of(one) as f32)).collect(),
    };
    (!found.is_empty()).then(|| ChartSpec {
        title: "How far products of random queries and keys spread, by d_k".into(),
        x_name: "d_k".into(),
        y_name: "standard deviation of q·k".into(),
        lines: vec![
            line("† √d_k", HELD_OUT, &|one| f64::from(one.d_k).sqrt()),
            line("• measured", 0, &|one| one.std),
        ],
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// The distribution of q·k for some d_k.
pub fn spread_chart(found: &[Products]) -> Option<ChartSpec> {
    let shown = found.iter().filter(|one| SPREADS.contains(&one.d_k));
    let line = |(color, one): (u8, &Products)| {
        let total = one.bins.iter().sum::<u32>().max(1);
        let width = (2.0 * REACH / N_BINS as f64) as f32 * (one.d_k as f32).sqrt();
        let middle = |bin: usize| (bin as f32 - (N_BINS / 2) as f32) * width;
        let share = |count: u32| count as f32 / total as f32 / width;
        let points = one.bins.iter().enumerate();
        Line {
            name: format!("• d_k = {}", one.d_k),
            color,
            points: points.map(|(bin, &count)| (middle(bin), share(count))).collect(),
        }
    };
    let lines: Vec<Line> = (0..).zip(shown).map(line).collect();
    (!lines.is_empty()).then(|| ChartSpec {
        title: "The distribution of q·k".into(),
        x_name: "q·k".into(),
        y_name: "share of all products, by unit".into(),
        lines,
        ..ChartSpec::default()
    })
}

/// The entropy of softmax over d_k, with and without the scale.
pub fn entropy_chart(found: &[Products], n_keys: u32) -> Option<ChartSpec> {
    let line = |name: &str, color: u8, which: usize| Line {
        name: name.into(),
        color,
        points: found.iter().map(|one| (one.d_k as f32, one.entropy[which] as f32)).collect(),
    };
    (!found.is_empty()).then(|| ChartSpec {
        title: format!("Entropy of softmax over {n_keys} keys, by d_k"),
        x_name: "d_k".into(),
        y_name: "nats, mean of all queries".into(),
        lines: vec![line("• softmax(q·k)", 1, 0), line("• softmax(q·k / √d_k)", 0, 1)],
        y_range: Some((0.0, (n_keys as f32).ln())),
        is_x_doubling: true,
        ..ChartSpec::default()
    })
}

/// The exponent of d_k that the standard deviations follow.
pub fn std_exponent(found: &[Products]) -> Option<f32> {
    let points: Vec<_> = found.iter().map(|one| (f64::from(one.d_k), one.std)).collect();
    (points.len() > 3).then(|| exponent(&points) as f32)
}

/// A time: of which layer, on n rows of d columns.
pub type Taken = (Timed, [u32; 2], Time);

/// What a layer is called.
pub fn timed_name(timed: Timed) -> &'static str {
    match timed {
        Timed::Attention => "self-attention",
        Timed::Recurrent => "recurrent",
        Timed::Convolution => "convolutional",
        Timed::Restricted => "restricted self-attention",
    }
}

/// Sizes along one axis (0: n, 1: d) and milliseconds, where the other is `fixed`.
fn along(times: &[Taken], timed: Timed, axis: usize, fixed: u32) -> Vec<(f64, f64)> {
    let is_it = |(known, shape, _): &&Taken| *known == timed && shape[1 - axis] == fixed;
    let points = times.iter().filter(is_it).map(|(_, shape, time)| (shape[axis].into(), time.ms));
    let mut points: Vec<(f64, f64)> = points.collect();
    // The other sweep meets this one in a point, and is measured first.
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// Times along an axis (0: n, 1: d), both on axes of factors.
pub fn time_chart(times: &[Taken], axis: usize, fixed: u32) -> Option<ChartSpec> {
    let line = |(color, &timed): (u8, &Timed)| Line {
        name: format!("• {}", timed_name(timed)),
        color,
        points: along(times, timed, axis, fixed)
            .iter()
            .map(|(size, ms)| (*size as f32, *ms as f32))
            .collect(),
    };
    let lines: Vec<Line> = (0..).zip(&Timed::ALL).map(line).collect();
    let (name, other) = if axis == 0 { ("n", "d") } else { ("d", "n") };
    lines.iter().any(|line| !line.points.is_empty()).then(|| ChartSpec {
        title: match axis {
            0 => format!("Time by the number of tokens n, {other} = {fixed}"),
            _ => format!("Time by the number of columns d, {other} = {fixed}"),
        },
        x_name: name.into(),
        y_name: "milliseconds".into(),
        lines,
        is_x_doubling: true,
        is_y_log: true,
        ..ChartSpec::default()
    })
}

/// The exponent that a layer's times follow along an axis.
pub fn fitted(times: &[Taken], timed: Timed, axis: usize, fixed: u32) -> Option<f32> {
    let points = along(times, timed, axis, fixed);
    (points.len() > 3).then(|| exponent(&points) as f32)
}

/// The time of a layer on n rows of d columns, milliseconds.
pub fn took_at(times: &[Taken], timed: Timed, shape: [u32; 2]) -> Option<f64> {
    times.iter().find(|one| (one.0, one.1) == (timed, shape)).map(|(.., time)| time.ms)
}

#[cfg(test)]
mod tests {
    use vitrine_models::claims::flash::timing::Clock;

    use super::*;

    fn found() -> Vec<Products> {
        let one = |&d_k: &u32| Products {
            d_k,
            std: f64::from(d_k).sqrt(),
            bins: vec![1; N_BINS],
            entropy: [1.0, 2.0],
            slope: [0.5, 0.9],
        };
        WIDTHS.iter().map(one).collect()
    }

    #[test]
    fn spreads_are_densities_and_the_exponent_is_that_of_a_root() {
        assert!((std_exponent(&found()).unwrap() - 0.5).abs() < 1e-5);
        let lines = spread_chart(&found()).unwrap().lines;
        assert_eq!(lines.len(), SPREADS.len());
        for line in lines {
            let width = line.points[1].0 - line.points[0].0;
            let sum: f32 = line.points.iter().map(|point| point.1 * width).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{}: {sum}", line.name);
            assert!(line.points[N_BINS / 2].0.abs() < 1e-5);
        }
        assert_eq!(entropy_chart(&found(), 64).unwrap().lines[1].points[3], (32.0, 2.0));
    }

    #[test]
    fn exponents_are_fitted_along_each_axis() {
        let shapes = [[64, 32], [128, 32], [256, 32], [512, 32], [64, 64], [64, 128], [64, 256]];
        let time = |shape: [u32; 2]| {
            let ms = f64::from(shape[0]).powi(2) * f64::from(shape[1]);
            (Timed::Attention, shape, Time { ms, clock: Clock::Wall })
        };
        let times: Vec<Taken> = shapes.map(time).to_vec();
        assert!((fitted(&times, Timed::Attention, 0, 32).unwrap() - 2.0).abs() < 1e-4);
        assert!((fitted(&times, Timed::Attention, 1, 64).unwrap() - 1.0).abs() < 1e-4);
        assert_eq!(fitted(&times, Timed::Recurrent, 0, 32), None);
        assert_eq!(time_chart(&times, 0, 32).unwrap().lines[0].points.len(), 4);
        assert_eq!(took_at(&times, Timed::Attention, [64, 32]), Some(131_072.0));
    }

    #[test]
    fn charts_have_nothing_of_nothing() {
        assert_eq!((std_chart(&[]), spread_chart(&[])), (None, None));
        assert_eq!((entropy_chart(&[], 64), time_chart(&[], 0, 64)), (None, None));
        assert_eq!(std_exponent(&found()[..2]), None);
    }
}
