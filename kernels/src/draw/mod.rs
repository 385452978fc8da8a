//! Paints tensors straight from GPU memory: nothing is read back. What a picture means is its
//! caller's business; here are rows, columns, maps and colours.
//!
//! A [`Canvas`] is a surface (an `OffscreenCanvas` in a worker); the painters draw on any texture
//! view, so tests draw on textures and read those back.

use crate::shader_text::wgsl;

mod canvas;
mod heatmap;
#[cfg(test)]
mod tests;
mod wall;

pub use canvas::{Canvas, CanvasError};
pub use heatmap::{Heatmap, HeatmapPicture};
pub use wall::{Wall, WallPicture};
pub use wgpu::{SurfaceTarget, TextureFormat, TextureView};

/// An opaque colour.
pub type Rgb = [u8; 3];

/// Colours from the first to the last value of a range.
pub type Table = [Rgb; 256];

/// As shaders unpack it.
fn packed(color: Rgb) -> u32 {
    u32::from_le_bytes([color[0], color[1], color[2], 255])
}

fn packed_table(table: &Table) -> Vec<u32> {
    table.iter().map(|&color| packed(color)).collect()
}

const COLORS: &str = wgsl!("colors.wgsl");

/// Label and text of every shader of this room.
pub fn shader_texts() -> Vec<(&'static str, String)> {
    vec![("heatmap", heatmap::text()), ("wall", wall::text()), ("wall_range", wall::range_text())]
}

fn buffer(device: &wgpu::Device, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some("draw"),
        size,
        usage: usage | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A pipeline without vertex buffers whose entry points are `corner` and `paint`.
fn render_pipeline(
    device: &wgpu::Device,
    label: &'static str,
    text: String,
    format: TextureFormat,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(text.into()),
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(label),
        layout: None,
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("corner"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("paint"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// A render pass that first fills `view` with `background`.
fn pass<'e>(
    encoder: &'e mut wgpu::CommandEncoder,
    view: &TextureView,
    background: Rgb,
) -> wgpu::RenderPass<'e> {
    let [r, g, b] = background.map(|part| f64::from(part) / 255.0);
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("draw"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 1.0 }),
                store: wgpu::StoreOp::Store,
            },
        })],
        depth_stencil_attachment: None,
        timestamp_writes: None,
        occlusion_query_set: None,
        multiview_mask: None,
    })
}

/// Bindings from 0 on.
fn bind(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    buffers: &[&wgpu::Buffer],
) -> wgpu::BindGroup {
    let entries: Vec<_> = (0u32..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}
