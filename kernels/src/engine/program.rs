//! A recording made ready for the GPU: slots, uniforms, bind groups, launches. Built once, then
//! replayed; a run changes only the content of one small buffer.

use std::collections::HashMap;
use std::ops::Range;

use super::arena;
use super::dispatch::{Dispatch, Operand, Site, Traits};
use super::pipelines::Pipelines;
use crate::error::EngineError;
use crate::recording::{Recording, Source};
use crate::tensor::{Shape, StateId, TensorId, WeightId};

/// Alignment that every adapter accepts for offsets of bindings.
const ALIGNMENT: u64 = 256;

/// A weight on the GPU: its pieces by rows.
pub(crate) struct GpuWeight {
    pub pieces: Vec<(Range<usize>, wgpu::Buffer)>,
}

/// A state on the GPU.
pub(crate) struct GpuState {
    pub shape: Shape,
    pub buffer: wgpu::Buffer,
}

/// Where a program finds what outlives it.
pub(crate) struct Holdings<'a> {
    pub device: &'a wgpu::Device,
    pub queue: &'a wgpu::Queue,
    pub traits: Traits,
    pub weights: &'a [GpuWeight],
    pub states: &'a [Option<GpuState>],
}

/// One recorded launch.
pub(crate) struct Launch {
    pub pipeline: wgpu::ComputePipeline,
    pub group: wgpu::BindGroup,
    pub groups: [u32; 3],
    pub work: u64,
    pub label: &'static str,
    pub node_idx: usize,
}

/// A recording made ready.
pub(crate) struct Program {
    pub launches: Vec<Launch>,
    /// Bind group 1: the step.
    pub step_group: wgpu::BindGroup,
    /// The step, then the inputs; one upload a run.
    pub inputs: wgpu::Buffer,
    /// Where each input starts in `inputs`, in bytes.
    pub input_offsets: Vec<u64>,
    plan: arena::Plan,
    slots: Vec<wgpu::Buffer>,
    bytes: u64,
}

