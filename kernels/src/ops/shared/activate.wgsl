// Activations; twin of ops::activation::Activation, whose order numbers them.

const GELU_ERF: u32 = 0u;
const GELU_TANH: u32 = 1u;
const SILU: u32 = 2u;
const RELU: u32 = 3u;

// erf within 1e-7: two polynomials, the outer one inside exp (after N. Juffa).
fn erf(x: f32) -> f32 {
    let t = min(abs(x), 10.0);
    let s = t * t;
    var outer = fma(-1.72853470e-5, t, 3.83197126e-4);
    outer = fma(outer, s, fma(-3.88396438e-3, t, 2.42546219e-2));
    outer = fma(outer, t, -1.06777877e-1);
    outer = fma(outer, t, -6.34846687e-1);
    outer = fma(outer, t, -1.28717512e-1);
    outer = fma(outer, t, -t);
    let far = 1.0 - exp(outer);
    var inner = -5.96761703e-4;
    inner = fma(inner, s, 4.99119423e-3);
    inner = fma(inner, s, -2.67681349e-2);
    inner = fma(inner, s, 1.12819925e-1);
    inner = fma(inner, s, -3.76125336e-1);
    inner = fma(inner, s, 1.28379166e-1);
    let near = fma(inner, t, t);
    let magnitude = select(near, far, t > 0.927734375);
    return select(magnitude, -magnitude, x < 0.0);
}

// The built-in overflows for large arguments on some drivers.
fn tanh_safe(x: f32) -> f32 {
    let t = abs(x);
    let far = 1.0 - 2.0 / (exp(2.0 * t) + 1.0);
    let s = t * t;
    let near = t * (1.0 + s * (-0.33333334 + s * (0.13333334 + s * (-0.053968254 + s * 0.021869488))));
    var magnitude = select(far, near, t < 0.25);
    magnitude = select(magnitude, 1.0, t > 15.0);
    return select(magnitude, -magnitude, x < 0.0);
}

fn activate(kind: u32, x: f32) -> f32 {
    switch kind {
        case GELU_ERF: {
            return 0.5 * x * (1.0 + erf(x * 0.70710678));
        }
        case GELU_TANH: {
            return 0.5 * x * (1.0 + tanh_safe(0.7978846 * (x + 0.044715 * x * x * x)));
        }
        case SILU: {
            return x / (1.0 + exp(-x));
        }
        case RELU: {
            return max(x, 0.0);
        }
        default: {
            return tanh_safe(x);
        }
    }
}

