//! Elementary functions over vectors, to within a few units of the last place.
//!
//! Polynomials: exp and tanh from Cephes (Moshier), erf from Eigen's rational approximation.

use super::Simd;

/// A function of one value, for [`map`].
pub(crate) trait Function: Copy {
    /// Its values at x.
    fn at<S: Simd>(self, s: S, x: S::F32) -> S::F32;
}

/// y = f(x), value by value.
#[inline(always)]
pub(crate) fn map<S: Simd>(s: S, f: impl Function, x: &[f32], y: &mut [f32]) {
    let mut x_steps = x.chunks_exact(S::LANES);
    let mut y_steps = y.chunks_exact_mut(S::LANES);
    for (x, y) in (&mut x_steps).zip(&mut y_steps) {
        s.f32_store(f.at(s, s.f32_load(x)), y);
    }
    let (x, y) = (x_steps.remainder(), y_steps.into_remainder());
    if !x.is_empty() {
        let mut lanes = [0.0; 16];
        lanes[..x.len()].copy_from_slice(x);
        let values = f.at(s, s.f32_load(&lanes));
        s.f32_store(values, &mut lanes);
        y.copy_from_slice(&lanes[..x.len()]);
    }
}

/// [`sigmoid`], for [`map`].
#[derive(Clone, Copy)]
pub(crate) struct Sigmoid;

impl Function for Sigmoid {
    #[inline(always)]
    fn at<S: Simd>(self, s: S, x: S::F32) -> S::F32 {
        sigmoid(s, x)
    }
}

/// A polynomial, highest coefficient first.
#[inline(always)]
fn polynomial<S: Simd, const N: usize>(s: S, x: S::F32, coefficients: [f32; N]) -> S::F32 {
    let mut sum = s.f32_splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = s.f32_mul_add(sum, x, s.f32_splat(*coefficient));
    }
    sum
}

/// eˣ; 0 below −87.3 (where f32 has no normal values), +∞ above 88.7. NaN stays.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::F32) -> S::F32 {
    // Adding this makes the last bits of a sum the value rounded to an integer.
    const ROUND: f32 = 12_582_912.0;
    let (low, high) = (s.f32_splat(-87.3), s.f32_splat(88.7));
    let within = s.f32_max(low, s.f32_min(high, x));
    let shifted = s.f32_mul_add(within, s.f32_splat(std::f32::consts::LOG2_E), s.f32_splat(ROUND));
    let n = s.f32_sub(shifted, s.f32_splat(ROUND));
    // ln 2 in two pieces, the first with so few bits that its multiples are exact.
    let r = s.f32_mul_add(n, s.f32_splat(-0.693_359_4), within);
    let r = s.f32_mul_add(n, s.f32_splat(2.121_944_4e-4), r);
    let p = polynomial(
        s,
        r,
        [1.987_569_1e-4, 1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5],
    );
    let e_r = s.f32_add(s.f32_mul_add(s.f32_mul(r, r), p, r), s.f32_splat(1.0));
    // 2ⁿ in two factors: n reaches 128, one more than an exponent holds.
    let half = s.i32_shr(s.i32_sub(s.f32_to_bits(shifted), s.i32_splat(ROUND.to_bits() - 256)), 1);
    let half = s.i32_sub(half, s.i32_splat(128));
    let whole = s.i32_sub(s.f32_to_bits(shifted), s.i32_splat(ROUND.to_bits()));
    let power = |n: S::I32| s.f32_from_bits(s.i32_shl(s.i32_add(n, s.i32_splat(127)), 23));
    let result = s.f32_mul(s.f32_mul(e_r, power(half)), power(s.i32_sub(whole, half)));
    let result = s.f32_where_less([x, low], s.f32_zero(), result);
    s.f32_where_less([high, x], s.f32_splat(f32::INFINITY), result)
}

/// σ(x) = 1/(1 + e⁻ˣ).
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let one = s.f32_splat(1.0);
    s.f32_div(one, s.f32_add(one, exp(s, s.f32_sub(s.f32_zero(), x))))
}

