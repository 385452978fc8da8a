//! Vectors of f32, i32 and i16 pairs, one implementation an instruction set, chosen at run time.
//!
//! A kernel is written once, generic over [`Simd`], as a [`Kernel`]; [`Isa::run`] calls it inside
//! a function compiled for the instructions that the token proves to be there. Everything between
//! that call and the intrinsics must be `#[inline(always)]`, or it is compiled without them.

pub(crate) mod math;
#[cfg(target_arch = "aarch64")]
mod neon;
// A module with simd128 needs no other instructions, and every kernel in them would double it.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod plain;
#[cfg(target_arch = "wasm32")]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Operations on vectors of [`Simd::LANES`] 32-bit lanes. Implementors are tokens: to hold one is
/// to know that the machine has its instructions.
///
/// Loads and stores take the first `LANES` values of a slice and panic if there are fewer.
pub(crate) trait Simd: Copy {
    /// 32-bit lanes of a vector.
    const LANES: usize;
    /// Rows of x that fit the registers beside two vectors of columns.
    const TILE: usize;
    /// `LANES` f32.
    type F32: Copy;
    /// `LANES` i32, or as many pairs of i16.
    type I32: Copy;

    fn f32_splat(self, value: f32) -> Self::F32;
    fn f32_load(self, from: &[f32]) -> Self::F32;
    fn f32_store(self, v: Self::F32, to: &mut [f32]);
    fn f32_add(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn f32_sub(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn f32_mul(self, a: Self::F32, b: Self::F32) -> Self::F32;
    fn f32_div(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The larger; b where either is NaN (NEON: NaN).
    fn f32_max(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// The smaller; b where either is NaN (NEON: NaN).
    fn f32_min(self, a: Self::F32, b: Self::F32) -> Self::F32;
    /// a·b + c, rounded once or twice.
    fn f32_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32;
    /// `yes` in the lanes where the first of the pair is less than the second, else `no`.
    fn f32_where_less(self, pair: [Self::F32; 2], yes: Self::F32, no: Self::F32) -> Self::F32;
    /// `LANES` halves (as bits) widened. Infinities and NaN need not survive.
    fn f32_from_f16(self, from: &[u16]) -> Self::F32;
    fn f32_from_i32(self, v: Self::I32) -> Self::F32;
    fn f32_from_bits(self, v: Self::I32) -> Self::F32;
    fn f32_to_bits(self, v: Self::F32) -> Self::I32;

    fn i32_splat(self, value: u32) -> Self::I32;
    fn i32_load(self, from: &[u32]) -> Self::I32;
    fn i32_store(self, v: Self::I32, to: &mut [u32]);
    fn i32_add(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn i32_sub(self, a: Self::I32, b: Self::I32) -> Self::I32;
    fn i32_and(self, a: Self::I32, b: Self::I32) -> Self::I32;
    /// Shifts to the left by a constant.
    fn i32_shl(self, v: Self::I32, n: u32) -> Self::I32;
    /// Shifts to the right by a constant, zeros coming in.
    fn i32_shr(self, v: Self::I32, n: u32) -> Self::I32;
    /// The low byte of each 16 bits, sign-extended to them.
    fn i16_from_low_bytes(self, v: Self::I32) -> Self::I32;
    /// The high byte of each 16 bits, sign-extended to them.
    fn i16_from_high_bytes(self, v: Self::I32) -> Self::I32;
    /// acc + a₀·b₀ + a₁·b₁ in each lane, of its two i16.
    fn i16_dot_add(self, acc: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32;

    #[inline(always)]
    fn f32_zero(self) -> Self::F32 {
        self.f32_splat(0.0)
    }

    #[inline(always)]
    fn i32_zero(self) -> Self::I32 {
        self.i32_splat(0)
    }

    /// Sum of the lanes.
    #[inline(always)]
    fn f32_sum(self, v: Self::F32) -> f32 {
        let mut lanes = [0.0; 16];
        self.f32_store(v, &mut lanes);
        let mut n = Self::LANES;
        while n > 1 {
            n /= 2;
            for lane in 0..n {
                lanes[lane] += lanes[lane + n];
            }
        }
        lanes[0]
    }

    /// Sums of the lanes of four vectors.
    #[inline(always)]
    fn f32_sums(self, vs: [Self::F32; 4]) -> [f32; 4] {
        vs.map(|v| self.f32_sum(v))
    }

    /// The largest lane.
    #[inline(always)]
    fn f32_largest(self, v: Self::F32) -> f32 {
        let mut lanes = [0.0; 16];
        self.f32_store(v, &mut lanes);
        lanes[1..Self::LANES].iter().copied().fold(lanes[0], f32::max)
    }
}

/// Work to be done with whichever instruction set there is.
pub(crate) trait Kernel {
    /// What the work results in.
    type Output;

    /// Does the work; must be `#[inline(always)]`.
    fn run<S: Simd>(self, s: S) -> Self::Output;
}

/// An instruction set that this machine has.
#[derive(Clone, Copy)]
pub(crate) enum Isa {
    /// Arrays, which compilers turn into what every machine of the target has.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    Plain(plain::Plain),
    /// AVX2 with FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    /// AVX-512 F and BW with VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
    /// NEON.
    #[cfg(target_arch = "aarch64")]
    Neon(neon::Neon),
    /// WebAssembly's 128-bit vectors.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Wasm(wasm::Wasm),
}

impl Isa {
    /// All that this machine has, best last.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    pub fn available() -> impl Iterator<Item = Self> {
        [
            Some(Self::Plain(plain::Plain)),
            #[cfg(target_arch = "x86_64")]
            x86::Avx2::detect().map(Self::Avx2),
            #[cfg(target_arch = "x86_64")]
            x86::Avx512::detect().map(Self::Avx512),
            #[cfg(target_arch = "aarch64")]
            Some(Self::Neon(neon::Neon)),
        ]
        .into_iter()
        .flatten()
    }

    /// The best that this machine has.
    #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self::Plain(plain::Plain))
    }

    /// The one that the module was compiled for.
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    pub fn best() -> Self {
        Self::Wasm(wasm::Wasm)
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Self::Plain(_) => "no vector instructions",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(_) => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => "AVX-512 VNNI",
            #[cfg(target_arch = "aarch64")]
            Self::Neon(_) => "NEON",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm(_) if cfg!(target_feature = "relaxed-simd") => "WebAssembly relaxed SIMD",
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm(_) => "WebAssembly SIMD",
        }
    }

    /// 32-bit lanes of a vector.
    pub fn lanes(self) -> usize {
        struct Lanes;
        impl Kernel for Lanes {
            type Output = usize;
            #[inline(always)]
            fn run<S: Simd>(self, _: S) -> usize {
                S::LANES
            }
        }
        self.run(Lanes)
    }

    /// Runs a kernel with these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self {
            #[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
            Self::Plain(s) => kernel.run(s),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(s) => s.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(s) => s.run(kernel),
            #[cfg(target_arch = "aarch64")]
            Self::Neon(s) => kernel.run(s),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Wasm(s) => kernel.run(s),
        }
    }
}

impl Default for Isa {
    fn default() -> Self {
        Self::best()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation once on the same values, results laid end to end as bits per lane.
    struct Everything<'a>(&'a [f32], &'a [u32], &'a [u16]);

