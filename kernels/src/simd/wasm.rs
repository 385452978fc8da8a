//! WebAssembly's 128-bit vectors; with relaxed SIMD, fused multiply-add.

#![cfg(target_feature = "simd128")]
#![expect(unsafe_code, reason = "vector loads and stores take pointers")]

use std::arch::wasm32::*;

use super::Simd;

/// The module was compiled with simd128; a browser without it refuses the module.
#[derive(Clone, Copy)]
pub(crate) struct Wasm;

/// Methods that are one expression each.
macro_rules! intrinsics {
    ($($name:ident($($arg:ident: $ty:ty),*) -> $result:ty = $body:expr;)*) => {
        $(
            #[inline(always)]
            fn $name(self, $($arg: $ty),*) -> $result {
                $body
            }
        )*
    };
}

impl Simd for Wasm {
    const LANES: usize = 4;
    const TILE: usize = 4;
    type F32 = v128;
    type I32 = v128;

    intrinsics! {
        f32_splat(value: f32) -> v128 = f32x4_splat(value);
        // SAFETY, for loads and stores: the slice is cut to the length of a vector.
        f32_load(from: &[f32]) -> v128 = unsafe { v128_load(from[..4].as_ptr().cast()) };
        f32_store(v: v128, to: &mut [f32]) -> () =
            unsafe { v128_store(to[..4].as_mut_ptr().cast(), v) };
        f32_add(a: v128, b: v128) -> v128 = f32x4_add(a, b);
        f32_sub(a: v128, b: v128) -> v128 = f32x4_sub(a, b);
        f32_mul(a: v128, b: v128) -> v128 = f32x4_mul(a, b);
        f32_div(a: v128, b: v128) -> v128 = f32x4_div(a, b);
        f32_max(a: v128, b: v128) -> v128 = f32x4_pmax(b, a);
        f32_min(a: v128, b: v128) -> v128 = f32x4_pmin(b, a);
        f32_mul_add(a: v128, b: v128, c: v128) -> v128 = mul_add(a, b, c);
        f32_where_less(pair: [v128; 2], yes: v128, no: v128) -> v128 =
            v128_bitselect(yes, no, f32x4_lt(pair[0], pair[1]));
        f32_from_f16(from: &[u16]) -> v128 = {
            let halves = unsafe { i32x4_load_extend_i16x4(from[..4].as_ptr().cast()) };
            // Sign, exponent and mantissa at the places of an f32, 2¹¹² too small.
            let bits = v128_and(i32x4_shl(halves, 13), u32x4_splat(0x8fff_e000));
            f32x4_mul(bits, f32x4_splat(f32::from_bits(0x7780_0000)))
        };
        f32_from_i32(v: v128) -> v128 = f32x4_convert_i32x4(v);
        f32_from_bits(v: v128) -> v128 = v;
        f32_to_bits(v: v128) -> v128 = v;
        i32_splat(value: u32) -> v128 = u32x4_splat(value);
        i32_load(from: &[u32]) -> v128 = unsafe { v128_load(from[..4].as_ptr().cast()) };
        i32_store(v: v128, to: &mut [u32]) -> () =
            unsafe { v128_store(to[..4].as_mut_ptr().cast(), v) };
        i32_add(a: v128, b: v128) -> v128 = i32x4_add(a, b);
        i32_sub(a: v128, b: v128) -> v128 = i32x4_sub(a, b);
        i32_and(a: v128, b: v128) -> v128 = v128_and(a, b);
        i32_shl(v: v128, n: u32) -> v128 = i32x4_shl(v, n);
        i32_shr(v: v128, n: u32) -> v128 = u32x4_shr(v, n);
        i16_from_low_bytes(v: v128) -> v128 = i16x8_shr(i16x8_shl(v, 8), 8);
        i16_from_high_bytes(v: v128) -> v128 = i16x8_shr(v, 8);
        f32_sums(vs: [v128; 4]) -> [f32; 4] = {
            let [a, b, c, d] = vs;
            // Two rounds of adding neighbours turn rows into one row of sums.
            let pairs = |x: v128, y: v128| {
                f32x4_add(i32x4_shuffle::<0, 2, 4, 6>(x, y), i32x4_shuffle::<1, 3, 5, 7>(x, y))
            };
            let sums = pairs(pairs(a, b), pairs(c, d));
            [
                f32x4_extract_lane::<0>(sums),
                f32x4_extract_lane::<1>(sums),
                f32x4_extract_lane::<2>(sums),
                f32x4_extract_lane::<3>(sums),
            ]
        };
        f32_sum(v: v128) -> f32 = {
            let pairs = f32x4_add(v, i32x4_shuffle::<2, 3, 0, 1>(v, v));
            f32x4_extract_lane::<0>(pairs) + f32x4_extract_lane::<1>(pairs)
        };
        i16_dot_add(acc: v128, a: v128, b: v128) -> v128 = i32x4_add(acc, i32x4_dot_i16x8(a, b));
    }
}

#[cfg(target_feature = "relaxed-simd")]
#[inline(always)]
fn mul_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_relaxed_madd(a, b, c)
}

#[cfg(not(target_feature = "relaxed-simd"))]
#[inline(always)]
fn mul_add(a: v128, b: v128, c: v128) -> v128 {
    f32x4_add(f32x4_mul(a, b), c)
}
