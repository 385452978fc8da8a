// Product of bytes: x is rounded to bytes by its alpha, sums are integers, the result is scaled.
// One row of W an invocation, which meets TILE_ROWS rows of x.
// Shapes: x [T, k]; weight [n, k] as bytes in planes (see engine/weights.rs): two vec4 a block of
// 32, then two f32 a block, the first of which is the scale; alpha [1]; bias [n]; y [T, n].

override WORKGROUP_SIZE: u32 = 64u;
const TILE_ROWS: u32 = 4u;

struct LinearInt8Params {
    n_rows: u32, // T, the end of this launch's rows
    n_cols: u32, // k
    first_row: u32, // first of this launch's rows of x
    first_out: u32, // first of this launch's rows of the piece of W
    end_out: u32, // one past the last
    out_start: u32, // where the piece starts in a row of y
    out_stride: u32, // n
    extent: u32, // blocks of the piece
    has_bias: u32,
}

@group(0) @binding(0) var<uniform> p: LinearInt8Params;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> alpha: array<f32>;
@group(0) @binding(4) var<storage, read> bias: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

fn signed_bytes(word: u32) -> vec4<i32> {
    let shifted = bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(24u, 16u, 8u, 0u));
    return shifted >> vec4<u32>(24u);
}

fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
    let out = p.first_out + group.x * WORKGROUP_SIZE + lane;
    let first_row = p.first_row + group.y * TILE_ROWS;
    if out >= p.end_out {
        return;
    }
    let factor = alpha[0];
    var sums = array<i32, TILE_ROWS>();
    var bads = array<f32, TILE_ROWS>(); // the last value of the row that is not finite
    for (var t = 0u; t < TILE_ROWS; t++) {
        bads[t] = 0.0;
    }
    let n_fours = p.n_cols / 4u;
    for (var four = 0u; four < n_fours; four++) {
        let word = weight[(out * n_fours + four) / 4u][(out * n_fours + four) % 4u];
        let quants = signed_bytes(word);
        for (var t = 0u; t < TILE_ROWS; t++) {
            let row = min(first_row + t, p.n_rows - 1u);
            let values = x[row * n_fours + four];
            for (var i = 0u; i < 4u; i++) {
                if !is_finite(values[i]) {
                    bads[t] = values[i];
                }
            }
            let rounded = vec4<i32>(round(clamp(values * factor, vec4<f32>(-127.0), vec4<f32>(127.0))));
            sums[t] += dot(rounded, quants);
        }
    }
    let scale = bitcast<f32>(weight[p.extent * 2u].x) / factor;
    let col = p.out_start + out;
    for (var t = 0u; t < TILE_ROWS; t++) {
        if first_row + t >= p.n_rows {
            continue;
        }
        var value = f32(sums[t]) * scale;
        if p.has_bias == 1u {
            value += bias[col];
        }
        if (bitcast<u32>(bads[t]) & 0x7f800000u) == 0x7f800000u {
            value = bads[t];
        }
        y[(first_row + t) * p.out_stride + col] = value;
    }
}
