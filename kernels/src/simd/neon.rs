//! NEON, which every aarch64 machine has.

#![expect(unsafe_code, reason = "intrinsics; NEON is part of aarch64")]

use std::arch::aarch64::*;

use super::Simd;

/// NEON is part of aarch64.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

/// Methods that are one expression each. SAFETY, for all: NEON is part of aarch64; pointers come
/// from slices cut to the length of a vector.
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

impl Simd for Neon {
    const LANES: usize = 4;
    const TILE: usize = 6;
    type F32 = float32x4_t;
    type I32 = uint32x4_t;

    intrinsics! {
        f32_splat(value: f32) -> float32x4_t = vdupq_n_f32(value);
        f32_load(from: &[f32]) -> float32x4_t = vld1q_f32(from[..4].as_ptr());
        f32_store(v: float32x4_t, to: &mut [f32]) -> () =
            vst1q_f32(to[..4].as_mut_ptr(), v);
        f32_add(a: float32x4_t, b: float32x4_t) -> float32x4_t = vaddq_f32(a, b);
        f32_sub(a: float32x4_t, b: float32x4_t) -> float32x4_t = vsubq_f32(a, b);
        f32_mul(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmulq_f32(a, b);
        f32_div(a: float32x4_t, b: float32x4_t) -> float32x4_t = vdivq_f32(a, b);
        f32_max(a: float32x4_t, b: float32x4_t) -> float32x4_t = vmaxq_f32(a, b);
        f32_min(a: float32x4_t, b: float32x4_t) -> float32x4_t = vminq_f32(a, b);
        f32_mul_add(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t =
            vfmaq_f32(c, a, b);
        f32_where_less(pair: [float32x4_t; 2], yes: float32x4_t, no: float32x4_t) -> float32x4_t =
            vbslq_f32(vcltq_f32(pair[0], pair[1]), yes, no);
        f32_from_f16(from: &[u16]) -> float32x4_t = {
            let halves = vld1_u16(from[..4].as_ptr());
            let halves = vmovl_s16(vreinterpret_s16_u16(halves));
            // Sign, exponent and mantissa at the places of an f32, 2¹¹² too small.
            let bits = vandq_u32(
                vshlq_n_u32::<13>(vreinterpretq_u32_s32(halves)),
                vdupq_n_u32(0x8fff_e000),
            );
            vmulq_f32(vreinterpretq_f32_u32(bits), vdupq_n_f32(f32::from_bits(0x7780_0000)))
        };
        f32_from_i32(v: uint32x4_t) -> float32x4_t = vcvtq_f32_s32(vreinterpretq_s32_u32(v));
        f32_from_bits(v: uint32x4_t) -> float32x4_t = vreinterpretq_f32_u32(v);
        f32_to_bits(v: float32x4_t) -> uint32x4_t = vreinterpretq_u32_f32(v);
        i32_splat(value: u32) -> uint32x4_t = vdupq_n_u32(value);
        i32_load(from: &[u32]) -> uint32x4_t = vld1q_u32(from[..4].as_ptr());
        i32_store(v: uint32x4_t, to: &mut [u32]) -> () =
            vst1q_u32(to[..4].as_mut_ptr(), v);
        i32_add(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vaddq_u32(a, b);
        i32_sub(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vsubq_u32(a, b);
        i32_and(a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = vandq_u32(a, b);
        i32_shl(v: uint32x4_t, n: u32) -> uint32x4_t = vshlq_u32(v, vdupq_n_s32(n as i32));
        i32_shr(v: uint32x4_t, n: u32) -> uint32x4_t = vshlq_u32(v, vdupq_n_s32(-(n as i32)));
        i16_from_low_bytes(v: uint32x4_t) -> uint32x4_t = {
            let high = vshlq_n_s16::<8>(vreinterpretq_s16_u32(v));
            vreinterpretq_u32_s16(vshrq_n_s16::<8>(high))
        };
        i16_from_high_bytes(v: uint32x4_t) -> uint32x4_t =
            vreinterpretq_u32_s16(vshrq_n_s16::<8>(vreinterpretq_s16_u32(v)));
        f32_sum(v: float32x4_t) -> f32 = vaddvq_f32(v);
        i16_dot_add(acc: uint32x4_t, a: uint32x4_t, b: uint32x4_t) -> uint32x4_t = {
            let (a, b) = (vreinterpretq_s16_u32(a), vreinterpretq_s16_u32(b));
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            let dot = vpaddq_s32(low, vmull_high_s16(a, b));
            vaddq_u32(acc, vreinterpretq_u32_s32(dot))
        };
    }
}
