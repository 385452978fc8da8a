//! CPU twin of [`super::Activation`].

use super::Activation;
use crate::engine::cpu::Context;
use crate::simd::math::{Function, erf, map, sigmoid, tanh};
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &Activation, cx: &mut Context<'_>) {
    cx.isa.run(Values { op: *op, x: cx.inputs[0].f32(), y: &mut *cx.outputs[0].data });
}

impl Function for Activation {
    #[inline(always)]
    fn at<S: Simd>(self, s: S, x: S::F32) -> S::F32 {
        let one = s.f32_splat(1.0);
        let half_x = s.f32_mul(x, s.f32_splat(0.5));
        match self {
            Self::GeluErf => {
                let inner = s.f32_mul(x, s.f32_splat(std::f32::consts::FRAC_1_SQRT_2));
                s.f32_mul(half_x, s.f32_add(one, erf(s, inner)))
            }
            Self::GeluTanh => {
                let cubic = s.f32_mul(s.f32_mul(x, x), s.f32_mul(x, s.f32_splat(0.044_715)));
                let inner = s.f32_mul(s.f32_add(x, cubic), s.f32_splat(0.797_884_6));
                s.f32_mul(half_x, s.f32_add(one, tanh(s, inner)))
            }
            Self::Silu => s.f32_mul(x, sigmoid(s, x)),
            Self::Relu => s.f32_max(s.f32_zero(), x),
            Self::Tanh => tanh(s, x),
        }
    }
}

/// y = act(x).
pub(crate) struct Values<'a> {
    pub op: Activation,
    pub x: &'a [f32],
    pub y: &'a mut [f32],
}

impl Kernel for Values<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // A loop of its own for each function.
        match self.op {
            Activation::GeluErf => map(s, Activation::GeluErf, self.x, self.y),
            Activation::GeluTanh => map(s, Activation::GeluTanh, self.x, self.y),
            Activation::Silu => map(s, Activation::Silu, self.x, self.y),
            Activation::Relu => map(s, Activation::Relu, self.x, self.y),
            Activation::Tanh => map(s, Activation::Tanh, self.x, self.y),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Activation;
    use crate::engine::cpu::CpuOptions;
    use crate::engine::cpu::testing::{engines, noise, run};
    use crate::{DType, InputData, Step};

    #[test]
    fn functions_and_gates_agree_with_the_plain_ones() {
        let n = 1757;
        let x: Vec<f32> = noise(1, n).iter().map(|x| x * 12.0).collect();
        let up = noise(2, n);
        let kinds = [
            Activation::GeluErf,
            Activation::GeluTanh,
            Activation::Silu,
            Activation::Relu,
            Activation::Tanh,
        ];
        for kind in kinds {
            for mut engine in engines(CpuOptions::default()) {
                let inputs = [InputData::F32(&x), InputData::F32(&up)];
                let got = run(&mut engine, &inputs, Step::default(), |recorder| {
                    let [x, up] = [(); 2].map(|()| recorder.input([n], DType::F32));
                    let y = recorder.activation(x, kind).expect("fits");
                    vec![y, recorder.gated(x, up, kind).expect("fits")]
                });
                for col in 0..n {
                    let y = kind.apply(x[col]);
                    let tolerance = 4e-7 * x[col].abs().max(1.0);
                    assert!((got[0][col] - y).abs() <= tolerance, "{kind:?} at {}", x[col]);
                    assert!((got[1][col] - y * up[col]).abs() <= tolerance);
                }
            }
        }
    }
}
