//! A wall: many small maps in one draw, each with its own range.

use std::collections::HashMap;

use super::{COLORS, Rgb, Table, TextureFormat, TextureView, bind, buffer, packed, packed_table};
use crate::engine::dispatch::{MAX_GROUPS, REDUCE, params};
use crate::engine::gpu::GpuEngine;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `wall.wgsl` and `wall_range.wgsl`.
    WallParams {
        width: u32,
        height: u32,
        n_cols: u32,
        gap: u32,
        place_width: u32,
        place_height: u32,
        n_maps: u32,
        side: u32,
        n_cells: u32,
        frame: u32,
        selected: u32,
        hovered: u32,
        background: u32,
        non_finite: u32,
        selected_color: u32,
        hovered_color: u32,
    }
}

pub(super) fn text() -> String {
    [COLORS, wgsl!("wall.wgsl")].concat()
}

pub(super) fn range_text() -> String {
    [COLORS, REDUCE, wgsl!("wall_range.wgsl")].concat()
}

/// What to paint of maps `[n_maps, side, side]`.
#[derive(Clone, Debug)]
pub struct WallPicture {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Places in a row of the wall.
    pub n_cols: u32,
    /// Pixels between places.
    pub gap: u32,
    /// How many maps there are.
    pub n_maps: u32,
    /// Rows and columns of a map in memory.
    pub side: u32,
    /// Rows and columns of a map that are shown.
    pub n_cells: u32,
    /// The map at each place; maps beyond the end of this list stand in order.
    pub order: Vec<u32>,
    /// Whether a column is painted as background and left out of the range; missing: shown.
    pub hidden_cols: Vec<bool>,
    /// Framed map and the frame's colour.
    pub selected: (Option<u32>, Rgb),
    /// Another framed map and its colour.
    pub hovered: (Option<u32>, Rgb),
    /// Width of frames in pixels.
    pub frame: u32,
    /// Gaps and hidden columns.
    pub background: Rgb,
    /// Cells that are not finite.
    pub non_finite: Rgb,
}

/// Paints walls.
pub struct Wall {
    device: wgpu::Device,
    queue: wgpu::Queue,
    reduction: wgpu::ComputePipeline,
    pipelines: HashMap<TextureFormat, wgpu::RenderPipeline>,
    colors: Vec<u32>,
    params: wgpu::Buffer,
    table: wgpu::Buffer,
    ranges: wgpu::Buffer,
}

impl Wall {
    /// A painter with a table of colours.
    pub fn new(engine: &GpuEngine, table: &Table) -> Self {
        let device = engine.device();
        let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some("wall_range"),
            source: wgpu::ShaderSource::Wgsl(range_text().into()),
        });
        let width = if engine.info().software { 8.0 } else { 64.0 };
        let reduction = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("wall_range"),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &[("WORKGROUP_SIZE", width)],
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        });
        Self {
            device: device.clone(),
            queue: engine.queue().clone(),
            reduction,
            pipelines: HashMap::new(),
            colors: packed_table(table),
            params: buffer(device, 64, wgpu::BufferUsages::UNIFORM),
            table: buffer(device, 16, wgpu::BufferUsages::STORAGE),
            ranges: buffer(device, 16, wgpu::BufferUsages::STORAGE),
        }
    }

    /// Changes the colours.
    pub fn set_table(&mut self, table: &Table) {
        self.colors = packed_table(table);
    }

    /// Paints over the whole of `view`.
    pub fn paint(
        &mut self,
        maps: &wgpu::Buffer,
        view: &TextureView,
        format: TextureFormat,
        picture: &WallPicture,
    ) {
        self.upload(picture);
        let device = &self.device;
        let pipeline = self
            .pipelines
            .entry(format)
            .or_insert_with(|| super::render_pipeline(device, "wall", text(), format));
        let buffers = [&self.params, maps, &self.table, &self.ranges];
        let reducing = bind(device, &self.reduction.get_bind_group_layout(0), &buffers);
        let painting = bind(device, &pipeline.get_bind_group_layout(0), &buffers);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        if picture.n_maps > 0 && picture.n_cells > 0 {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&self.reduction);
            pass.set_bind_group(0, &reducing, &[]);
            pass.dispatch_workgroups(picture.n_maps.min(MAX_GROUPS), 1, 1);
        }
        let mut pass = super::pass(&mut encoder, view, picture.background);
        if picture.n_cells > 0 {
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, &painting, &[]);
            pass.draw(0..6, 0..picture.n_maps);
        }
        drop(pass);
        self.queue.submit([encoder.finish()]);
    }

    fn upload(&mut self, picture: &WallPicture) {
        let n_cols = picture.n_cols.clamp(1, picture.n_maps.max(1));
        let n_rows = picture.n_maps.div_ceil(n_cols).max(1);
        let side = |length: u32, n: u32| (length.saturating_sub(picture.gap * (n - 1)) / n).max(1);
        let params = WallParams {
            width: picture.size.0,
            height: picture.size.1,
            n_cols,
            gap: picture.gap,
            place_width: side(picture.size.0, n_cols),
            place_height: side(picture.size.1, n_rows),
            n_maps: picture.n_maps,
            side: picture.side,
            n_cells: picture.n_cells.min(picture.side),
            frame: picture.frame,
            selected: picture.selected.0.unwrap_or(u32::MAX),
            hovered: picture.hovered.0.unwrap_or(u32::MAX),
            background: packed(picture.background),
            non_finite: packed(picture.non_finite),
            selected_color: packed(picture.selected.1),
            hovered_color: packed(picture.hovered.1),
        };
        self.queue.write_buffer(&self.params, 0, bytemuck::bytes_of(&params));
        let mut table = self.colors.clone();
        let ordered = picture.order.iter().copied().take(picture.n_maps as usize);
        table.extend(ordered.chain((picture.order.len() as u32)..picture.n_maps));
        let shown = std::iter::repeat(&false);
        let hidden = picture.hidden_cols.iter().chain(shown).take(picture.side as usize);
        table.extend(hidden.map(|&is_hidden| u32::from(is_hidden)));
        let size = table.len() as u64 * 4;
        let usage = wgpu::BufferUsages::STORAGE;
        if self.table.size() < size {
            self.table = buffer(&self.device, size.next_power_of_two(), usage);
        }
        if self.ranges.size() < u64::from(picture.n_maps) * 4 {
            let size = (u64::from(picture.n_maps) * 4).next_power_of_two();
            self.ranges = buffer(&self.device, size, usage);
        }
        self.queue.write_buffer(&self.table, 0, bytemuck::cast_slice(&table));
    }
}
