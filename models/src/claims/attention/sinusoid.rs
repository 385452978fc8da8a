//! The sinusoids that are added for positions (section 3.5): PE(pos, 2i) = sin(pos / 10000^(2i/d)) and
//! PE(pos, 2i+1) = cos of the same. For any k, PE(pos + k) is a linear function of PE(pos): each pair of columns
//! turned by an angle.

use crate::arch::sinusoids;

/// PE, `[n, d]`.
pub fn table(n: usize, d: usize) -> Vec<f32> {
    sinusoids(n, d, false)
}

/// By how many radians a position a pair of columns turns.
fn frequency(pair: usize, d: usize) -> f64 {
    10_000_f64.powf(-2.0 * pair as f64 / d.max(1) as f64)
}

/// After how many positions a column comes back to where it was.
pub fn wavelength(col: usize, d: usize) -> f64 {
    std::f64::consts::TAU / frequency(col / 2, d)
}

/// PE(0)·PE(k) for each distance k below n, as a share of PE(0)·PE(0). It is the same from every position.
pub fn products(n: usize, d: usize) -> Vec<f32> {
    let table = table(n, d);
    let product = |row: &[f32]| -> f64 {
        row.iter().zip(&table[..d]).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    };
    let own = table.get(..d).map_or(1.0, product);
    table.chunks_exact(d.max(1)).map(|row| (product(row) / own) as f32).collect()
}

/// The largest |PE(pos + k) − R(k)·PE(pos)| in a table `[n, d]`, over all pos and k. R(k) turns each pair of
/// columns as far as k positions turn it.
pub fn rotation_error(table: &[f32], d: usize) -> f64 {
    let rows: Vec<&[f32]> = table.chunks_exact(d.max(1)).collect();
    let mut worst = 0.0_f64;
    for by in 0..rows.len() {
        let turns: Vec<_> =
            (0..d / 2).map(|pair| (by as f64 * frequency(pair, d)).sin_cos()).collect();
        for (from, to) in rows.iter().zip(&rows[by..]) {
            let pairs = from.as_chunks::<2>().0.iter().zip(to.as_chunks::<2>().0).zip(&turns);
            for ((from, to), &(sine, cosine)) in pairs {
                let ([a, b], [x, y]) = (from.map(f64::from), to.map(f64::from));
                let off = [x - (a * cosine + b * sine), y - (b * cosine - a * sine)];
                for off in off.map(f64::abs) {
                    // A NaN stays.
                    worst = if off <= worst || worst.is_nan() { worst } else { off };
                }
            }
        }
    }
    worst
}
