//! Pictures are painted on a texture, read back and compared with colours computed here.

use super::*;
use crate::engine::dispatch::Params;
use crate::engine::gpu::GpuEngine;
use crate::engine::testing::{Rng, gpu_engine};

const BACKGROUND: Rgb = [10, 20, 30];
const NON_FINITE: Rgb = [214, 0, 184];
const FORMAT: TextureFormat = TextureFormat::Rgba8Unorm;

fn table() -> Table {
    std::array::from_fn(|i| [i as u8, 255 - i as u8, (i * 7 % 256) as u8])
}

/// A texture of a given size, painted by `paint` and read back.
fn painted(engine: &GpuEngine, size: (u32, u32), paint: impl FnOnce(&TextureView)) -> Vec<Rgb> {
    let (device, queue) = (engine.device(), engine.queue());
    let extent = wgpu::Extent3d { width: size.0, height: size.1, depth_or_array_layers: 1 };
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: extent,
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: FORMAT,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    });
    paint(&texture.create_view(&wgpu::TextureViewDescriptor::default()));
    let row_bytes = (size.0 * 4).next_multiple_of(256);
    let usage = wgpu::BufferUsages::MAP_READ;
    let pixels = buffer(device, u64::from(row_bytes * size.1), usage);
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(row_bytes),
        rows_per_image: None,
    };
    let target = wgpu::TexelCopyBufferInfo { buffer: &pixels, layout };
    encoder.copy_texture_to_buffer(texture.as_image_copy(), target, extent);
    queue.submit([encoder.finish()]);
    pixels.slice(..).map_async(wgpu::MapMode::Read, |outcome| outcome.expect("maps"));
    device.poll(wgpu::PollType::wait_indefinitely()).expect("runs");
    engine.check().expect("nothing was complained about");
    let bytes = pixels.slice(..).get_mapped_range().expect("mapped").to_vec();
    bytes
        .chunks_exact(row_bytes as usize)
        .flat_map(|row| row[..size.0 as usize * 4].chunks_exact(4).map(|p| [p[0], p[1], p[2]]))
        .collect()
}

/// A storage buffer of given values.
fn tensor(engine: &GpuEngine, values: &[f32]) -> wgpu::Buffer {
    let buffer = buffer(engine.device(), values.len() as u64 * 4, wgpu::BufferUsages::STORAGE);
    engine.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(values));
    buffer
}

fn assert_same(found: &[Rgb], expected: &[Rgb], width: usize) {
    assert_eq!(found.len(), expected.len());
    for (idx, (found, expected)) in found.iter().zip(expected).enumerate() {
        let (x, y) = (idx % width, idx / width);
        let close = found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) <= 1);
        assert!(close, "pixel ({x}, {y}) is {found:?}, expected {expected:?}");
    }
}

fn shade(t: f32) -> Rgb {
    table()[(t.clamp(0.0, 1.0) * 255.0).round() as usize]
}

#[test]
fn a_strided_slice_stretched_over_the_canvas() {
    let engine = gpu_engine();
    let mut values = Rng::new(3).normals(3 * 5 * 7);
    values[40] = f32::NAN;
    values[41] = f32::INFINITY;
    let tensor = tensor(&engine, &values);
    let mut painter = Heatmap::new(&engine, &table());
    for is_log in [false, true] {
        let range = if is_log { (0.01, 2.0) } else { (-1.5, 1.5) };
        let picture = HeatmapPicture {
            size: (43, 29),
            cells: (5, 3),
            start: 2,
            strides: (7, 35),
            range,
            is_log,
            cursor: (None, None),
            background: BACKGROUND,
            non_finite: NON_FINITE,
            cursor_color: [255, 255, 255],
        };
        let found = painted(&engine, picture.size, |view| {
            painter.paint(&tensor, view, FORMAT, &picture);
        });
        let mut n_hatched = 0;
        let expected: Vec<Rgb> = (0..29 * 43)
            .map(|pixel| {
                let (x, y) = (pixel % 43, pixel / 43);
                let value = values[2 + (y * 5 / 29) * 7 + (x * 3 / 43) * 35];
                let t = match (is_log, value > 0.0) {
                    (true, true) => (value.ln() - 0.01f32.ln()) / (2.0f32.ln() - 0.01f32.ln()),
                    (true, false) => 0.0,
                    _ => (value + 1.5) / 3.0,
                };
                if value.is_finite() {
                    return shade(t);
                }
                n_hatched += 1;
                if (x + y) / 3 % 2 == 0 { NON_FINITE } else { BACKGROUND }
            })
            .collect();
        // In the logarithm a shade may fall to the neighbour.
        if !is_log {
            assert_same(&found, &expected, 43);
            assert_eq!(n_hatched, 0, "column 5 and 6 are not in this slice");
        }
        let n_same = found.iter().zip(&expected).filter(|(a, b)| a == b).count();
        assert!(n_same * 10 > found.len() * 9, "{n_same} of {} pixels", found.len());
    }
}

#[test]
fn what_is_not_finite_is_hatched_and_the_cursor_lights_up() {
    let engine = gpu_engine();
    let values = [0.0, f32::NAN, 1.0, f32::NEG_INFINITY];
    let tensor = tensor(&engine, &values);
    let mut painter = Heatmap::new(&engine, &table());
    let picture = HeatmapPicture {
        size: (16, 16),
        cells: (2, 2),
        start: 0,
        strides: (2, 1),
        range: (0.0, 1.0),
        is_log: false,
        cursor: (Some(0), Some(0)),
        background: BACKGROUND,
        non_finite: NON_FINITE,
        cursor_color: [200, 200, 200],
    };
    let found = painted(&engine, (16, 16), |view| painter.paint(&tensor, view, FORMAT, &picture));
    let tinted = |color: Rgb| color.map(|part| (f32::from(part) * 0.75 + 50.0).round() as u8);
    let expected: Vec<Rgb> = (0..256)
        .map(|pixel| {
            let (x, y) = (pixel % 16, pixel / 16);
            let hatch = if (x + y) / 3 % 2 == 0 { NON_FINITE } else { BACKGROUND };
            match (y / 8, x / 8) {
                (0, 0) => shade(0.0),
                (0, _) => tinted(hatch),
                (_, 0) => tinted(shade(1.0)),
                _ => hatch,
            }
        })
        .collect();
    assert_same(&found, &expected, 16);
}

