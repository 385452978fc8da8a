//! The GPU engine: the same recordings as compute shaders over wgpu.
//!
//! A recording is prepared once ([`Program`]): pipelines, bind groups, memory. A run uploads the
//! step and the inputs in one write, encodes the launches into one compute pass (or a few bounded
//! submits, so that no watchdog fires and cancellation is prompt), copies all reads into one
//! staging buffer and maps that once.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::dispatch::Traits;
use super::health::Health;
use super::pipelines::Pipelines;
use super::program::{GpuState, GpuWeight, Holdings, Program, padded_bytes, storage_buffer};
use super::readback::{self, Readback};
use super::weights::Layout;
use super::{Control, InputData, Read, ReadSource, Step};
use crate::error::EngineError;
use crate::recording::Recording;
use crate::tensor::{DType, Shape, StateId, TensorId, WeightId};

/// What to ask for.
#[derive(Clone, Debug, Default)]
pub struct GpuOptions {
    /// Prefer the adapter that saves power.
    pub low_power: bool,
    /// Ask for no more than WebGPU's default limits, even where the adapter has more.
    pub default_limits: bool,
}

/// What runs here, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GpuInfo {
    /// The adapter's name, as far as the browser or driver tells.
    pub name: String,
    /// Which API lies beneath.
    pub backend: String,
    /// The adapter is a program on the CPU.
    pub software: bool,
    /// Largest tensor (or piece of one) in bytes.
    pub max_binding_bytes: u64,
}

/// Label and text of every compute shader there is: what a browser's compiler must accept.
pub fn shader_texts() -> Vec<(&'static str, String)> {
    let ops = crate::ops::SHADERS.iter().copied().flatten();
    ops.chain([&readback::PACK]).map(|shader| (shader.label, shader.text())).collect()
}

/// Time that one launch took.
#[derive(Clone, Debug, PartialEq)]
pub struct OpTime {
    /// Op and variant.
    pub op: &'static str,
    /// The node's scope.
    pub scope: String,
    /// Nanoseconds between the timestamps before and after.
    pub nanoseconds: f64,
}

/// Holds weights and states in GPU memory, and runs recordings.
pub struct GpuEngine {
    instance: wgpu::Instance,
    adapter: wgpu::Adapter,
    device: wgpu::Device,
    queue: wgpu::Queue,
    info: GpuInfo,
    traits: Traits,
    health: Arc<Health>,
    pipelines: Pipelines,
    readback: Readback,
    weights: Vec<GpuWeight>,
    states: Vec<Option<GpuState>>,
    programs: HashMap<u64, Rc<Program>>,
    /// Times of launches, while they are measured.
    profile: Option<Vec<OpTime>>,
    stamps: Option<Stamps>,
    /// The recording whose kept tensors can be drawn.
    last_run: Option<u64>,
    /// Fill new intermediate tensors with NaN.
    #[cfg(test)]
    pub(crate) poisons: bool,
    /// Weights are cut into pieces of so many bytes.
    piece_limit: u64,
}

/// Where stamps of time are written, and read from.
struct Stamps {
    set: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    count: u32,
}

