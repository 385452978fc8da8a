// Gradient of feature maps, a value an invocation. Shapes: see shared/features.wgsl; y, dy [n_heads,
// d_features]; dx [n_heads, d].
// Needs shared/features.wgsl.

@group(0) @binding(3) var<storage, read> y: array<f32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

// Gradient of ReLU([x, -x]) at an index; the features of the head begin at `to`.
fn of_rectified(start: u32, to: u32, at: u32) -> f32 {
    let width = 2u * p.d;
    let n_shifts = p.d_features / width;
    var sum = 0.0;
    for (var shift = 1u; shift <= n_shifts; shift++) {
        let row = to + (shift - 1u) * width;
        let before = (at + width * n_shifts - shift) % width;
        sum += dy[row + at] * rectified(start, (at + shift) % width);
        sum += dy[row + before] * rectified(start, before);
    }
    return sum;
}

fn gradient(head: u32, col: u32) -> f32 {
    let start = head * p.d;
    let to = head * p.d_features;
    let own = x[start + col];
    switch p.kind {
        case IDENTITY: {
            return dy[to + col];
        }
        case ELU_PLUS_ONE: {
            return dy[to + col] * select(y[to + col], 1.0, own > 0.0);
        }
        case RELU: {
            return select(0.0, dy[to + col], own > 0.0);
        }
        case DPFP: {
            if own > 0.0 {
                return of_rectified(start, to, col);
            }
            if own < 0.0 {
                return -of_rectified(start, to, col + p.d);
            }
            return 0.0;
        }
        case FAVOR_POSITIVE: {
            var sum = 0.0;
            for (var i = 0u; i < p.m; i++) {
                sum += dy[to + i] * y[to + i] * (omega[i * p.d + col] - own);
            }
            return sum;
        }
        default: {
            var sum = 0.0;
            for (var i = 0u; i < p.m; i++) {
                let sine = y[to + i];
                let cosine = y[to + p.m + i];
                let of_sine = dy[to + i];
                let of_cosine = dy[to + p.m + i];
                sum += (of_sine * cosine - of_cosine * sine) * omega[i * p.d + col];
                sum += (of_sine * sine + of_cosine * cosine) * own;
            }
            return sum;
        }
    }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n_heads * p.d {
        return;
    }
    dx[i] = gradient(i / p.d, i % p.d);
}