    impl Kernel for Everything<'_> {
        type Output = Vec<Vec<u32>>;
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> Self::Output {
            let Self(floats, ints, halves) = self;
            let mut results = vec![Vec::new(); 21];
            for at in (0..floats.len() / 2).step_by(S::LANES) {
                let (a, b) =
                    (s.f32_load(&floats[at..]), s.f32_load(&floats[floats.len() / 2 + at..]));
                let (i, j) = (s.i32_load(&ints[at..]), s.i32_load(&ints[ints.len() / 2 + at..]));
                let of_f32 = [
                    s.f32_splat(3.5),
                    s.f32_add(a, b),
                    s.f32_sub(a, b),
                    s.f32_mul(a, b),
                    s.f32_div(a, b),
                    s.f32_max(a, b),
                    s.f32_min(a, b),
                    s.f32_where_less([a, b], s.f32_splat(1.0), s.f32_splat(2.0)),
                    s.f32_from_f16(&halves[at..]),
                    s.f32_from_i32(i),
                    s.f32_from_bits(s.f32_to_bits(a)),
                ];
                let of_i32 = [
                    s.i32_splat(7),
                    s.i32_add(i, j),
                    s.i32_sub(i, j),
                    s.i32_and(i, j),
                    s.i32_shl(i, 13),
                    s.i32_shr(i, 4),
                    s.i32_shr(i, 12),
                    s.i16_from_low_bytes(i),
                    s.i16_from_high_bytes(i),
                    s.i16_dot_add(j, s.i16_from_low_bytes(i), s.i16_from_high_bytes(j)),
                ];
                let mut lanes = [0; 16];
                for (result, v) in results.iter_mut().zip(of_i32) {
                    s.i32_store(v, &mut lanes);
                    result.extend_from_slice(&lanes[..S::LANES]);
                }
                for (result, v) in results[of_i32.len()..].iter_mut().zip(of_f32) {
                    s.i32_store(s.f32_to_bits(v), &mut lanes);
                    result.extend_from_slice(&lanes[..S::LANES]);
                }
            }
            results
        }
    }

