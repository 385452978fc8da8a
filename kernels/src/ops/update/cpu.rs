//! CPU twin of [`super::Update`].

use super::{Constants, Rule, Update};
use crate::engine::cpu::Context;
use crate::simd::{Kernel, Simd};

pub(crate) fn run(op: &Update, cx: &mut Context<'_>) {
    cx.isa.run(Values { op, cx });
}

struct Values<'a, 'b> {
    op: &'a Update,
    cx: &'a mut Context<'b>,
}

impl Kernel for Values<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Self { op, cx } = self;
        let gradient = cx.inputs[0].f32();
        let now = Constants::from_values(cx.inputs[1].f32());
        let factor = now.factor(op.has_norm.then(|| cx.inputs[2].f32()[1]));
        let (parameter, moments) = cx.outputs.split_at_mut(1);
        let parameters = parameter[0].data.iter_mut().zip(gradient);
        match (op.rule, moments) {
            (Rule::Sgd { decay, .. }, []) => {
                for (w, g) in parameters {
                    let g = g * factor + decay * *w;
                    *w -= now.rate * g;
                }
            }
            (Rule::Sgd { momentum, nesterov, decay }, [m]) => {
                for ((w, g), m) in parameters.zip(m.data.iter_mut()) {
                    let g = g * factor + decay * *w;
                    *m = momentum * *m + g;
                    *w -= now.rate * if nesterov { g + momentum * *m } else { *m };
                }
            }
            (Rule::Adam { beta1, beta2, eps, decay, decoupled }, [m, v]) => {
                let (rate, root) = (now.rate / now.bias1, 1.0 / now.bias2.sqrt());
                let moments = m.data.iter_mut().zip(v.data.iter_mut());
                let shrink = if decoupled { 1.0 - now.rate * decay } else { 1.0 };
                let coupled = if decoupled { 0.0 } else { decay };
                for ((w, g), (m, v)) in parameters.zip(moments) {
                    let g = g * factor + coupled * *w;
                    *m = beta1 * *m + (1.0 - beta1) * g;
                    *v = beta2 * *v + (1.0 - beta2) * g * g;
                    *w = *w * shrink - rate * *m / (v.sqrt() * root + eps);
                }
            }
            (Rule::Lion { beta1, beta2, decay }, [m]) => {
                for ((w, g), m) in parameters.zip(m.data.iter_mut()) {
                    let g = g * factor;
                    let followed = beta1 * *m + (1.0 - beta1) * g;
                    let sign = if followed == 0.0 { 0.0 } else { followed.signum() };
                    *w -= now.rate * (sign + decay * *w);
                    *m = beta2 * *m + (1.0 - beta2) * g;
                }
            }
            _ => unreachable!("as many moments as the rule has"),
        }
    }
}
