//! CPU twin of [`super::ActivationGradient`].

use super::ActivationGradient;
use crate::engine::cpu::Context;
use crate::ops::activation::Activation;
use crate::simd::math::{Function, erf, exp, map, sigmoid, tanh};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &ActivationGradient, cx: &mut Context<'_>) {
    let y = &mut *cx.outputs[0].data;
    cx.isa.run(Slopes { op: op.activation, x: cx.inputs[0].f32(), y });
    for (y, dy) in y.iter_mut().zip(cx.inputs[1].f32()) {
        *y *= dy;
    }
}

/// The derivative of an activation.
#[derive(Clone, Copy)]
struct Slope(Activation);

impl Function for Slope {
    #[inline(always)]
    fn at<S: Simd>(self, s: S, x: S::F32) -> S::F32 {
        let (one, half) = (s.f32_splat(1.0), s.f32_splat(0.5));
        let half_x = s.f32_mul(x, half);
        match self.0 {
            Activation::GeluErf => {
                let inner = s.f32_mul(x, s.f32_splat(std::f32::consts::FRAC_1_SQRT_2));
                let below = s.f32_mul(half, s.f32_add(one, erf(s, inner)));
                let minus_half_square = s.f32_sub(s.f32_zero(), s.f32_mul(half_x, x));
                // 1/√(2π).
                let density = s.f32_mul(exp(s, minus_half_square), s.f32_splat(0.398_942_3));
                s.f32_mul_add(x, density, below)
            }
            Activation::GeluTanh => {
                let square = s.f32_mul(x, x);
                let root = s.f32_splat(0.797_884_6);
                let cubic = s.f32_mul(s.f32_mul(square, x), s.f32_splat(0.044_715));
                let t = tanh(s, s.f32_mul(s.f32_add(x, cubic), root));
                let inner = s.f32_mul_add(square, s.f32_splat(3.0 * 0.044_715), one);
                let slope = s.f32_mul(s.f32_sub(one, s.f32_mul(t, t)), s.f32_mul(inner, root));
                s.f32_mul_add(half_x, slope, s.f32_mul(half, s.f32_add(one, t)))
            }
            Activation::Silu => {
                let gate = sigmoid(s, x);
                s.f32_mul(gate, s.f32_mul_add(x, s.f32_sub(one, gate), one))
            }
            Activation::Relu => s.f32_where_less([s.f32_zero(), x], one, s.f32_zero()),
            Activation::Tanh => {
                let t = tanh(s, x);
                s.f32_sub(one, s.f32_mul(t, t))
            }
        }
    }
}

/// y = act'(x).
pub(crate) struct Slopes<'a> {
    pub op: Activation,
    pub x: &'a [f32],
    pub y: &'a mut [f32],
}

impl Kernel for Slopes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // A loop of its own for each function.
        match self.op {
            Activation::GeluErf => map(s, Slope(Activation::GeluErf), self.x, self.y),
            Activation::GeluTanh => map(s, Slope(Activation::GeluTanh), self.x, self.y),
            Activation::Silu => map(s, Slope(Activation::Silu), self.x, self.y),
            Activation::Relu => map(s, Slope(Activation::Relu), self.x, self.y),
            Activation::Tanh => map(s, Slope(Activation::Tanh), self.x, self.y),
        }
    }
}