impl Program {
    /// Lays out the memory of a recording, compiles its pipelines and builds its bind groups.
    pub async fn build(
        recording: &Recording,
        holdings: &Holdings<'_>,
        pipelines: &mut Pipelines,
    ) -> Result<Self, EngineError> {
        check_references(recording, holdings)?;
        let dispatches = dispatches_of(recording, holdings);
        let all: Vec<Dispatch> = dispatches.iter().map(|(_, dispatch)| dispatch.clone()).collect();
        pipelines.prepare(&all).await?;
        let plan = arena::plan(recording);
        let device = holdings.device;
        let mut bytes = 0;
        let mut slots = Vec::with_capacity(plan.slot_len.len());
        for (slot_idx, &len) in plan.slot_len.iter().enumerate() {
            let size = padded_bytes(len);
            let limit = device.limits().max_storage_buffer_binding_size;
            if size > limit {
                let what = format!("intermediate tensor {slot_idx}");
                return Err(EngineError::TooLarge { what, bytes: size, limit });
            }
            bytes += size;
            slots.push(storage_buffer(device, "slot", size));
        }
        let (input_offsets, inputs_len) = input_layout(recording);
        let inputs = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("inputs"),
            size: inputs_len,
            usage: wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let constants = Constants::upload(device, holdings.queue, &all);
        bytes += inputs_len + constants.buffer.size();
        let step_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("step"),
            layout: pipelines.step_layout(),
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: range(&inputs, 0, 8) }],
        });
        let mut program = Self {
            launches: Vec::with_capacity(all.len()),
            step_group,
            inputs,
            input_offsets,
            plan,
            slots,
            bytes,
        };
        for (node_idx, dispatch) in dispatches {
            let launch =
                program.launch(recording, holdings, pipelines, &constants, node_idx, &dispatch)?;
            program.launches.push(launch);
        }
        Ok(program)
    }

    /// The buffer of a kept tensor.
    pub fn kept(&self, recording: &Recording, id: TensorId) -> Option<&wgpu::Buffer> {
        let tensor = recording.tensors().get(id.index()).filter(|tensor| tensor.kept)?;
        debug_assert!(matches!(tensor.source, Source::Computed(_)), "only computed ones are kept");
        Some(&self.slots[self.plan.slot_of[id.index()]?])
    }

    /// All buffers of computed tensors.
    #[cfg(test)]
    pub fn slots(&self) -> &[wgpu::Buffer] {
        &self.slots
    }

    /// Bytes of all buffers.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn launch(
        &self,
        recording: &Recording,
        holdings: &Holdings<'_>,
        pipelines: &mut Pipelines,
        constants: &Constants,
        node_idx: usize,
        dispatch: &Dispatch,
    ) -> Result<Launch, EngineError> {
        let mut entries = vec![wgpu::BindGroupEntry {
            binding: 0,
            resource: constants.binding(bytemuck::cast_slice(&dispatch.params)),
        }];
        for (idx, operand) in dispatch.operands.iter().enumerate() {
            let resource = match operand {
                Operand::Absent => constants.absent(),
                Operand::Table(words) if words.is_empty() => constants.absent(),
                Operand::Table(words) => constants.binding(bytemuck::cast_slice(words)),
                Operand::Piece(id, piece_idx) => {
                    self.resource(recording, holdings, *id, *piece_idx)
                }
                Operand::Read(id) | Operand::Write(id) => {
                    self.resource(recording, holdings, *id, 0)
                }
            };
            entries.push(wgpu::BindGroupEntry { binding: idx as u32 + 1, resource });
        }
        let Some((pipeline, layout)) = pipelines.get(dispatch) else {
            return Err(EngineError::Shader {
                shader: dispatch.shader.label.to_owned(),
                message: "its pipeline was dropped".to_owned(),
            });
        };
        let group = holdings.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(dispatch.shader.label),
            layout,
            entries: &entries,
        });
        Ok(Launch {
            pipeline: pipeline.clone(),
            group,
            groups: dispatch.groups,
            work: dispatch.work,
            label: dispatch.shader.label,
            node_idx,
        })
    }

    fn resource<'a>(
        &'a self,
        recording: &Recording,
        holdings: &Holdings<'a>,
        id: TensorId,
        piece_idx: usize,
    ) -> wgpu::BindingResource<'a> {
        let tensor = recording.tensor(id);
        match tensor.source {
            Source::Weight(WeightId(weight)) => {
                holdings.weights[weight as usize].pieces[piece_idx].1.as_entire_binding()
            }
            Source::State(StateId(state)) => match &holdings.states[state as usize] {
                Some(state) => state.buffer.as_entire_binding(),
                None => unreachable!("check_references has seen every state"),
            },
            Source::Input(idx) => {
                range(&self.inputs, self.input_offsets[idx], padded_bytes(tensor.shape.len()))
            }
            Source::Computed(_) => {
                let slot = self.plan.slot_of[id.index()].unwrap_or_default();
                range(&self.slots[slot], 0, padded_bytes(tensor.shape.len()))
            }
        }
    }
}

/// Bytes of `len` values, rounded up so that shaders may read them by vec4.
pub(crate) fn padded_bytes(len: usize) -> u64 {
    (len as u64 * 4).next_multiple_of(16).max(16)
}

/// A buffer that shaders read and write and that can be copied both ways.
pub(crate) fn storage_buffer(device: &wgpu::Device, label: &str, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: Some(label),
        size,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn range(buffer: &wgpu::Buffer, offset: u64, size: u64) -> wgpu::BindingResource<'_> {
    wgpu::BindingResource::Buffer(wgpu::BufferBinding {
        buffer,
        offset,
        size: wgpu::BufferSize::new(size),
    })
}

