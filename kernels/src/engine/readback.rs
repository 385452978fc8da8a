//! Reads tensors back: every box is packed into one staging buffer, which is mapped once.
//!
//! A box of few contiguous pieces is copied piece by piece; one of many (rows of many maps) is
//! packed by a small shader first, since each copy is a command of its own.

use std::sync::Arc;

use super::Read;
use super::dispatch::{groups_of, params};
use super::health::{Health, Signal};
use super::program::storage_buffer;
use crate::error::EngineError;
use crate::shader_text::wgsl;
use crate::tensor::Shape;

params! {
    /// Binding 0 of `pack.wgsl`.
    PackParams {
        n: u32,
        stride_0: u32,
        stride_1: u32,
        stride_2: u32,
        len_1: u32,
        len_2: u32,
        len_3: u32,
        source_start: u32,
    }
}

/// The packing shader's text.
pub(crate) const PACK: super::dispatch::Shader =
    super::dispatch::Shader::new::<PackParams>("pack", &[wgsl!("pack.wgsl")]);

/// Above so many pieces a box is packed by the shader.
const MAX_COPIES: usize = 32;

/// The staging buffers and the packing pipeline of one device.
pub(crate) struct Readback {
    device: wgpu::Device,
    queue: wgpu::Queue,
    health: Arc<Health>,
    staging: Option<wgpu::Buffer>,
    packed: Option<wgpu::Buffer>,
    pack: Option<wgpu::ComputePipeline>,
}

/// A box and the buffer that holds its tensor.
pub(crate) struct Source<'a> {
    pub read: &'a Read,
    pub shape: Shape,
    pub buffer: &'a wgpu::Buffer,
}

