// Derivatives of the activations. Needs shared/activate.wgsl.

fn slope(kind: u32, x: f32) -> f32 {
    switch kind {
        case GELU_ERF: {
            return 0.5 * (1.0 + erf(x * 0.70710678)) + x * 0.39894228 * exp(-0.5 * min(x * x, 170.0));
        }
        case GELU_TANH: {
            let t = tanh_safe(0.7978846 * (x + 0.044715 * x * x * x));
            let inner = 0.7978846 * (1.0 + 0.134145 * x * x);
            return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner;
        }
        case SILU: {
            let gate = 1.0 / (1.0 + exp(-x));
            return gate * (1.0 + x * (1.0 - gate));
        }
        case RELU: {
            return select(0.0, 1.0, x > 0.0);
        }
        default: {
            let t = tanh_safe(x);
            return 1.0 - t * t;
        }
    }
}