impl Stamps {
    fn new(device: &wgpu::Device, count: u32) -> Self {
        let set = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("profile"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let resolved = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("profile"),
            size: u64::from(count) * 8,
            usage: wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        Self { set, resolved, count }
    }
}

impl GpuEngine {
    /// Opens a device on a fresh adapter.
    ///
    /// # Errors
    /// [`EngineError::NoAdapter`].
    pub async fn new(options: GpuOptions) -> Result<Self, EngineError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends: wgpu::Backends::PRIMARY,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let (adapter, device, queue) = open(&instance, &options).await?;
        let health = Health::of(&device);
        let about = adapter.get_info();
        let software = about.device_type == wgpu::DeviceType::Cpu
            || about.name.to_ascii_lowercase().contains("swiftshader");
        let info = GpuInfo {
            name: if about.name.is_empty() { "unnamed adapter".to_owned() } else { about.name },
            backend: about.backend.to_string(),
            software,
            max_binding_bytes: device.limits().max_storage_buffer_binding_size,
        };
        // A slow GPU does 20, a software adapter half a thousand-millionth of multiply-adds a
        // second; both then need about a tenth of a second for one submit.
        let limits = device.limits();
        let piece_limit = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        let work_per_submit = if software { 50_000_000 } else { 2_000_000_000 };
        Ok(Self {
            pipelines: Pipelines::new(&device),
            readback: Readback::new(&device, &queue, &health),
            traits: Traits { software, work_per_submit },
            instance,
            adapter,
            device,
            queue,
            info,
            health,
            weights: Vec::new(),
            states: Vec::new(),
            programs: HashMap::new(),
            profile: None,
            stamps: None,
            last_run: None,
            #[cfg(test)]
            poisons: false,
            piece_limit,
        })
    }

    /// Serves another kind of adapter than this one is.
    #[cfg(test)]
    pub(crate) fn pretend(&mut self, software: bool, work: u64, piece_limit: Option<u64>) {
        self.traits = Traits { software, work_per_submit: work };
        self.piece_limit = piece_limit.unwrap_or(self.piece_limit);
    }

    /// What runs here.
    pub fn info(&self) -> &GpuInfo {
        &self.info
    }

    /// The wgpu instance, for making surfaces.
    pub fn instance(&self) -> &wgpu::Instance {
        &self.instance
    }

    /// The adapter, for asking what a surface can do.
    pub fn adapter(&self) -> &wgpu::Adapter {
        &self.adapter
    }

    /// The device, for drawing.
    pub fn device(&self) -> &wgpu::Device {
        &self.device
    }