impl Readback {
    /// Nothing allocated yet.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue, health: &Arc<Health>) -> Self {
        Self {
            device: device.clone(),
            queue: queue.clone(),
            health: Arc::clone(health),
            staging: None,
            packed: None,
            pack: None,
        }
    }

    /// Bytes held between runs.
    pub fn bytes(&self) -> u64 {
        [&self.staging, &self.packed].into_iter().flatten().map(wgpu::Buffer::size).sum()
    }

    /// Appends the copies to `encoder`. The staging buffer must not be mapped.
    ///
    /// # Errors
    /// If a box does not lie in its tensor.
    pub fn encode(
        &mut self,
        encoder: &mut wgpu::CommandEncoder,
        sources: &[Source<'_>],
    ) -> Result<(), EngineError> {
        let n: usize = sources.iter().map(|source| source.read.len()).sum();
        if n == 0 {
            return Ok(());
        }
        let size = n as u64 * 4;
        let limit = self.device.limits().max_buffer_size;
        if size > limit {
            return Err(EngineError::TooLarge { what: "read-back".to_owned(), bytes: size, limit });
        }
        if self.staging.as_ref().is_none_or(|staging| staging.size() < size) {
            self.staging = Some(self.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("staging"),
                size: size.next_power_of_two().min(limit),
                usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }));
        }
        let binding_limit = self.device.limits().max_storage_buffer_binding_size;
        let mut start = 0;
        let mut packs = Vec::new();
        for source in sources {
            let pieces = source.read.pieces(source.shape)?;
            if pieces.len() > MAX_COPIES && source.buffer.size() <= binding_limit {
                packs.push((source, start));
                start += source.read.len() as u64;
                continue;
            }
            let Some(staging) = &self.staging else { continue };
            for piece in pieces {
                let (from, len) = (piece.start as u64 * 4, piece.len() as u64 * 4);
                encoder.copy_buffer_to_buffer(source.buffer, from, staging, start * 4, Some(len));
                start += piece.len() as u64;
            }
        }
        for (source, start) in packs {
            self.encode_pack(encoder, source, start);
        }
        Ok(())
    }

    /// Waits for the copies of a submitted encoder and splits them by box.
    ///
    /// # Errors
    /// [`EngineError::DeviceLost`].
    pub async fn finish(&self, sources: &[usize]) -> Result<Vec<Vec<f32>>, EngineError> {
        let n: usize = sources.iter().sum();
        let Some(staging) = self.staging.as_ref().filter(|_| n > 0) else {
            return Ok(vec![Vec::new(); sources.len()]);
        };
        let (sender, signal) = Signal::new(&self.health);
        let slice = staging.slice(..n as u64 * 4);
        slice.map_async(wgpu::MapMode::Read, move |outcome| sender.send(outcome));
        self.settle();
        if let Err(err) = signal.await? {
            self.health.check()?;
            return Err(EngineError::DeviceLost(err.to_string()));
        }
        let mapped = slice.get_mapped_range();
        let mapped = mapped.map_err(|err| EngineError::DeviceLost(err.to_string()))?;
        let words: &[u8] = &mapped;
        let mut values = Vec::with_capacity(sources.len());
        let mut start = 0;
        for &len in sources {
            let bytes = &words[start * 4..(start + len) * 4];
            values.push(bytemuck::allocation::pod_collect_to_vec(bytes));
            start += len;
        }
        drop(mapped);
        staging.unmap();
        Ok(values)
    }

    /// Waits until everything submitted so far has run.
    ///
    /// # Errors
    /// [`EngineError::DeviceLost`].
    pub async fn drain(&self) -> Result<(), EngineError> {
        let (sender, signal) = Signal::new(&self.health);
        self.queue.on_submitted_work_done(move || sender.send(()));
        self.settle();
        signal.await
    }

    /// Natively somebody must drive the device; in a browser the page's event loop does.
    fn settle(&self) {
        #[cfg(not(target_arch = "wasm32"))]
        if let Err(err) = self.device.poll(wgpu::PollType::wait_indefinitely()) {
            self.health.lose(err.to_string());
        }
    }

    fn encode_pack(&mut self, encoder: &mut wgpu::CommandEncoder, source: &Source<'_>, start: u64) {
        let n = source.read.len();
        let size = n as u64 * 4;
        let params = pack_params(source, n);
        let uniform = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("pack"),
            size: 48,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        self.queue.write_buffer(&uniform, 0, bytemuck::bytes_of(&params));
        if self.packed.as_ref().is_none_or(|packed| packed.size() < size) {
            let size = size.next_power_of_two().max(1024);
            self.packed = Some(storage_buffer(&self.device, "packed", size));
        }
        let device = &self.device;
        let pack = self.pack.get_or_insert_with(|| {
            let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(PACK.label),
                source: wgpu::ShaderSource::Wgsl(PACK.text().into()),
            });
            device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(PACK.label),
                layout: None,
                module: &module,
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions::default(),
                cache: None,
            })
        });
        let (Some(packed), Some(staging)) = (&self.packed, &self.staging) else { return };
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(PACK.label),
            layout: &pack.get_bind_group_layout(0),
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: uniform.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 1, resource: source.buffer.as_entire_binding() },
                wgpu::BindGroupEntry { binding: 2, resource: packed.as_entire_binding() },
            ],
        });
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some(PACK.label),
            timestamp_writes: None,
        });
        pass.set_pipeline(pack);
        pass.set_bind_group(0, &group, &[]);
        let [x, y, z] = groups_of(n.div_ceil(64));
        pass.dispatch_workgroups(x, y, z);
        drop(pass);
        encoder.copy_buffer_to_buffer(packed, 0, staging, start * 4, Some(size));
    }
}

/// Strides and lengths of a box, padded to four dimensions at the front.
fn pack_params(source: &Source<'_>, n: usize) -> PackParams {
    let dims = source.shape.dims();
    let skip = 4 - dims.len();
    let (mut lens, mut starts, mut strides) = ([1; 4], [0; 4], [0; 4]);
    let mut stride = 1;
    for axis in (0..dims.len()).rev() {
        lens[skip + axis] = source.read.ranges[axis].len();
        starts[skip + axis] = source.read.ranges[axis].start;
        strides[skip + axis] = stride;
        stride *= dims[axis];
    }
    let from: usize = starts.iter().zip(strides).map(|(start, stride)| start * stride).sum();
    PackParams {
        n: n as u32,
        stride_0: strides[0] as u32,
        stride_1: strides[1] as u32,
        stride_2: strides[2] as u32,
        len_1: lens[1] as u32,
        len_2: lens[2] as u32,
        len_3: lens[3] as u32,
        source_start: from as u32,
    }
}
