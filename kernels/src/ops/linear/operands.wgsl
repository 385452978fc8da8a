// What the variants of linear share: y = x W^T + b.
// Shapes: x [T, k]; weight [n, k] in its own storage type; bias [n]; y [T, n].

struct LinearParams {
    n_rows: u32, // T, the end of this launch's rows
    n_cols: u32, // k
    first_row: u32, // first of this launch's rows of x
    first_out: u32, // first of this launch's rows of the piece of W
    end_out: u32, // one past the last
    out_start: u32, // where the piece starts in a row of y
    out_stride: u32, // n
    blocks_per_row: u32,
    extent: u32,
    has_bias: u32,
}

@group(0) @binding(0) var<uniform> p: LinearParams;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

override X_WHOLE: bool = true; // k is a multiple of 32

fn x_at(row: u32, col: u32) -> f32 {
    let at = row * p.n_cols + min(col, p.n_cols - 1u);
    return select(0.0, x[at / 4u][at % 4u], col < p.n_cols);
}

// Columns col .. col + 4 of a row of x, zeros past the last.
fn x_four(row: u32, col: u32) -> vec4<f32> {
    if X_WHOLE {
        return x[(row * p.n_cols + col) / 4u];
    }
    return vec4<f32>(x_at(row, col), x_at(row, col + 1u), x_at(row, col + 2u), x_at(row, col + 3u));
}

fn write_out(row: u32, out: u32, sum: f32) {
    let col = p.out_start + out;
    var value = sum;
    if p.has_bias == 1u {
        value += bias[col];
    }
    y[row * p.out_stride + col] = value;
}

