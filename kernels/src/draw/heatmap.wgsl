// A [n_rows, n_cols] slice of a tensor, stretched over the viewport.
// Shapes: tensor, any, read at start + row * row_stride + col * col_stride; table [256] of colours.
// Needs colors.wgsl.

struct HeatmapParams {
    width: u32,
    height: u32,
    n_rows: u32,
    n_cols: u32,
    start: u32,
    row_stride: u32,
    col_stride: u32,
    is_log: u32,
    lo: f32,
    hi: f32,
    cursor_row: u32,
    cursor_col: u32,
    background: u32,
    non_finite: u32,
    cursor: u32,
}

@group(0) @binding(0) var<uniform> p: HeatmapParams;
@group(0) @binding(1) var<storage, read> tensor: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;

@vertex
fn corner(@builtin(vertex_index) idx: u32) -> @builtin(position) vec4<f32> {
    let x = f32(idx & 1u) * 4.0 - 1.0;
    let y = f32(idx >> 1u) * 4.0 - 1.0;
    return vec4<f32>(x, y, 0.0, 1.0);
}

fn position_in_range(value: f32) -> f32 {
    if p.is_log == 1u {
        if value <= 0.0 {
            return 0.0;
        }
        return (log(value) - log(p.lo)) / (log(p.hi) - log(p.lo));
    }
    return (value - p.lo) / (p.hi - p.lo);
}

@fragment
fn paint(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let pixel = vec2<u32>(position.xy);
    if p.n_rows == 0u || p.n_cols == 0u {
        return unpacked(p.background);
    }
    let row = pixel.y * p.n_rows / p.height;
    let col = pixel.x * p.n_cols / p.width;
    let value = tensor[p.start + row * p.row_stride + col * p.col_stride];
    var color = unpacked(table[shade(position_in_range(value))]);
    if !is_finite_bits(value) {
        // Hatched, so that it cannot be taken for a colour of the table.
        let stripe = ((pixel.x + pixel.y) / 3u) % 2u == 0u;
        color = select(unpacked(p.background), unpacked(p.non_finite), stripe);
    }
    if row == p.cursor_row || col == p.cursor_col {
        let share = select(0.25, 0.0, row == p.cursor_row && col == p.cursor_col);
        color = mix(color, unpacked(p.cursor), share);
    }
    return vec4<f32>(color.rgb, 1.0);
}
