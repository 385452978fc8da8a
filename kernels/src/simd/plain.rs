//! Vectors as arrays of four: the meaning of each operation, and what runs where no better
//! instruction set is known.

use half::f16;

use super::Simd;

/// No promise about the machine.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

const LANES: usize = 4;

#[inline(always)]
fn first<T: Copy>(from: &[T]) -> [T; LANES] {
    [from[0], from[1], from[2], from[3]]
}

#[inline(always)]
fn zip<A: Copy, B: Copy, C>(a: [A; LANES], b: [B; LANES], f: impl Fn(A, B) -> C) -> [C; LANES] {
    std::array::from_fn(|lane| f(a[lane], b[lane]))
}

/// The two signed halves of a lane.
#[inline(always)]
fn halves(lane: u32) -> [i32; 2] {
    [i32::from(lane as i16), i32::from((lane >> 16) as i16)]
}

impl Simd for Plain {
    const LANES: usize = LANES;
    const TILE: usize = 4;
    type F32 = [f32; LANES];
    type I32 = [u32; LANES];

    #[inline(always)]
    fn f32_splat(self, value: f32) -> Self::F32 {
        [value; LANES]
    }
    #[inline(always)]
    fn f32_load(self, from: &[f32]) -> Self::F32 {
        first(from)
    }
    #[inline(always)]
    fn f32_store(self, v: Self::F32, to: &mut [f32]) {
        to[..LANES].copy_from_slice(&v);
    }
    #[inline(always)]
    fn f32_add(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn f32_sub(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn f32_mul(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn f32_div(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn f32_max(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn f32_min(self, a: Self::F32, b: Self::F32) -> Self::F32 {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn f32_mul_add(self, a: Self::F32, b: Self::F32, c: Self::F32) -> Self::F32 {
        std::array::from_fn(|lane| a[lane] * b[lane] + c[lane])
    }
    #[inline(always)]
    fn f32_where_less(self, [a, b]: [Self::F32; 2], yes: Self::F32, no: Self::F32) -> Self::F32 {
        std::array::from_fn(|lane| if a[lane] < b[lane] { yes[lane] } else { no[lane] })
    }
    #[inline(always)]
    fn f32_from_f16(self, from: &[u16]) -> Self::F32 {
        first(from).map(|bits| f16::from_bits(bits).to_f32())
    }
    #[inline(always)]
    fn f32_from_i32(self, v: Self::I32) -> Self::F32 {
        v.map(|v| v as i32 as f32)
    }
    #[inline(always)]
    fn f32_from_bits(self, v: Self::I32) -> Self::F32 {
        v.map(f32::from_bits)
    }
    #[inline(always)]
    fn f32_to_bits(self, v: Self::F32) -> Self::I32 {
        v.map(f32::to_bits)
    }
    #[inline(always)]
    fn i32_splat(self, value: u32) -> Self::I32 {
        [value; LANES]
    }
    #[inline(always)]
    fn i32_load(self, from: &[u32]) -> Self::I32 {
        first(from)
    }
    #[inline(always)]
    fn i32_store(self, v: Self::I32, to: &mut [u32]) {
        to[..LANES].copy_from_slice(&v);
    }
    #[inline(always)]
    fn i32_add(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, u32::wrapping_add)
    }
    #[inline(always)]
    fn i32_sub(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, u32::wrapping_sub)
    }
    #[inline(always)]
    fn i32_and(self, a: Self::I32, b: Self::I32) -> Self::I32 {
        zip(a, b, |a, b| a & b)
    }
    #[inline(always)]
    fn i32_shl(self, v: Self::I32, n: u32) -> Self::I32 {
        v.map(|v| v << n)
    }
    #[inline(always)]
    fn i32_shr(self, v: Self::I32, n: u32) -> Self::I32 {
        v.map(|v| v >> n)
    }
    #[inline(always)]
    fn i16_from_low_bytes(self, v: Self::I32) -> Self::I32 {
        v.map(|v| {
            let extended = halves(v).map(|half| u32::from(i16::from(half as i8) as u16));
            extended[0] | extended[1] << 16
        })
    }
    #[inline(always)]
    fn i16_from_high_bytes(self, v: Self::I32) -> Self::I32 {
        self.i16_from_low_bytes(v.map(|v| v >> 8))
    }
    #[inline(always)]
    fn i16_dot_add(self, acc: Self::I32, a: Self::I32, b: Self::I32) -> Self::I32 {
        let dot = zip(a, b, |a, b| {
            let (a, b) = (halves(a), halves(b));
            (a[0] * b[0]).wrapping_add(a[1] * b[1]) as u32
        });
        self.i32_add(acc, dot)
    }
}