    /// The queue, for drawing.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.queue
    }

    /// The buffer of a state, for drawing.
    pub fn state_buffer(&self, state: StateId) -> Option<&wgpu::Buffer> {
        self.states.get(state.0 as usize)?.as_ref().map(|state| &state.buffer)
    }

    /// The buffer of a kept tensor of the recording that ran last, for drawing.
    pub fn kept_buffer(&self, recording: &Recording, id: TensorId) -> Option<&wgpu::Buffer> {
        let program = self.programs.get(&recording.id())?;
        program.kept(recording, id).filter(|_| self.last_run == Some(recording.id()))
    }

    /// Whether the device is gone; the engine must then be built anew.
    ///
    /// # Errors
    /// [`EngineError::DeviceLost`], or an error that the driver reported meanwhile.
    pub fn check(&self) -> Result<(), EngineError> {
        // Natively the loss is only told when somebody asks; until then all calls fail oddly.
        if self.device.poll(wgpu::PollType::Poll).is_err() {
            self.health.lose("it answers no more".to_owned());
        }
        self.health.check()
    }

    pub(crate) fn name(&self) -> String {
        format!("{} ({})", self.info.name, self.info.backend)
    }

    pub(crate) fn add_weight(
        &mut self,
        label: &str,
        shape: Shape,
        dtype: DType,
        bytes: &[u8],
    ) -> Result<WeightId, EngineError> {
        self.check()?;
        let limit = self.piece_limit;
        let layout = Layout::new(shape, dtype, limit);
        let mut pieces = Vec::with_capacity(layout.pieces.len());
        for (piece_idx, rows) in layout.pieces.iter().enumerate() {
            let size = layout.byte_len(piece_idx).next_multiple_of(16).max(16);
            if size > limit {
                let what = format!("a row of {label}");
                return Err(EngineError::TooLarge { what, bytes: size, limit });
            }
            let buffer = self.buffer(label, size)?;
            for upload in layout.uploads(piece_idx, bytes) {
                self.queue.write_buffer(&buffer, upload.offset, &upload.bytes);
            }
            pieces.push((rows.clone(), buffer));
        }
        // Hands the writes over, so that their staging memory is freed before the next weight.
        self.queue.submit([]);
        self.check()?;
        self.weights.push(GpuWeight { pieces });
        Ok(WeightId(self.weights.len() as u32 - 1))
    }

    pub(crate) fn add_state(&mut self, label: &str, shape: Shape) -> Result<StateId, EngineError> {
        self.check()?;
        let (bytes, limit) = (padded_bytes(shape.len()), self.info.max_binding_bytes);
        if bytes > limit {
            return Err(EngineError::TooLarge { what: label.to_owned(), bytes, limit });
        }
        let buffer = self.buffer(label, bytes)?;
        let vacant = self.states.iter().position(Option::is_none).unwrap_or(self.states.len());
        if vacant == self.states.len() {
            self.states.push(None);
        }
        self.states[vacant] = Some(GpuState { shape, buffer });
        Ok(StateId(vacant as u32))
    }

    pub(crate) fn write_state(&mut self, state: StateId, from: &[f32]) -> Result<(), EngineError> {
        let held = self.states.get(state.0 as usize).and_then(Option::as_ref);
        let Some(state) = held.filter(|held| held.shape.len() == from.len()) else {
            return Err(EngineError::no_such_state(state, from.len()));
        };
        self.queue.write_buffer(&state.buffer, 0, bytemuck::cast_slice(from));
        self.check()
    }

    pub(crate) fn remove_state(&mut self, state: StateId) {
        if let Some(slot) = self.states.get_mut(state.0 as usize)
            && let Some(state) = slot.take()
        {
            state.buffer.destroy();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.programs.clear();
        self.weights.iter().flat_map(|weight| &weight.pieces).for_each(|(_, b)| b.destroy());
        self.states.iter().flatten().for_each(|state| state.buffer.destroy());
        self.weights.clear();
        self.states.clear();
        self.last_run = None;
    }

    pub(crate) fn forget(&mut self, recording_id: u64) {
        self.programs.remove(&recording_id);
    }

    pub(crate) fn bytes_held(&self) -> u64 {
        let weights = self.weights.iter().flat_map(|weight| &weight.pieces);
        let weights: u64 = weights.map(|(_, buffer)| buffer.size()).sum();
        let states: u64 = self.states.iter().flatten().map(|state| state.buffer.size()).sum();
        let programs: u64 = self.programs.values().map(|program| program.bytes()).sum();
        weights + states + programs + self.readback.bytes()
    }

    pub(crate) async fn run(
        &mut self,
        recording: &Recording,
        inputs: &[InputData<'_>],
        step: Step,
        reads: &[Read],
        control: &Control,
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        self.check()?;
        control.check()?;
        let program = self.program(recording).await?;
        self.last_run = Some(recording.id());
        self.upload(&program, inputs, step);
        if self.profile.is_some() {
            self.run_timed(recording, &program).await?;
            return self.read_after(self.encoder(), Some((recording, &program)), reads).await;
        }
        let mut encoder = self.encoder();
        let mut from = 0;
        while from < program.launches.len() {
            let to = self.end_of_chunk(&program, from);
            if from > 0 {
                // The chunk before is on its way; no more than one waits behind it.
                self.queue.submit([std::mem::replace(&mut encoder, self.encoder()).finish()]);
                self.readback.drain().await?;
                control.pause().await?;
            }
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_bind_group(1, &program.step_group, &[]);
            for launch in &program.launches[from..to] {
                pass.set_pipeline(&launch.pipeline);
                pass.set_bind_group(0, &launch.group, &[]);
                let [x, y, z] = launch.groups;
                pass.dispatch_workgroups(x, y, z);
            }
            drop(pass);
            from = to;
        }
        self.read_after(encoder, Some((recording, &program)), reads).await
    }

    pub(crate) async fn read(&mut self, reads: &[Read]) -> Result<Vec<Vec<f32>>, EngineError> {
        self.check()?;
        let encoder = self.encoder();
        self.read_after(encoder, None, reads).await
    }

    /// Whether the runs from now on put a timestamp before and after every launch, at the price
    /// of a pass each. Without the adapter's support for timestamps nothing is measured.
    pub fn set_profiling(&mut self, on: bool) {
        let can = self.device.features().contains(wgpu::Features::TIMESTAMP_QUERY);
        self.profile = (on && can).then(Vec::new);
    }

    /// What was measured since the last call, launch by launch.
    pub fn take_profile(&mut self) -> Vec<OpTime> {
        self.profile.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Runs a program with timestamps.
    async fn run_timed(
        &mut self,
        recording: &Recording,
        program: &Program,
    ) -> Result<(), EngineError> {
        for launches in program.launches.chunks(wgpu::QUERY_SET_MAX_QUERIES as usize / 2) {
            let ticks = self.timed(program, launches).await?;
            let period = f64::from(self.queue.get_timestamp_period());
            let times = launches.iter().zip(ticks.chunks_exact(2)).map(|(launch, ticks)| OpTime {
                op: launch.label,
                scope: recording.nodes()[launch.node_idx].scope.clone(),
                nanoseconds: ticks[1].saturating_sub(ticks[0]) as f64 * period,
            });
            self.profile.get_or_insert_default().extend(times);
        }
        Ok(())
    }

    /// Timestamps before and after each launch.
    async fn timed(
        &mut self,
        program: &Program,
        launches: &[super::program::Launch],
    ) -> Result<Vec<u64>, EngineError> {
        let n_stamps = launches.len() as u32 * 2;
        // A recording that is replayed, as a training step is, finds those of the last time.
        let kept = self.stamps.take().filter(|stamps| stamps.count >= n_stamps);
        let stamps = kept.unwrap_or_else(|| Stamps::new(&self.device, n_stamps));
        let mut encoder = self.encoder();
        for (idx, launch) in (0u32..).zip(launches) {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: Some(launch.label),
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: &stamps.set,
                    beginning_of_pass_write_index: Some(2 * idx),
                    end_of_pass_write_index: Some(2 * idx + 1),
                }),
            });
            pass.set_pipeline(&launch.pipeline);
            pass.set_bind_group(0, &launch.group, &[]);
            pass.set_bind_group(1, &program.step_group, &[]);
            let [x, y, z] = launch.groups;
            pass.dispatch_workgroups(x, y, z);
        }
        encoder.resolve_query_set(&stamps.set, 0..n_stamps, &stamps.resolved, 0);
        let shape = Shape::from([n_stamps as usize * 2]);
        let read = Read {
            source: ReadSource::State(StateId(0)),
            ranges: std::iter::once(0..shape.len()).collect(),
        };
        let source = readback::Source { read: &read, shape, buffer: &stamps.resolved };
        self.readback.encode(&mut encoder, &[source])?;
        self.queue.submit([encoder.finish()]);
        let words = self.readback.finish(&[shape.len()]).await?;
        self.stamps = Some(stamps);
        let halves = words[0].chunks_exact(2);
        let ticks = halves.map(|h| u64::from(h[0].to_bits()) | u64::from(h[1].to_bits()) << 32);
        Ok(ticks.collect())
    }

    async fn program(&mut self, recording: &Recording) -> Result<Rc<Program>, EngineError> {
        if let Some(program) = self.programs.get(&recording.id()) {
            return Ok(Rc::clone(program));
        }
        let holdings = Holdings {
            device: &self.device,
            queue: &self.queue,
            traits: self.traits,
            weights: &self.weights,
            states: &self.states,
        };
        let built = Program::build(recording, &holdings, &mut self.pipelines).await;
        // A lost device explains whatever else went wrong.
        self.check()?;
        let program = Rc::new(built?);
        #[cfg(test)]
        if self.poisons {
            for slot in program.slots() {
                self.queue.write_buffer(slot, 0, &vec![0xff; slot.size() as usize]);
            }
        }
        self.programs.insert(recording.id(), Rc::clone(&program));
        Ok(program)
    }

    /// The step and all inputs in one write.
    fn upload(&self, program: &Program, inputs: &[InputData<'_>], step: Step) {
        let mut content = bytemuck::cast_slice(&[step.past, step.thumbnail_from]).to_vec();
        for (&offset, input) in program.input_offsets.iter().zip(inputs) {
            content.resize(offset as usize, 0);
            match input {
                InputData::F32(values) => content.extend_from_slice(bytemuck::cast_slice(values)),
                InputData::U32(values) => content.extend_from_slice(bytemuck::cast_slice(values)),
            }
        }
        self.queue.write_buffer(&program.inputs, 0, &content);
    }

    fn end_of_chunk(&self, program: &Program, from: usize) -> usize {
        let mut work = 0;
        let launches = program.launches[from..].iter();
        let n = launches
            .take_while(|launch| {
                work += launch.work;
                work <= self.traits.work_per_submit
            })
            .count();
        from + n.max(1)
    }

    async fn read_after(
        &mut self,
        mut encoder: wgpu::CommandEncoder,
        ran: Option<(&Recording, &Program)>,
        reads: &[Read],
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let mut sources = Vec::with_capacity(reads.len());
        for read in reads {
            let found = match read.source {
                ReadSource::State(StateId(state)) => self
                    .states
                    .get(state as usize)
                    .and_then(Option::as_ref)
                    .map(|state| (state.shape, &state.buffer)),
                ReadSource::Tensor(id) => ran.and_then(|(recording, program)| {
                    Some((recording.tensor(id).shape, program.kept(recording, id)?))
                }),
            };
            let Some((shape, buffer)) = found else {
                return Err(EngineError::Mismatch {
                    what: "read".to_owned(),
                    expected: "a state, or a kept tensor of this run".to_owned(),
                    got: format!("{:?}", read.source),
                });
            };
            sources.push(readback::Source { read, shape, buffer });
        }
        self.readback.encode(&mut encoder, &sources)?;
        self.queue.submit([encoder.finish()]);
        let lens: Vec<usize> = reads.iter().map(Read::len).collect();
        let values = self.readback.finish(&lens).await?;
        self.check()?;
        Ok(values)
    }

    fn encoder(&self) -> wgpu::CommandEncoder {
        self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default())
    }

    /// A zeroed buffer, or the numbers of what was refused.
    fn buffer(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer, EngineError> {
        let buffer = storage_buffer(&self.device, label, bytes);
        match self.check() {
            Err(EngineError::OutOfMemory { .. }) => {
                Err(EngineError::OutOfMemory { what: label.to_owned(), bytes })
            }
            other => other.map(|()| buffer),
        }
    }
}

