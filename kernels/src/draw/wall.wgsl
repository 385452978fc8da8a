// Many maps in a grid of equal places with gaps, one instance a place; each from 0 to its own
// largest value.
// Shapes: maps [n_maps, side, side], of which the first n_cells rows and columns are used; table
// of 256 colours, then the map at each place [n_maps], then whether a column is hidden [n_cells];
// ranges [n_maps]. Needs colors.wgsl.

struct WallParams {
    width: u32,
    height: u32,
    n_cols: u32, // places in a row
    gap: u32,
    place_width: u32,
    place_height: u32,
    n_maps: u32,
    side: u32,
    n_cells: u32,
    frame: u32, // pixels
    selected: u32,
    hovered: u32,
    background: u32,
    non_finite: u32,
    selected_color: u32,
    hovered_color: u32,
}

@group(0) @binding(0) var<uniform> p: WallParams;
@group(0) @binding(1) var<storage, read> maps: array<f32>;
@group(0) @binding(2) var<storage, read> table: array<u32>;
@group(0) @binding(3) var<storage, read> ranges: array<f32>;

struct Place {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) idx: u32,
}

fn top_left(place: u32) -> vec2<u32> {
    let col = place % p.n_cols;
    let row = place / p.n_cols;
    return vec2<u32>(col * (p.place_width + p.gap), row * (p.place_height + p.gap));
}

@vertex
fn corner(@builtin(vertex_index) idx: u32, @builtin(instance_index) place: u32) -> Place {
    // Two triangles: corners 0 1 2 and 2 1 3.
    var corners = array<u32, 6>(0u, 1u, 2u, 2u, 1u, 3u);
    let corner_idx = corners[idx];
    let size = vec2<u32>(p.place_width, p.place_height);
    let pixel = top_left(place) + size * vec2<u32>(corner_idx & 1u, corner_idx >> 1u);
    let x = f32(pixel.x) / f32(p.width) * 2.0 - 1.0;
    let y = 1.0 - f32(pixel.y) / f32(p.height) * 2.0;
    return Place(vec4<f32>(x, y, 0.0, 1.0), place);
}

@fragment
fn paint(place: Place) -> @location(0) vec4<f32> {
    let map = table[256u + place.idx];
    if map >= p.n_maps {
        return vec4<f32>(unpacked(p.background).rgb, 1.0);
    }
    let size = vec2<u32>(p.place_width, p.place_height);
    let pixel = min(vec2<u32>(place.position.xy) - top_left(place.idx), size - vec2<u32>(1u));
    let is_marked = map == p.selected || map == p.hovered;
    let line = min(p.frame, min(size.x, size.y));
    let in_frame = any(pixel < vec2<u32>(line)) || any(pixel + vec2<u32>(line) >= size);
    var color = p.background;
    if is_marked && in_frame {
        color = select(p.hovered_color, p.selected_color, map == p.selected);
    } else {
        let cell = pixel * p.n_cells / size;
        let value = maps[(map * p.side + cell.y) * p.side + cell.x];
        if table[256u + p.n_maps + cell.x] == 0u {
            color = select(p.non_finite, table[shade(value / ranges[map])], is_finite_bits(value));
        }
    }
    return vec4<f32>(unpacked(color).rgb, 1.0);
}
