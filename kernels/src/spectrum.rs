//! Singular values, in f64: of a matrix by the eigenvalues of its smaller Gram matrix (Householder
//! tridiagonalisation and implicit QL: Golub and Van Loan, "Matrix Computations", sections 8.3.1
//! and 8.3.3), of a product of two thin matrices by theirs.
//!
//! A Gram matrix holds squares, so singular values below about 1e-8 of the largest are rounding;
//! weights are f32 or coarser, whose own rounding is larger.

/// A symmetric matrix that grows by outer products: after rows `x_1 … x_m` of `n` columns it is
/// `Σ x_iᵀ x_i`, `[n, n]`.
#[derive(Clone, Debug)]
pub struct Gram {
    n: usize,
    /// `[n, n]`; only columns from the row's own on are kept.
    sums: Vec<f64>,
    /// Rows as f64 while they are added.
    rows: Vec<f64>,
}

impl Gram {
    /// Zeros.
    pub fn new(n: usize) -> Self {
        Self { n, sums: vec![0.0; n * n], rows: Vec::new() }
    }

    /// Adds whole rows.
    pub fn add_rows(&mut self, rows: &[f32]) {
        let n = self.n;
        if n == 0 {
            return;
        }
        self.rows.clear();
        self.rows.extend(rows.iter().copied().map(f64::from));
        // Four rows at once: each sum is then loaded and stored a quarter as often.
        let (fours, rest) = self.rows.split_at(self.rows.len() / (4 * n) * (4 * n));
        for (i, sums) in self.sums.chunks_exact_mut(n).enumerate() {
            for four in fours.chunks_exact(4 * n) {
                let (a, b) = four.split_at(2 * n);
                let ((a, b), (c, d)) = (a.split_at(n), b.split_at(n));
                let [wa, wb, wc, wd] = [a[i], b[i], c[i], d[i]];
                let columns = a[i..].iter().zip(&b[i..]).zip(&c[i..]).zip(&d[i..]);
                for (sum, (((a, b), c), d)) in sums[i..].iter_mut().zip(columns) {
                    *sum += (wa * a + wb * b) + (wc * c + wd * d);
                }
            }
            for row in rest.chunks_exact(n) {
                let weight = row[i];
                for (sum, x) in sums[i..].iter_mut().zip(&row[i..]) {
                    *sum += weight * x;
                }
            }
        }
    }

    /// The whole matrix, `[n, n]`.
    pub fn full(&self) -> Vec<f64> {
        let n = self.n;
        (0..n * n).map(|at| self.sums[(at / n).min(at % n) * n + (at / n).max(at % n)]).collect()
    }
}

/// A symmetric matrix on its way to its eigenvalues, a column a step.
#[derive(Clone, Debug)]
pub struct Eigen {
    n: usize,
    /// `[n, n]`, the lower triangle of what is left to reduce.
    a: Vec<f64>,
    /// Next to the diagonal of the tridiagonal matrix.
    beside: Vec<f64>,
    n_left: usize,
}

/// Sweeps of QL that any eigenvalue may take; two are usual.
const MAX_SWEEPS: usize = 60;

impl Eigen {
    /// Begins with a symmetric matrix, `[n, n]`.
    pub fn new(a: Vec<f64>, n: usize) -> Self {
        Self { n, a, beside: vec![0.0; n], n_left: n }
    }

    /// Steps that are left.
    pub fn n_left(&self) -> usize {
        self.n_left.saturating_sub(1)
    }

    /// Turns one row into one of a tridiagonal matrix by a Householder reflection of those before.
    pub fn step(&mut self) {
        let (n, i) = (self.n, self.n_left.saturating_sub(1));
        self.n_left = i;
        if i == 0 {
            return;
        }
        let (before, row) = self.a.split_at_mut(i * n);
        let u = &mut row[..i];
        let size = u.iter().map(|x| x.abs()).sum::<f64>();
        if i == 1 || size == 0.0 {
            self.beside[i] = u[i - 1];
            return;
        }
        u.iter_mut().for_each(|x| *x /= size);
        let square: f64 = u.iter().map(|x| x * x).sum();
        let last = u[i - 1];
        let turned = -square.sqrt().copysign(last);
        self.beside[i] = size * turned;
        let h = square - last * turned;
        u[i - 1] = last - turned;
        // p = A·u / h, by rows of the lower triangle.
        let p = &mut self.beside[..i];
        p.fill(0.0);
        for j in 0..i {
            let row = &before[j * n..j * n + j];
            let mut sum = before[j * n + j] * u[j];
            let uj = u[j];
            for ((x, p), u) in row.iter().zip(p.iter_mut()).zip(u.iter()) {
                sum += x * u;
                *p += x * uj;
            }
            p[j] += sum;
        }
        let mut shift = 0.0;
        for (p, u) in p.iter_mut().zip(u.iter()) {
            *p /= h;
            shift += *p * u;
        }
        shift /= 2.0 * h;
        p.iter_mut().zip(u.iter()).for_each(|(p, u)| *p -= shift * u);
        // A − u·qᵀ − q·uᵀ.
        for j in 0..i {
            let (uj, qj) = (u[j], p[j]);
            let row = &mut before[j * n..=j * n + j];
            for ((x, q), u) in row.iter_mut().zip(p.iter()).zip(u.iter()) {
                *x -= uj * q + qj * u;
            }
        }
    }

