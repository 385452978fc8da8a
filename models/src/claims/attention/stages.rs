//! The stages of scaled dot-product attention, softmax(QKᵀ/√d_k)·V (section 3.2.1), computed again in f64 from
//! what one head of a run left behind.

use super::super::worse;

/// One head's tensors.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Queries, `[T, d]`.
    pub q: &'a [f32],
    /// Keys, `[S, d]`.
    pub k: &'a [f32],
    /// Values, `[S, d_v]`.
    pub v: &'a [f32],
    /// Scaled products, `[T, S]`; −∞ where masked.
    pub scores: &'a [f32],
    /// Shares, `[T, S]`.
    pub pattern: &'a [f32],
    /// What comes out, `[T, d_v]`.
    pub z: &'a [f32],
    /// S.
    pub n_keys: usize,
    /// The factor on the products, 1/√d_k.
    pub scale: f32,
}

/// How far each stage is from what the run has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Errors {
    /// The largest of scale·QKᵀ less the scores, as a share of the largest score; masked cells left out.
    pub scores: f64,
    /// The largest of softmax(scores) less the pattern.
    pub pattern: f64,
    /// The largest of pattern·V less z, as a share of the largest z.
    pub values: f64,
}

impl Head<'_> {
    /// The errors; none if the shapes do not fit each other.
    pub fn errors(&self) -> Option<Errors> {
        let n_rows = self.scores.len().checked_div(self.n_keys)?;
        let (d, d_v) = (self.k.len() / self.n_keys, self.v.len() / self.n_keys);
        let fits = n_rows > 0
            && self.k.len() == d * self.n_keys
            && self.v.len() == d_v * self.n_keys
            && self.scores.len() == n_rows * self.n_keys
            && self.pattern.len() == self.scores.len()
            && self.q.len() == n_rows * d
            && self.z.len() == n_rows * d_v;
        fits.then(|| Errors {
            scores: self.scores_error(d),
            pattern: self.pattern_error(),
            values: self.values_error(d_v),
        })
    }

    fn scores_error(&self, d: usize) -> f64 {
        let of_cell = |(at, &score): (usize, &f32)| {
            if score == f32::NEG_INFINITY {
                return [0.0; 2];
            }
            let (q, k) = (&self.q[at / self.n_keys * d..][..d], &self.k[at % self.n_keys * d..]);
            let product: f64 = q.iter().zip(k).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            [f64::from(score) - product * f64::from(self.scale), f64::from(score)]
        };
        share(self.scores.iter().enumerate().map(of_cell))
    }

    fn pattern_error(&self) -> f64 {
        let rows =
            self.scores.chunks_exact(self.n_keys).zip(self.pattern.chunks_exact(self.n_keys));
        let of_row = |(scores, shares): (&[f32], &[f32])| {
            let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let powers: Vec<f64> = scores.iter().map(|&s| f64::from(s - most).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let off =
                powers.iter().zip(shares).map(|(p, &share)| (p / sum - f64::from(share)).abs());
            off.fold(0.0, worse)
        };
        rows.map(of_row).fold(0.0, worse)
    }

    fn values_error(&self, d_v: usize) -> f64 {
        let of_cell = |(at, &z): (usize, &f32)| {
            let shares = &self.pattern[at / d_v * self.n_keys..][..self.n_keys];
            let column = self.v.iter().skip(at % d_v).step_by(d_v);
            let sum: f64 =
                shares.iter().zip(column).map(|(&a, &v)| f64::from(a) * f64::from(v)).sum();
            [f64::from(z) - sum, f64::from(z)]
        };
        share(self.z.iter().enumerate().map(of_cell))
    }
}

/// The largest |1 − Σ| of rows of `n_keys` shares.
pub fn row_error(pattern: &[f32], n_keys: usize) -> f64 {
    let rows = pattern.chunks_exact(n_keys.max(1));
    let off = rows.map(|row| (1.0 - row.iter().map(|&share| f64::from(share)).sum::<f64>()).abs());
    off.fold(0.0, worse)
}

/// The largest share of a later key, of maps of as many keys as queries, `[n_heads, T, T]`.
pub fn later_share(pattern: &[f32], n_keys: usize) -> f64 {
    let n = n_keys.max(1);
    let is_later = |at: usize| at % n > at / n % n;
    let later = pattern.iter().enumerate().filter(|(at, _)| is_later(*at));
    later.map(|(_, &share)| f64::from(share).abs()).fold(0.0, worse)
}

/// The largest of differences, as a share of the largest size.
fn share(cells: impl Iterator<Item = [f64; 2]>) -> f64 {
    let [off, size] = cells.fold([0.0, 0.0], |[off, size], [one_off, one_size]| {
        [worse(off, one_off.abs()), worse(size, one_size.abs())]
    });
    if off == 0.0 { 0.0 } else { off / size }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two queries, two keys, the first query does not see the second key.
    const HEAD: Head<'_> = Head {
        q: &[2.0, 0.0, 0.0, 2.0],
        k: &[1.0, 1.0, 3.0, 1.0],
        v: &[1.0, 5.0],
        scores: &[1.0, f32::NEG_INFINITY, 1.0, 1.0],
        pattern: &[1.0, 0.0, 0.5, 0.5],
        z: &[1.0, 3.0],
        n_keys: 2,
        scale: 0.5,
    };

    #[test]
    fn a_head_that_is_right_has_no_error() {
        assert_eq!(HEAD.errors(), Some(Errors::default()));
        assert_eq!((row_error(HEAD.pattern, 2), later_share(HEAD.pattern, 2)), (0.0, 0.0));
    }

    #[test]
    fn each_stage_that_is_off_is_found() {
        let off = Head { scores: &[1.0, f32::NEG_INFINITY, 1.0, 2.0], ..HEAD }.errors().unwrap();
        assert!(off.scores > 0.4 && off.pattern > 0.1 && off.values == 0.0, "{off:?}");
        let off = Head { z: &[1.0, 4.0], ..HEAD }.errors().unwrap();
        assert_eq!((off.scores, off.values), (0.0, 0.25));
        let nan = Head { pattern: &[f32::NAN, 0.0, 0.5, 0.5], ..HEAD }.errors().unwrap();
        assert!(nan.pattern.is_nan() && row_error(&[f32::NAN, 0.0], 2).is_nan());
        assert_eq!(Head { z: &[1.0], ..HEAD }.errors(), None);
        assert_eq!(later_share(&[1.0, 0.25, 0.5, 0.5], 2), 0.25);
        assert_eq!(row_error(&[0.5, 0.25], 2), 0.25);
    }
}
