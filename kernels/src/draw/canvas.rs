//! A surface to present pictures on.

use super::{SurfaceTarget, TextureFormat, TextureView};
use crate::engine::gpu::GpuEngine;

/// A canvas cannot be painted on; the caller falls back to read-back.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the canvas cannot be painted by the GPU: {0}")]
pub struct CanvasError(String);

/// A surface of a fixed format and changing size.
pub struct Canvas {
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
}

impl Canvas {
    /// Takes over a canvas. Sizes are in device pixels.
    ///
    /// # Errors
    /// If the adapter cannot present on it.
    pub fn new(
        engine: &GpuEngine,
        target: SurfaceTarget<'static>,
        width: u32,
        height: u32,
    ) -> Result<Self, CanvasError> {
        let surface = engine.instance().create_surface(target);
        let surface = surface.map_err(|err| CanvasError(err.to_string()))?;
        let offered = surface.get_capabilities(engine.adapter()).formats;
        // Colours are sRGB bytes already; an sRGB format would encode them twice.
        let format = offered.iter().copied().find(|format| !format.is_srgb());
        let default = surface.get_default_config(engine.adapter(), width.max(1), height.max(1));
        let (Some(format), Some(config)) = (format, default) else {
            return Err(CanvasError("no format in common".to_owned()));
        };
        let mut canvas = Self { surface, config: wgpu::SurfaceConfiguration { format, ..config } };
        canvas.resize(engine, width, height);
        Ok(canvas)
    }

    /// Its pixels' format, for the painters.
    pub fn format(&self) -> TextureFormat {
        self.config.format
    }

    /// Width and height in device pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.config.width, self.config.height)
    }

    /// Changes the size.
    pub fn resize(&mut self, engine: &GpuEngine, width: u32, height: u32) {
        let limit = engine.device().limits().max_texture_dimension_2d;
        self.config.width = width.clamp(1, limit);
        self.config.height = height.clamp(1, limit);
        self.surface.configure(engine.device(), &self.config);
    }

    /// Lets `paint` draw the next frame and presents it.
    ///
    /// # Errors
    /// If there is no frame to draw on: the canvas or the device is gone.
    pub fn frame(
        &mut self,
        engine: &GpuEngine,
        paint: impl FnOnce(&TextureView),
    ) -> Result<(), CanvasError> {
        use wgpu::CurrentSurfaceTexture as Current;
        let mut current = self.surface.get_current_texture();
        if matches!(current, Current::Outdated | Current::Lost) {
            self.surface.configure(engine.device(), &self.config);
            current = self.surface.get_current_texture();
        }
        match current {
            Current::Success(texture) | Current::Suboptimal(texture) => {
                paint(&texture.texture.create_view(&wgpu::TextureViewDescriptor::default()));
                engine.queue().present(texture);
                Ok(())
            }
            // Nobody looks; the next frame comes when somebody does.
            Current::Timeout | Current::Occluded => Ok(()),
            Current::Outdated | Current::Lost => Err(CanvasError("the surface is gone".to_owned())),
            Current::Validation => Err(CanvasError("the surface was refused".to_owned())),
        }
    }
}
