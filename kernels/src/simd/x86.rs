//! AVX2 and AVX-512.

#![expect(
    unsafe_code,
    reason = "intrinsics; a token exists only where its instructions were detected"
)]

use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// Proof of AVX2, FMA and F16C.
#[derive(Clone, Copy)]
pub(crate) struct Avx2(());

/// Proof of AVX-512 F, BW, VL, DQ and VNNI.
#[derive(Clone, Copy)]
pub(crate) struct Avx512(());

impl Avx2 {
    /// The token, if the instructions are there.
    pub fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        there.then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn within<K: Kernel>(kernel: K, s: Avx2) -> K::Output {
            kernel.run(s)
        }
        // SAFETY: the token proves the features.
        unsafe { within(kernel, self) }
    }
}

impl Avx512 {
    /// The token, if the instructions are there.
    pub fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vnni")
            && Avx2::detect().is_some();
        there.then_some(Self(()))
    }

    /// Runs a kernel compiled for these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,f16c")]
        fn within<K: Kernel>(kernel: K, s: Avx512) -> K::Output {
            kernel.run(s)
        }
        // SAFETY: the token proves the features.
        unsafe { within(kernel, self) }
    }
}

/// Methods that are one intrinsic each. SAFETY, for all: the token proves the features; pointers
/// come from slices cut to the length of a vector.
macro_rules! intrinsics {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $result:ty = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($arg: $ty),*) -> $result {
                unsafe { $body }
            }
        )*
    };
}

impl Simd for Avx2 {
    const LANES: usize = 8;
    const TILE: usize = 4;
    type F32 = __m256;
    type I32 = __m256i;

    intrinsics! {
        f32_splat(value: f32) -> __m256 = _mm256_set1_ps(value);
        f32_load(from: &[f32]) -> __m256 = _mm256_loadu_ps(from[..8].as_ptr());
        f32_store(v: __m256, to: &mut [f32]) -> () = _mm256_storeu_ps(to[..8].as_mut_ptr(), v);
        f32_add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b);
        f32_sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b);
        f32_mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b);
        f32_div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b);
        f32_max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b);
        f32_min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b);
        f32_mul_add(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c);
        f32_where_less(pair: [__m256; 2], yes: __m256, no: __m256) -> __m256 =
            _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_LT_OQ>(pair[0], pair[1]));
        f32_from_f16(from: &[u16]) -> __m256 =
            _mm256_cvtph_ps(_mm_loadu_si128(from[..8].as_ptr().cast()));
        f32_from_i32(v: __m256i) -> __m256 = _mm256_cvtepi32_ps(v);
        f32_from_bits(v: __m256i) -> __m256 = _mm256_castsi256_ps(v);
        f32_to_bits(v: __m256) -> __m256i = _mm256_castps_si256(v);
        i32_splat(value: u32) -> __m256i = _mm256_set1_epi32(value as i32);
        i32_load(from: &[u32]) -> __m256i = _mm256_loadu_si256(from[..8].as_ptr().cast());
        i32_store(v: __m256i, to: &mut [u32]) -> () =
            _mm256_storeu_si256(to[..8].as_mut_ptr().cast(), v);
        i32_add(a: __m256i, b: __m256i) -> __m256i = _mm256_add_epi32(a, b);
        i32_sub(a: __m256i, b: __m256i) -> __m256i = _mm256_sub_epi32(a, b);
        i32_and(a: __m256i, b: __m256i) -> __m256i = _mm256_and_si256(a, b);
        i32_shl(v: __m256i, n: u32) -> __m256i = _mm256_sll_epi32(v, _mm_cvtsi32_si128(n as i32));
        i32_shr(v: __m256i, n: u32) -> __m256i = _mm256_srl_epi32(v, _mm_cvtsi32_si128(n as i32));
        i16_from_low_bytes(v: __m256i) -> __m256i =
            _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(v));
        i16_from_high_bytes(v: __m256i) -> __m256i = _mm256_srai_epi16::<8>(v);
        f32_sum(v: __m256) -> f32 = {
            let half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
            let pair = _mm_add_ps(half, _mm_movehl_ps(half, half));
            _mm_cvtss_f32(_mm_add_ss(pair, _mm_movehdup_ps(pair)))
        };
        i16_dot_add(acc: __m256i, a: __m256i, b: __m256i) -> __m256i =
            _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
    }
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    const TILE: usize = 6;
    type F32 = __m512;
    type I32 = __m512i;

    intrinsics! {
        f32_splat(value: f32) -> __m512 = _mm512_set1_ps(value);
        f32_load(from: &[f32]) -> __m512 = _mm512_loadu_ps(from[..16].as_ptr());
        f32_store(v: __m512, to: &mut [f32]) -> () = _mm512_storeu_ps(to[..16].as_mut_ptr(), v);
        f32_add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b);
        f32_sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b);
        f32_mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b);
        f32_div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b);
        f32_max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b);
        f32_min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b);
        f32_mul_add(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c);
        f32_where_less(pair: [__m512; 2], yes: __m512, no: __m512) -> __m512 =
            _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(pair[0], pair[1]), no, yes);
        f32_from_f16(from: &[u16]) -> __m512 =
            _mm512_cvtph_ps(_mm256_loadu_si256(from[..16].as_ptr().cast()));
        f32_from_i32(v: __m512i) -> __m512 = _mm512_cvtepi32_ps(v);
        f32_from_bits(v: __m512i) -> __m512 = _mm512_castsi512_ps(v);
        f32_to_bits(v: __m512) -> __m512i = _mm512_castps_si512(v);
        i32_splat(value: u32) -> __m512i = _mm512_set1_epi32(value as i32);
        i32_load(from: &[u32]) -> __m512i = _mm512_loadu_si512(from[..16].as_ptr().cast());
        i32_store(v: __m512i, to: &mut [u32]) -> () =
            _mm512_storeu_si512(to[..16].as_mut_ptr().cast(), v);
        i32_add(a: __m512i, b: __m512i) -> __m512i = _mm512_add_epi32(a, b);
        i32_sub(a: __m512i, b: __m512i) -> __m512i = _mm512_sub_epi32(a, b);
        i32_and(a: __m512i, b: __m512i) -> __m512i = _mm512_and_si512(a, b);
        i32_shl(v: __m512i, n: u32) -> __m512i = _mm512_sll_epi32(v, _mm_cvtsi32_si128(n as i32));
        i32_shr(v: __m512i, n: u32) -> __m512i = _mm512_srl_epi32(v, _mm_cvtsi32_si128(n as i32));
        i16_from_low_bytes(v: __m512i) -> __m512i =
            _mm512_srai_epi16::<8>(_mm512_slli_epi16::<8>(v));
        i16_from_high_bytes(v: __m512i) -> __m512i = _mm512_srai_epi16::<8>(v);
        f32_sum(v: __m512) -> f32 = _mm512_reduce_add_ps(v);
        i16_dot_add(acc: __m512i, a: __m512i, b: __m512i) -> __m512i =
            _mm512_dpwssd_epi32(acc, a, b);
    }
}
