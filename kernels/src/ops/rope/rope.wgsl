// Rotary position embedding, one value an invocation. Shapes: x, y [T, n_cols]; positions [T];
// turns [n_rotary / 2] of (turns a position, as a fraction of 2^32: high word, low word; the same
// as f32); factors [n_rotary / 2].
//
// The angle is kept as a fraction of a full turn in 32-bit fixed point: the product with the
// position wraps by itself, so late positions lose nothing. Sine and cosine are polynomials,
// because the built-in ones promise no more than 2^-11.

override WORKGROUP_SIZE: u32 = 64u;

struct RopeParams {
    n: u32,
    n_cols: u32,
    d_head: u32,
    n_rotary: u32,
    interleaved: u32,
    has_factors: u32,
    inverse: u32,
}

@group(0) @binding(0) var<uniform> p: RopeParams;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> positions: array<u32>;
@group(0) @binding(3) var<storage, read> factors: array<f32>;
@group(0) @binding(4) var<storage, read> turns: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

// (sine, cosine) of a fraction of a turn.
fn sine_cosine(phase: u32) -> vec2<f32> {
    let quarter = (phase + 0x20000000u) >> 30u;
    let rest = bitcast<i32>(phase - (quarter << 30u));
    let a = f32(rest) * 1.4629180792671596e-9; // 2 pi / 2^32: within an eighth of a turn
    let s = a * a;
    let sine = a + a * s * (-1.6666667e-1 + s * (8.3333333e-3 + s * (-1.9841270e-4 + s * 2.7557319e-6)));
    let cosine = 1.0 + s * (-0.5 + s * (4.1666667e-2 + s * (-1.3888889e-3 + s * 2.4801587e-5)));
    switch quarter {
        case 0u: {
            return vec2<f32>(sine, cosine);
        }
        case 1u: {
            return vec2<f32>(cosine, -sine);
        }
        case 2u: {
            return vec2<f32>(-sine, -cosine);
        }
        default: {
            return vec2<f32>(-cosine, sine);
        }
    }
}

fn phase_of(position: u32, pair: u32) -> u32 {
    let turn = turns[pair];
    let low = turn.y >> 16u;
    let carried = (((position & 0xffffu) * low) >> 16u) + (position >> 16u) * low;
    let exact = position * turn.x + carried;
    if p.has_factors == 1u && factors[pair] != 1.0 {
        let all = f32(position) * (bitcast<f32>(turn.z) / factors[pair]);
        return u32((all - floor(all)) * 4294967040.0);
    }
    return exact;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) n_groups: vec3<u32>) {
    let i = id.x + id.y * n_groups.x * WORKGROUP_SIZE;
    if i >= p.n {
        return;
    }
    let col = (i % p.n_cols) % p.d_head;
    if col >= p.n_rotary {
        y[i] = x[i];
        return;
    }
    let n_pairs = p.n_rotary / 2u;
    var pair = col % n_pairs;
    var is_first = col < n_pairs;
    var distance = n_pairs;
    if p.interleaved == 1u {
        pair = col / 2u;
        is_first = col % 2u == 0u;
        distance = 1u;
    }
    var turned = sine_cosine(phase_of(positions[i / p.n_cols], pair));
    if p.inverse == 1u {
        turned.x = -turned.x;
    }
    if is_first {
        y[i] = x[i] * turned.y - x[i + distance] * turned.x;
    } else {
        y[i] = x[i - distance] * turned.x + x[i] * turned.y;
    }
}