    /// The eigenvalues, largest first; the steps that are left are done. `None` if QL does not
    /// settle: something in the matrix is not finite.
    pub fn finish(mut self) -> Option<Vec<f64>> {
        while self.n_left() > 0 {
            self.step();
        }
        let n = self.n;
        let mut d: Vec<f64> = (0..n).map(|i| self.a[i * n + i]).collect();
        let mut e = self.beside;
        if n > 0 {
            e.rotate_left(1);
            e[n - 1] = 0.0;
        }
        for l in 0..n {
            settle(&mut d, &mut e, l)?;
        }
        d.sort_unstable_by(|a, b| b.total_cmp(a));
        d.iter().all(|value| value.is_finite()).then_some(d)
    }
}

/// Implicit QL on a tridiagonal matrix until the eigenvalue at `l` stands alone.
fn settle(d: &mut [f64], e: &mut [f64], l: usize) -> Option<()> {
    let n = d.len();
    for _ in 0..MAX_SWEEPS {
        let is_small = |m: &usize| {
            let size = d[*m].abs() + d[*m + 1].abs();
            e[*m].abs() <= f64::EPSILON * size
        };
        let m = (l..n - 1).find(is_small).unwrap_or(n - 1);
        if m == l {
            return Some(());
        }
        let mut g = (d[l + 1] - d[l]) / (2.0 * e[l]);
        let mut r = g.hypot(1.0);
        g = d[m] - d[l] + e[l] / (g + r.copysign(g));
        let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
        let mut is_split = false;
        for i in (l..m).rev() {
            let (f, b) = (s * e[i], c * e[i]);
            r = f.hypot(g);
            e[i + 1] = r;
            if r == 0.0 {
                d[i + 1] -= p;
                e[m] = 0.0;
                is_split = true;
                break;
            }
            (s, c) = (f / r, g / r);
            g = d[i + 1] - p;
            r = (d[i] - g) * s + 2.0 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
        }
        if !is_split {
            d[l] -= p;
            e[l] = g;
            e[m] = 0.0;
        }
    }
    None
}

/// Singular values from the eigenvalues of a Gram matrix, largest first.
pub fn roots(eigenvalues: &[f64]) -> Vec<f32> {
    eigenvalues.iter().map(|value| value.max(0.0).sqrt() as f32).collect()
}

/// Singular values of a product `A·B` with `k` columns of A and rows of B, from `AᵀA` and `B·Bᵀ`,
/// both `[k, k]`. `None` if something is not finite.
pub fn of_product(a: &Gram, b: &Gram) -> Option<Vec<f32>> {
    let (k, left, right) = (a.n.min(b.n), a.full(), b.full());
    if !left.iter().all(|value| value.is_finite()) {
        return None;
    }
    let root = cholesky(left, k);
    // rootᵀ · B·Bᵀ · root has the eigenvalues of AᵀA · B·Bᵀ, and is symmetric.
    let mut product = vec![0.0; k * k];
    for i in 0..k {
        let column: Vec<f64> = (0..k).map(|j| root[j * k + i]).collect();
        let turned: Vec<f64> = right
            .chunks_exact(k)
            .map(|row| row.iter().zip(&column).map(|(x, y)| x * y).sum())
            .collect();
        for j in 0..k {
            product[i * k + j] = (0..k).map(|at| turned[at] * root[at * k + j]).sum();
        }
    }
    Eigen::new(product, k).finish().map(|values| roots(&values))
}

