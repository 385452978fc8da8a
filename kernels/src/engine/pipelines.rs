//! Compute pipelines, cached by shader text and constants, with explicit layouts so that one
//! [`Step`](super::Step) binding serves them all.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::dispatch::{Dispatch, Operand};
use super::health::engine_error_from;
use crate::error::EngineError;

/// Kinds of the bindings after the params: whether each is written.
type Kinds = Vec<bool>;

/// The caches of one device.
pub(crate) struct Pipelines {
    device: wgpu::Device,
    step_layout: wgpu::BindGroupLayout,
    layouts: HashMap<Kinds, (wgpu::BindGroupLayout, wgpu::PipelineLayout)>,
    modules: HashMap<u64, wgpu::ShaderModule>,
    pipelines: HashMap<Key, wgpu::ComputePipeline>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    /// Hash of the shader's text.
    text: u64,
    constants: Vec<(&'static str, u64)>,
    kinds: Kinds,
}

impl Key {
    fn of(dispatch: &Dispatch) -> Self {
        let mut hasher = DefaultHasher::new();
        dispatch.shader.parts.iter().for_each(|part| part.hash(&mut hasher));
        let constants = dispatch.constants.iter().map(|&(name, v)| (name, v.to_bits())).collect();
        let kinds = dispatch.operands.iter().map(Operand::is_written).collect();
        Self { text: hasher.finish(), constants, kinds }
    }
}

impl Pipelines {
    /// Empty caches.
    pub fn new(device: &wgpu::Device) -> Self {
        let step_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("step"),
            entries: &[entry(0, wgpu::BufferBindingType::Uniform)],
        });
        Self {
            device: device.clone(),
            step_layout,
            layouts: HashMap::new(),
            modules: HashMap::new(),
            pipelines: HashMap::new(),
        }
    }

    /// Layout of bind group 1.
    pub fn step_layout(&self) -> &wgpu::BindGroupLayout {
        &self.step_layout
    }

    /// Makes the pipelines that `dispatches` need and that there are not yet; all compile while
    /// the first answer is awaited.
    ///
    /// # Errors
    /// [`EngineError::Shader`] with the driver's words.
    pub async fn prepare(&mut self, dispatches: &[Dispatch]) -> Result<(), EngineError> {
        let mut answers = Vec::new();
        for dispatch in dispatches {
            let key = Key::of(dispatch);
            if self.pipelines.contains_key(&key) {
                continue;
            }
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
            let inner_scope = self.device.push_error_scope(wgpu::ErrorFilter::Internal);
            let pipeline = self.compile(&key, dispatch);
            let inner_answer = inner_scope.pop();
            answers.push((dispatch.shader.label, inner_answer, scope.pop()));
            self.pipelines.insert(key, pipeline);
        }
        let mut outcome = Ok(());
        for (label, inner_answer, answer) in answers {
            let (inner, outer) = (inner_answer.await, answer.await);
            if let Some(err) = inner.or(outer) {
                outcome = outcome.and(Err(engine_error_from(err, label)));
            }
        }
        if outcome.is_err() {
            // Which of the new ones are good is not known any more.
            self.pipelines.clear();
            self.modules.clear();
        }
        outcome
    }

    /// The pipeline of a dispatch that [`Pipelines::prepare`] has seen, and its layout of group 0.
    pub fn get(
        &mut self,
        dispatch: &Dispatch,
    ) -> Option<(&wgpu::ComputePipeline, &wgpu::BindGroupLayout)> {
        let key = Key::of(dispatch);
        let (layout, _) = self.layouts.get(&key.kinds)?;
        Some((self.pipelines.get(&key)?, layout))
    }

    fn compile(&mut self, key: &Key, dispatch: &Dispatch) -> wgpu::ComputePipeline {
        let label = Some(dispatch.shader.label);
        let (device, step_layout) = (&self.device, &self.step_layout);
        let (_, layout) = self.layouts.entry(key.kinds.clone()).or_insert_with(|| {
            let operands = key.kinds.iter().enumerate().map(|(idx, &is_written)| {
                let ty = wgpu::BufferBindingType::Storage { read_only: !is_written };
                entry(idx as u32 + 1, ty)
            });
            let entries: Vec<_> = std::iter::once(entry(0, wgpu::BufferBindingType::Uniform))
                .chain(operands)
                .collect();
            let group = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: None,
                entries: &entries,
            });
            let pipeline = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: None,
                bind_group_layouts: &[Some(&group), Some(step_layout)],
                immediate_size: 0,
            });
            (group, pipeline)
        });
        let module = self.modules.entry(key.text).or_insert_with(|| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label,
                source: wgpu::ShaderSource::Wgsl(dispatch.shader.text().into()),
            })
        });
        device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label,
            layout: Some(layout),
            module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants: &dispatch.constants,
                zero_initialize_workgroup_memory: false,
            },
            cache: None,
        })
    }
}

fn entry(binding: u32, ty: wgpu::BufferBindingType) -> wgpu::BindGroupLayoutEntry {
    wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::COMPUTE,
        ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
