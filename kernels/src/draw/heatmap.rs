//! A heat-map of one slice of a tensor.

use std::collections::HashMap;

use super::{COLORS, Rgb, Table, TextureFormat, TextureView, bind, buffer, packed, packed_table};
use crate::engine::dispatch::{flag, params};
use crate::engine::gpu::GpuEngine;
use crate::shader_text::wgsl;

params! {
    /// Binding 0 of `heatmap.wgsl`.
    HeatmapParams {
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
}

pub(super) fn text() -> String {
    [COLORS, wgsl!("heatmap.wgsl")].concat()
}

/// What to paint: values at `start + row · row_stride + col · col_stride` of a tensor.
#[derive(Clone, Debug)]
pub struct HeatmapPicture {
    /// Width and height in pixels.
    pub size: (u32, u32),
    /// Rows and columns.
    pub cells: (u32, u32),
    /// Index of the first value.
    pub start: u32,
    /// Values from a row to the next, and from a column to the next.
    pub strides: (u32, u32),
    /// Values of the first and the last colour.
    pub range: (f32, f32),
    /// Distances by logarithm; the range must be above 0.
    pub is_log: bool,
    /// Row and column that are lit up.
    pub cursor: (Option<u32>, Option<u32>),
    /// Under everything.
    pub background: Rgb,
    /// Stripes of what is not finite.
    pub non_finite: Rgb,
    /// Tint of the cursor's row and column.
    pub cursor_color: Rgb,
}

/// Paints heat-maps.
pub struct Heatmap {
    device: wgpu::Device,
    queue: wgpu::Queue,
    pipelines: HashMap<TextureFormat, wgpu::RenderPipeline>,
    params: wgpu::Buffer,
    table: wgpu::Buffer,
}

impl Heatmap {
    /// A painter with a table of colours.
    pub fn new(engine: &GpuEngine, table: &Table) -> Self {
        let device = engine.device();
        let painter = Self {
            device: device.clone(),
            queue: engine.queue().clone(),
            pipelines: HashMap::new(),
            params: buffer(device, 64, wgpu::BufferUsages::UNIFORM),
            table: buffer(device, 1024, wgpu::BufferUsages::STORAGE),
        };
        painter.set_table(table);
        painter
    }

    /// Changes the colours.
    pub fn set_table(&self, table: &Table) {
        self.queue.write_buffer(&self.table, 0, bytemuck::cast_slice(&packed_table(table)));
    }

    /// Paints over the whole of `view`.
    pub fn paint(
        &mut self,
        tensor: &wgpu::Buffer,
        view: &TextureView,
        format: TextureFormat,
        picture: &HeatmapPicture,
    ) {
        let params = HeatmapParams {
            width: picture.size.0,
            height: picture.size.1,
            n_rows: picture.cells.0,
            n_cols: picture.cells.1,
            start: picture.start,
            row_stride: picture.strides.0,
            col_stride: picture.strides.1,
            is_log: flag(picture.is_log),
            lo: picture.range.0,
            hi: picture.range.1,
            cursor_row: picture.cursor.0.unwrap_or(u32::MAX),
            cursor_col: picture.cursor.1.unwrap_or(u32::MAX),
            background: packed(picture.background),
            non_finite: packed(picture.non_finite),
            cursor: packed(picture.cursor_color),
        };
        self.queue.write_buffer(&self.params, 0, bytemuck::bytes_of(&params));
        let device = &self.device;
        let pipeline = self
            .pipelines
            .entry(format)
            .or_insert_with(|| super::render_pipeline(device, "heatmap", text(), format));
        let layout = pipeline.get_bind_group_layout(0);
        let group = bind(device, &layout, &[&self.params, tensor, &self.table]);
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut pass = super::pass(&mut encoder, view, picture.background);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.draw(0..3, 0..1);
        drop(pass);
        self.queue.submit([encoder.finish()]);
    }
}