/// The lower triangle L with `L·Lᵀ = a`; directions without extent stay 0.
fn cholesky(mut a: Vec<f64>, n: usize) -> Vec<f64> {
    let largest = (0..n).map(|i| a[i * n + i]).fold(0.0, f64::max);
    for j in 0..n {
        let pivot = a[j * n + j] - a[j * n..j * n + j].iter().map(|x| x * x).sum::<f64>();
        let root = if pivot > 1e-14 * largest { pivot.sqrt() } else { 0.0 };
        for i in j..n {
            let (upper, lower) = a.split_at(i * n);
            let done = if i == j { &lower[..j] } else { &upper[j * n..j * n + j] };
            let dot: f64 = lower[..j].iter().zip(done).map(|(x, y)| x * y).sum();
            a[i * n + j] = match i == j {
                true => root,
                false if root > 0.0 => (a[i * n + j] - dot) / root,
                false => 0.0,
            };
        }
        a[j * n + j + 1..(j + 1) * n].fill(0.0);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Singular values of `[n_rows, n_cols]`, tall.
    fn of(values: &[f32], n_cols: usize) -> Vec<f32> {
        let mut gram = Gram::new(n_cols);
        gram.add_rows(values);
        roots(&Eigen::new(gram.full(), n_cols).finish().unwrap())
    }

    fn near(ours: &[f32], theirs: &[f32]) {
        assert_eq!(ours.len(), theirs.len());
        for (a, b) in ours.iter().zip(theirs) {
            assert!((a - b).abs() <= 1e-6 * theirs[0], "{ours:?} {theirs:?}");
        }
    }

    fn sines(n: usize, step: f32) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * step).sin()).collect()
    }

    // numpy.linalg.svd(numpy.array([[1, 2], [3, 4], [5, 6]]), compute_uv=False), and of the
    // 3 × 3 matrix 1 … 9, whose rank is 2.
    #[test]
    fn of_small_matrices_as_numpy_has_them() {
        near(&of(&[1., 2., 3., 4., 5., 6.], 2), &[9.525_518, 0.514_300_6]);
        let square: Vec<f32> = (1..=9).map(|i| i as f32).collect();
        near(&of(&square, 3), &[16.848_103, 1.068_369_5, 0.0]);
    }

    #[test]
    fn of_diagonals_zeros_and_one_column() {
        near(&of(&[3., 0., 0., 0., -4., 0., 0., 0., 0.5], 3), &[4., 3., 0.5]);
        assert_eq!(of(&[0.0; 12], 4), [0.0; 4]);
        near(&of(&[3., 4.], 1), &[5.]);
        assert_eq!(Eigen::new(Vec::new(), 0).finish(), Some(Vec::new()));
    }

    #[test]
    fn rows_in_parts_are_rows_at_once() {
        let rows = sines(11 * 7, 0.37);
        let mut parts = Gram::new(7);
        rows.chunks(3 * 7).for_each(|part| parts.add_rows(part));
        let mut whole = Gram::new(7);
        whole.add_rows(&rows);
        for (a, b) in parts.full().iter().zip(whole.full()) {
            assert!((a - b).abs() <= 1e-12);
        }
    }

    #[test]
    fn squares_sum_to_the_squared_norm() {
        let values = sines(40 * 23, 1.7);
        let singular = of(&values, 23);
        let sum = |values: &[f32]| values.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
        assert!((sum(&singular) / sum(&values) - 1.0).abs() <= 1e-6);
        assert!(singular.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn a_product_has_the_spectrum_of_the_product() {
        // A [9, 3], B [3, 8]; A·B written out.
        let (a, b) = (sines(27, 0.9), sines(24, 1.3));
        let mut product = vec![0.0_f32; 72];
        for (at, value) in product.iter_mut().enumerate() {
            *value = (0..3).map(|k| a[at / 8 * 3 + k] * b[k * 8 + at % 8]).sum();
        }
        let transposed: Vec<f32> = (0..24).map(|at| b[at % 3 * 8 + at / 3]).collect();
        let (mut left, mut right) = (Gram::new(3), Gram::new(3));
        left.add_rows(&a);
        right.add_rows(&transposed);
        near(&of_product(&left, &right).unwrap(), &of(&product, 8)[..3]);
    }

    #[test]
    fn what_is_not_finite_is_none() {
        let mut gram = Gram::new(2);
        gram.add_rows(&[1.0, f32::NAN, 2.0, 3.0]);
        assert_eq!(Eigen::new(gram.full(), 2).finish(), None);
        assert_eq!(of_product(&gram, &gram), None);
    }
}