/// A device with the adapter's limits; where that is refused, a fresh adapter and the defaults.
async fn open(
    instance: &wgpu::Instance,
    options: &GpuOptions,
) -> Result<(wgpu::Adapter, wgpu::Device, wgpu::Queue), EngineError> {
    let mut outcome = Err(EngineError::NoAdapter("none was asked for".to_owned()));
    for default_limits in [false, true] {
        if options.default_limits && !default_limits {
            continue;
        }
        // A browser's adapter gives one device only.
        let adapter = instance
            .request_adapter(&wgpu::RequestAdapterOptions {
                power_preference: if options.low_power {
                    wgpu::PowerPreference::LowPower
                } else {
                    wgpu::PowerPreference::HighPerformance
                },
                ..wgpu::RequestAdapterOptions::default()
            })
            .await
            .map_err(|err| EngineError::NoAdapter(err.to_string()))?;
        let required_limits =
            if default_limits { wgpu::Limits::default() } else { adapter.limits() };
        let device = adapter
            .request_device(&wgpu::DeviceDescriptor {
                label: Some("vitrine"),
                required_features: adapter.features() & wgpu::Features::TIMESTAMP_QUERY,
                required_limits,
                ..wgpu::DeviceDescriptor::default()
            })
            .await;
        match device {
            Ok((device, queue)) => return Ok((adapter, device, queue)),
            Err(err) => outcome = Err(EngineError::NoAdapter(err.to_string())),
        }
    }
    outcome
}
