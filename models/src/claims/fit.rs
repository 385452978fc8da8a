//! Lines through measured points, by least squares.

/// The slope of a line through points; NaN of fewer than two.
pub fn slope(points: &[(f64, f64)]) -> f64 {
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(|one| one.0), mean(|one| one.1));
    let along: f64 = points.iter().map(|one| (one.0 - x) * (one.1 - y)).sum();
    let across: f64 = points.iter().map(|one| (one.0 - x).powi(2)).sum();
    along / across
}

/// The exponent of a power of x that y follows: the slope of ln y over ln x. A span of some factors of two, since
/// of times a step from one cache to the next bends a short one.
pub fn exponent(points: &[(f64, f64)]) -> f64 {
    // A time that a coarse clock calls none says nothing.
    let known = points.iter().filter(|one| one.0 > 0.0 && one.1 > 0.0);
    let logs: Vec<_> = known.map(|one| (one.0.ln(), one.1.ln())).collect();
    slope(&logs)
}

#[cfg(test)]
mod tests {
    use super::{exponent, slope};

    #[test]
    fn lines_and_powers_are_found() {
        let points: Vec<(f64, f64)> = (1..6).map(f64::from).map(|x| (x, 3.0 - 2.0 * x)).collect();
        assert!((slope(&points) + 2.0).abs() < 1e-12);
        let powers: Vec<(f64, f64)> =
            (1..6).map(f64::from).map(|x| (x, 5.0 * x.powf(1.5))).collect();
        assert!((exponent(&powers) - 1.5).abs() < 1e-12);
        let with_none: Vec<(f64, f64)> = [(0.5, 0.0)].into_iter().chain(powers).collect();
        assert!((exponent(&with_none) - 1.5).abs() < 1e-12, "what is 0 is left out");
        assert!(slope(&points[..1]).is_nan());
    }
}