/// Weights and states that the recording names must be held, in the shape that it names.
fn check_references(recording: &Recording, holdings: &Holdings<'_>) -> Result<(), EngineError> {
    for tensor in recording.tensors() {
        let (what, held) = match tensor.source {
            Source::Weight(WeightId(idx)) => {
                (format!("weight {idx}"), holdings.weights.get(idx as usize).is_some())
            }
            Source::State(StateId(idx)) => {
                let state = holdings.states.get(idx as usize).and_then(Option::as_ref);
                let fits = state.is_some_and(|state| state.shape.len() == tensor.shape.len());
                (format!("state {idx}"), fits)
            }
            Source::Input(_) | Source::Computed(_) => continue,
        };
        if !held {
            return Err(EngineError::Mismatch {
                what,
                expected: format!("to hold {}", tensor.shape),
                got: "nothing of that size".to_owned(),
            });
        }
    }
    Ok(())
}

/// What every node launches, with the node's index.
fn dispatches_of(recording: &Recording, holdings: &Holdings<'_>) -> Vec<(usize, Dispatch)> {
    let pieces = |id: TensorId| match recording.tensor(id).source {
        Source::Weight(WeightId(weight)) => {
            let pieces = &holdings.weights[weight as usize].pieces;
            pieces.iter().map(|(rows, _)| rows.clone()).collect()
        }
        _ => std::iter::once(0..recording.tensor(id).shape.n_rows()).collect(),
    };
    let mut all = Vec::new();
    for (node_idx, node) in recording.nodes().iter().enumerate() {
        if node.outputs.iter().all(|&id| recording.tensor(id).shape.is_empty()) {
            continue;
        }
        let site = Site { recording, node, traits: holdings.traits, pieces: &pieces };
        all.extend(node.op.dispatches(&site).into_iter().map(|dispatch| (node_idx, dispatch)));
    }
    all
}

/// Byte offsets of the inputs behind the step, and the length of the whole.
fn input_layout(recording: &Recording) -> (Vec<u64>, u64) {
    let mut end = ALIGNMENT;
    let offsets = recording
        .inputs()
        .iter()
        .map(|&id| {
            let start = end;
            end = (start + padded_bytes(recording.tensor(id).shape.len()))
                .next_multiple_of(ALIGNMENT);
            start
        })
        .collect();
    (offsets, end)
}

/// Params and tables of all dispatches in one buffer; equal ones are stored once.
struct Constants {
    buffer: wgpu::Buffer,
    offsets: HashMap<Vec<u8>, u64>,
}

/// Bytes of zeros that stand for an operand that is not given.
const ABSENT_LEN: u64 = 256;

impl Constants {
    fn upload(device: &wgpu::Device, queue: &wgpu::Queue, dispatches: &[Dispatch]) -> Self {
        let mut content = vec![0; ABSENT_LEN as usize];
        let mut offsets = HashMap::new();
        let mut add = |bytes: &[u8]| {
            if !offsets.contains_key(bytes) {
                offsets.insert(bytes.to_vec(), content.len() as u64);
                content.extend_from_slice(bytes);
                content.resize(content.len().next_multiple_of(ALIGNMENT as usize), 0);
            }
        };
        for dispatch in dispatches {
            add(&dispatch.params);
            for operand in &dispatch.operands {
                if let Operand::Table(words) = operand {
                    add(bytemuck::cast_slice(words));
                }
            }
        }
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("constants"),
            size: content.len() as u64,
            usage: wgpu::BufferUsages::UNIFORM
                | wgpu::BufferUsages::STORAGE
                | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        queue.write_buffer(&buffer, 0, &content);
        Self { buffer, offsets }
    }

    fn binding(&self, bytes: &[u8]) -> wgpu::BindingResource<'_> {
        let offset = self.offsets.get(bytes).copied().unwrap_or_default();
        range(&self.buffer, offset, (bytes.len() as u64).next_multiple_of(16).max(16))
    }

    fn absent(&self) -> wgpu::BindingResource<'_> {
        range(&self.buffer, 0, ABSENT_LEN)
    }
}
