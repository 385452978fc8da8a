// What the variants of update share. Shapes: gradient and parameter [n]; constants [8] of (rate,
// 1 - beta1^t, 1 - beta2^t, max_norm, scale, ..); norm [2], the second the square of all
// gradients' length.

override WORKGROUP_SIZE: u32 = 64u;

struct UpdateParams {
    n: u32,
    kind: u32,
    has_norm: u32,
    flags: u32,
    a: f32,
    b: f32,
    eps: f32,
    decay: f32,
}

@group(0) @binding(0) var<uniform> p: UpdateParams;
@group(0) @binding(1) var<storage, read> gradient: array<f32>;
@group(0) @binding(2) var<storage, read> constants: array<f32>;
@group(0) @binding(3) var<storage, read> norm: array<f32>;
@group(0) @binding(4) var<storage, read_write> parameter: array<f32>;

// What the gradient is multiplied by.
fn factor() -> f32 {
    let max_norm = constants[3];
    let scale = constants[4];
    if p.has_norm == 0u || max_norm <= 0.0 {
        return scale;
    }
    let cut = max_norm / (sqrt(norm[1]) * scale + 1e-6);
    if cut >= 1.0 {
        return scale;
    }
    return scale * cut;
}
