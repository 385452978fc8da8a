// Feature maps, a feature an invocation. Shapes: see shared/features.wgsl; y [n_heads, d_features].
// Needs shared/features.wgsl.

@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn feature(start: u32, col: u32) -> f32 {
    switch p.kind {
        case IDENTITY: {
            return x[start + col];
        }
        case ELU_PLUS_ONE: {
            let value = x[start + col];
            return select(exp(min(value, 0.0)), value + 1.0, value > 0.0);
        }
        case RELU: {
            return max(x[start + col], 0.0);
        }
        case DPFP: {
            let width = 2u * p.d;
            let at = col % width;
            return rectified(start, at) * rectified(start, (at + col / width + 1u) % width);
        }
        default: {
            let row = col % p.m * p.d;
            var along = 0.0;
            var square = 0.0;
            for (var i = 0u; i < p.d; i++) {
                along += omega[row + i] * x[start + i];
                square += x[start + i] * x[start + i];
            }
            let root = sqrt(f32(p.m));
            if p.kind == FAVOR_POSITIVE {
                return exp(along - 0.5 * square) / root;
            }
            return exp(0.5 * square) / root * select(cos(along), sin(along), col < p.m);
        }
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_heads * p.d_features {
        return;
    }
    y[i] = feature(i / p.d_features * p.d, i % p.d_features);
}