/// tanh x.
#[inline(always)]
pub(crate) fn tanh<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let (one, two) = (s.f32_splat(1.0), s.f32_splat(2.0));
    let square = s.f32_mul(x, x);
    let p = polynomial(
        s,
        square,
        [-5.704_988_7e-3, 2.063_909e-2, -5.373_971_6e-2, 0.133_314_42, -0.333_332_8],
    );
    let near = s.f32_mul_add(s.f32_mul(square, x), p, x);
    let far = s.f32_sub(one, s.f32_div(two, s.f32_add(exp(s, s.f32_add(x, x)), one)));
    s.f32_where_less([square, s.f32_splat(0.625 * 0.625)], near, far)
}

/// erf x.
#[inline(always)]
pub(crate) fn erf<S: Simd>(s: S, x: S::F32) -> S::F32 {
    let within = s.f32_max(s.f32_splat(-4.0), s.f32_min(s.f32_splat(4.0), x));
    let square = s.f32_mul(within, within);
    let above = polynomial(
        s,
        square,
        [
            -2.726_142_3e-10,
            2.770_681_3e-8,
            -2.101_024e-6,
            -5.692_506_5e-5,
            -7.349_906_4e-4,
            -2.954_6e-3,
            -1.609_603_3e-2,
        ],
    );
    let below = polynomial(
        s,
        square,
        [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_473_9e-2],
    );
    s.f32_div(s.f32_mul(within, above), below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Isa, Kernel};

    #[derive(Clone, Copy)]
    enum Which {
        Exp,
        Sigmoid,
        Tanh,
        Erf,
    }

    impl Function for Which {
        #[inline(always)]
        fn at<S: Simd>(self, s: S, x: S::F32) -> S::F32 {
            match self {
                Self::Exp => exp(s, x),
                Self::Sigmoid => sigmoid(s, x),
                Self::Tanh => tanh(s, x),
                Self::Erf => erf(s, x),
            }
        }
    }

    struct Map<'a>(Which, &'a [f32], &'a mut [f32]);

    impl Kernel for Map<'_> {
        type Output = ();
        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            map(s, self.0, self.1, self.2);
        }
    }

    fn on_every_isa(which: Which, x: &[f32], check: impl Fn(f32, f32)) {
        for isa in Isa::available() {
            let mut y = vec![f32::NAN; x.len()];
            isa.run(Map(which, x, &mut y));
            x.iter().zip(&y).for_each(|(x, y)| check(*x, *y));
        }
    }

    fn close(y: f32, expected: f64, tolerance: f64, x: f32) {
        let err = (f64::from(y) - expected).abs();
        assert!(err <= tolerance, "at {x}: {y} instead of {expected}");
    }

    #[test]
    fn functions_agree_with_f64() {
        let x: Vec<f32> = (0..200_003).map(|i| (i - 100_000) as f32 * 1.7e-4).collect();
        let wide = |x: f32| f64::from(x);
        on_every_isa(Which::Exp, &x, |x, y| close(y, wide(x).exp(), wide(x).exp() * 2e-7, x));
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        on_every_isa(Which::Sigmoid, &x, |x, y| close(y, sigmoid(wide(x)), 1.5e-7, x));
        on_every_isa(Which::Tanh, &x, |x, y| close(y, wide(x).tanh(), 2e-7, x));
        on_every_isa(Which::Tanh, &x, |x, y| {
            close(y, wide(x).tanh(), wide(x).tanh().abs() * 3e-7, x);
        });
        on_every_isa(Which::Erf, &x, |x, y| close(y, libm::erf(wide(x)), 4e-7, x));
    }

    #[test]
    fn exp_ends_well() {
        let x = [-1e30, -200.0, f32::NEG_INFINITY, 88.0, 88.6, 200.0, f32::INFINITY];
        on_every_isa(Which::Exp, &x, |x, y| {
            if x < -100.0 {
                assert_eq!(y, 0.0, "at {x}");
            } else if x > 100.0 {
                assert_eq!(y, f32::INFINITY, "at {x}");
            } else {
                close(y, f64::from(x).exp(), f64::from(x).exp() * 3e-7, x);
            }
        });
        on_every_isa(Which::Exp, &[f32::NAN; 5], |_, y| assert!(y.is_nan()));
        on_every_isa(Which::Tanh, &[f32::NAN; 5], |_, y| assert!(y.is_nan()));
        on_every_isa(Which::Tanh, &[-1e9, 1e9], |x, y| assert_eq!(y, x.signum()));
        on_every_isa(Which::Sigmoid, &[-1e9, 1e9], |x, y| {
            assert_eq!(y, if x > 0.0 { 1.0 } else { 0.0 })
        });
    }
}