fn wall_picture() -> WallPicture {
    WallPicture {
        size: (64, 48),
        n_cols: 3,
        gap: 2,
        n_maps: 5,
        side: 8,
        n_cells: 6,
        order: vec![4, 0],
        hidden_cols: vec![true],
        selected: (Some(3), [230, 159, 0]),
        hovered: (Some(0), [255, 255, 255]),
        frame: 2,
        background: BACKGROUND,
        non_finite: NON_FINITE,
    }
}

fn expected_wall(values: &[f32], picture: &WallPicture) -> Vec<Rgb> {
    let (width, height) = (picture.size.0 as usize, picture.size.1 as usize);
    let mut pixels = vec![BACKGROUND; width * height];
    let (place_width, place_height) = ((64 - 4) / 3, (48 - 2) / 2);
    for place in 0..5 {
        let map = picture.order.get(place).map_or(place, |&map| map as usize);
        let cell = |row: usize, col: usize| values[(map * 8 + row) * 8 + col];
        let all = (0..6).flat_map(|row| (1..6).map(move |col| (row, col)));
        let highest = all.map(|(row, col)| cell(row, col)).filter(|v| v.is_finite());
        let highest = highest.fold(0.0, f32::max);
        let highest = if highest > 0.0 { highest } else { 1.0 };
        let (left, top) = (place % 3 * (place_width + 2), place / 3 * (place_height + 2));
        for y in 0..place_height {
            for x in 0..place_width {
                let (row, col) = (y * 6 / place_height, x * 6 / place_width);
                let in_frame = x < 2 || y < 2 || x + 2 >= place_width || y + 2 >= place_height;
                let value = cell(row, col);
                pixels[(top + y) * width + left + x] = match (map, in_frame) {
                    (3, true) => [230, 159, 0],
                    (0, true) => [255, 255, 255],
                    _ if col == 0 => BACKGROUND,
                    _ if !value.is_finite() => NON_FINITE,
                    _ => shade(value / highest),
                };
            }
        }
    }
    pixels
}

#[test]
fn a_wall_of_maps_in_one_draw() {
    let engine = gpu_engine();
    let mut values: Vec<f32> = Rng::new(5).normals(5 * 64).iter().map(|v| v.abs()).collect();
    values[64 + 10] = f32::NAN;
    values[128..192].fill(0.0);
    let maps = tensor(&engine, &values);
    let mut painter = Wall::new(&engine, &table());
    let picture = wall_picture();
    // The maps at places 2.. stand in order, so maps 2, 3, 4.
    let found = painted(&engine, picture.size, |view| painter.paint(&maps, view, FORMAT, &picture));
    assert_same(&found, &expected_wall(&values, &picture), 64);
}

#[test]
#[should_panic(expected = "expected")]
fn checker_fails_on_a_wrong_wall() {
    let engine = gpu_engine();
    let values: Vec<f32> = Rng::new(5).normals(5 * 64).iter().map(|v| v.abs()).collect();
    let maps = tensor(&engine, &values);
    let mut painter = Wall::new(&engine, &table());
    let picture = wall_picture();
    let found = painted(&engine, picture.size, |view| painter.paint(&maps, view, FORMAT, &picture));
    let planted: Vec<f32> = values.iter().map(|v| v * v).collect();
    assert_same(&found, &expected_wall(&planted, &picture), 64);
}

#[test]
fn nothing_to_paint_is_background() {
    let engine = gpu_engine();
    let maps = tensor(&engine, &[0.0; 4]);
    let mut painter = Wall::new(&engine, &table());
    let picture = WallPicture { n_maps: 0, n_cells: 0, ..wall_picture() };
    let found = painted(&engine, picture.size, |view| painter.paint(&maps, view, FORMAT, &picture));
    assert_same(&found, &vec![BACKGROUND; 64 * 48], 64);
}

#[test]
fn params_lie_alike_in_rust_and_wgsl() {
    let layouts = [
        (heatmap::text(), heatmap::HeatmapParams::NAME, heatmap::HeatmapParams::FIELDS),
        (wall::text(), wall::WallParams::NAME, wall::WallParams::FIELDS),
        (wall::range_text(), wall::WallParams::NAME, wall::WallParams::FIELDS),
    ];
    for (text, name, fields) in layouts {
        let module = naga::front::wgsl::parse_str(&text)
            .unwrap_or_else(|err| panic!("{name}: {}", err.emit_to_string(&text)));
        let core = naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32;
        let mut validator = naga::valid::Validator::new(naga::valid::ValidationFlags::all(), core);
        validator.validate(&module).unwrap_or_else(|err| panic!("{name}: {err:?}"));
        let (_, ty) = module
            .types
            .iter()
            .find(|(_, ty)| ty.name.as_deref() == Some(name))
            .unwrap_or_else(|| panic!("no {name}"));
        let naga::TypeInner::Struct { members, .. } = &ty.inner else { panic!("{name}") };
        let found: Vec<_> = members
            .iter()
            .map(|member| (member.name.as_deref().unwrap_or_default(), member.offset as usize))
            .collect();
        assert_eq!(found, fields, "{name}");
    }
}