    /// Sums of four stretches of 16 values, by lanes.
    struct Sums<'a>(&'a [f32]);

    impl Kernel for Sums<'_> {
        type Output = [f32; 4];
        #[inline(always)]
        fn run<S: Simd>(self, s: S) -> [f32; 4] {
            let mut vs = [s.f32_zero(); 4];
            for (v, values) in vs.iter_mut().zip(self.0.chunks_exact(16)) {
                for values in values.chunks_exact(S::LANES) {
                    *v = s.f32_add(*v, s.f32_load(values));
                }
            }
            s.f32_sums(vs)
        }
    }

    #[test]
    fn every_instruction_set_computes_the_same() {
        let floats: Vec<f32> = (0..64).map(|i| (i * 37 % 64) as f32 * 0.37 - 9.0).collect();
        let ints: Vec<u32> = (0..64_u32).map(|i| i.wrapping_mul(2_654_435_769)).collect();
        let halves: Vec<u16> =
            (0..32).map(|i| half::f16::from_f32(i as f32 * 0.3 - 4.0).to_bits()).collect();
        let expected = Isa::Plain(plain::Plain).run(Everything(&floats, &ints, &halves));
        let sums = Isa::Plain(plain::Plain).run(Sums(&floats));
        for isa in Isa::available() {
            let (got, name) = (isa.run(Sums(&floats)), isa.name());
            let close = got.iter().zip(sums).all(|(got, sum)| (got - sum).abs() <= 1e-4);
            assert!(close, "{name}: {got:?} instead of {sums:?}");
        }
        assert_eq!(f32::from_bits(expected[18][3]), half::f16::from_f32(3.0 * 0.3 - 4.0).to_f32());
        for isa in Isa::available() {
            let got = isa.run(Everything(&floats, &ints, &halves));
            for (op_idx, (got, expected)) in got.iter().zip(&expected).enumerate() {
                assert_eq!(got, expected, "{}, operation {op_idx}", isa.name());
            }
        }
    }

    #[test]
    fn the_smallest_halves_widen_exactly() {
        struct Widen<'a>(&'a [u16], &'a mut [f32]);
        impl Kernel for Widen<'_> {
            type Output = ();
            #[inline(always)]
            fn run<S: Simd>(self, s: S) {
                for at in (0..self.0.len()).step_by(S::LANES) {
                    s.f32_store(s.f32_from_f16(&self.0[at..]), &mut self.1[at..]);
                }
            }
        }
        let halves = [
            0, 1, 2, 0x3ff, 0x400, 0x8000, 0x8001, 0x83ff, 0x8400, 0x7bff, 0xfbff, 0x3c00, 5, 6, 7,
            8,
        ];
        for isa in Isa::available() {
            let mut wide = [0.0; 16];
            isa.run(Widen(&halves, &mut wide));
            let expected = halves.map(|bits| half::f16::from_bits(bits).to_f32());
            assert_eq!(wide, expected, "{}", isa.name());
        }
    }
}
