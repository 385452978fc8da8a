//! What the ops say of their traffic, against their shaders run with a counter at every load and store.

use std::collections::HashMap;

use super::dispatch::{Dispatch, Operand, Site, Traits};
use super::program::{padded_bytes, storage_buffer};
use super::testing::{Rng, gpu_engine};
use crate::ops::Op;
use crate::ops::attention_flash::AttentionFlash;
use crate::ops::attention_flash_gradient::AttentionFlashGradient;
use crate::ops::attention_scores::AttentionScores;
use crate::ops::attention_tiled::AttentionTiled;
use crate::ops::attention_values::AttentionValues;
use crate::ops::softmax::{Masks, Softmax};
use crate::recording::{Recorder, Recording, Source};
use crate::tensor::{DType, TensorId};
use crate::traffic::Traffic;

/// The shader with a counter in every index of a storage buffer that is not absent: 0 counts loads, 1
/// stores.
fn counted(dispatch: &Dispatch) -> String {
    let text = dispatch.shader.text();
    let module = naga::front::wgsl::parse_str(&text).expect("parses");
    let names: Vec<&str> = module
        .global_variables
        .iter()
        .filter(|(_, one)| matches!(one.space, naga::AddressSpace::Storage { .. }))
        .filter_map(|(_, one)| one.name.as_deref())
        .collect();
    assert_eq!(names.len(), dispatch.operands.len(), "{}", dispatch.shader.label);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut out = String::new();
    for line in text.lines() {
        let mut rest = line;
        let mut is_start = true;
        while let Some(at) = rest.find('[') {
            let (before, after) = rest.split_at(at);
            let name = &before[before.rfind(|c| !is_word(c)).map_or(0, |idx| idx + 1)..];
            out.push_str(before);
            out.push('[');
            if names.contains(&name) {
                // A statement that begins with the buffer writes to it.
                let is_store = is_start && before.trim_start() == name;
                out.push_str(if is_store { "tick(1u) + " } else { "tick(0u) + " });
            }
            is_start = false;
            rest = &after[1..];
        }
        out.push_str(rest);
        out.push('\n');
    }
    let binding = dispatch.operands.len() + 1;
    out + &format!(
        "@group(0) @binding({binding}) var<storage, read_write> ticks: array<atomic<u32>, 2>;\n\
         fn tick(kind: u32) -> u32 {{ atomicAdd(&ticks[kind], 1u); return 0u; }}\n"
    )
}

/// Runs the launches of all nodes of a recording over these inputs; what they loaded and stored.
fn measured(recording: &Recording, inputs: &[Vec<f32>]) -> Traffic {
    let engine = gpu_engine();
    let (device, queue) = (engine.device(), engine.queue());
    let mut buffers: HashMap<TensorId, wgpu::Buffer> = HashMap::new();
    for node in recording.nodes() {
        for &id in node.inputs.iter().chain(&node.outputs) {
            let tensor = recording.tensor(id);
            let buffer = storage_buffer(device, "tensor", padded_bytes(tensor.shape.len()));
            if let (Source::Input(idx), false) = (tensor.source, buffers.contains_key(&id)) {
                queue.write_buffer(&buffer, 0, bytemuck::cast_slice(&inputs[idx]));
            }
            buffers.entry(id).or_insert(buffer);
        }
    }
    let ticks = storage_buffer(device, "ticks", 16);
    let absent = storage_buffer(device, "absent", 256);
    let uniform = |bytes: &[u8]| {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: (bytes.len() as u64).next_multiple_of(16),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        queue.write_buffer(&buffer, 0, bytes);
        buffer
    };
    let step = uniform(&[0; 16]);
    for node in recording.nodes() {
        let pieces =
            |id: TensorId| std::iter::once(0..recording.tensor(id).shape.n_rows()).collect();
        let traits = Traits { software: false, work_per_submit: u64::MAX };
        let site = Site { recording, node, traits, pieces: &pieces };
        for dispatch in node.op.dispatches(&site) {
            let params = uniform(&dispatch.params);
            let entry = |binding: usize, ty| wgpu::BindGroupLayoutEntry {
                binding: binding as u32,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
                count: None,
            };
            let storage = |read_only| wgpu::BufferBindingType::Storage { read_only };
            let mut entries = vec![entry(0, wgpu::BufferBindingType::Uniform)];
            let mut resources = vec![&params];
            for operand in &dispatch.operands {
                entries.push(entry(entries.len(), storage(!operand.is_written())));
                resources.push(match operand {
                    Operand::Read(id) | Operand::Write(id) => &buffers[id],
                    Operand::Absent => &absent,
                    other => panic!("{other:?} is not counted"),
                });
            }
            entries.push(entry(entries.len(), storage(false)));
            resources.push(&ticks);
            let layout = |entries: &[wgpu::BindGroupLayoutEntry]| {
                device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                    label: None,
                    entries,
                })
            };
            let group = |layout: &wgpu::BindGroupLayout, resources: &[&wgpu::Buffer]| {
                let entries: Vec<_> = (0..)
                    .zip(resources)
                    .map(|(binding, buffer)| wgpu::BindGroupEntry {
                        binding,
                        resource: buffer.as_entire_binding(),
                    })
                    .collect();
                device.create_bind_group(&wgpu::BindGroupDescriptor {
                    label: None,
                    layout,
                    entries: &entries,
                })
            };
            let of_step = layout(&[entry(0, wgpu::BufferBindingType::Uniform)]);
            let own = layout(&entries);
            let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some(dispatch.shader.label),
                layout: Some(&device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                    label: None,
                    bind_group_layouts: &[Some(&own), Some(&of_step)],
                    immediate_size: 0,
                })),
                module: &device.create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: None,
                    source: wgpu::ShaderSource::Wgsl(counted(&dispatch).into()),
                }),
                entry_point: Some("main"),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: &dispatch.constants,
                    zero_initialize_workgroup_memory: false,
                },
                cache: None,
            });
            let mut encoder =
                device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            pass.set_pipeline(&pipeline);
            pass.set_bind_group(0, &group(&own, &resources), &[]);
            pass.set_bind_group(1, &group(&of_step, &[&step]), &[]);
            let [x, y, z] = dispatch.groups;
            pass.dispatch_workgroups(x, y, z);
            drop(pass);
            queue.submit([encoder.finish()]);
        }
    }
    let read = device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 16,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    encoder.copy_buffer_to_buffer(&ticks, 0, &read, 0, 16);
    queue.submit([encoder.finish()]);
    read.slice(..).map_async(wgpu::MapMode::Read, |outcome| outcome.expect("maps"));
    device.poll(wgpu::PollType::wait_indefinitely()).expect("answers");
    let bytes = read.slice(..).get_mapped_range().expect("mapped").to_vec();
    let words: &[u32] = bytemuck::cast_slice(&bytes);
    Traffic { loads: words[0].into(), stores: words[1].into() }
}

/// Cells that rows see.
fn n_seen(n_heads: usize, [n_rows, n_keys]: [usize; 2], causal: bool) -> u64 {
    let of_row = |t: usize| if causal { (t + 1).min(n_keys) } else { n_keys };
    (n_heads * (0..n_rows).map(of_row).sum::<usize>()) as u64
}

const HEADS: AttentionScores = AttentionScores {
    n_heads: 4,
    n_kv_heads: 2,
    d_head: 12,
    scale: 0.3,
    all_keys: false,
    keys_in_state: false,
};

/// A recording over q, k, v of these rows, and their values.
fn begun([n_rows, n_keys]: [usize; 2]) -> (Recorder, [TensorId; 3], Vec<Vec<f32>>) {
    let mut recorder = Recorder::new();
    let mut rng = Rng::new(3);
    let (of_rows, of_keys) = (HEADS.n_heads * HEADS.d_head, HEADS.n_kv_heads * HEADS.d_head);
    let shapes = [[n_rows, of_rows], [n_keys, of_keys], [n_keys, of_keys]];
    let qkv = shapes.map(|shape| recorder.input(shape, DType::F32));
    let values = shapes.iter().map(|[rows, cols]| rng.normals(rows * cols)).collect();
    (recorder, qkv, values)
}

#[test]
fn three_kernels_move_what_they_say() {
    for (extents, causal) in [([1, 1], true), ([33, 33], true), ([17, 70], false)] {
        let (mut recorder, [q, k, v], values) = begun(extents);
        let scores = recorder.attention_scores(q, k, HEADS).expect("fits");
        let masks = Masks { causal, ..Masks::default() };
        let pattern = recorder.softmax(scores, masks).expect("fits");
        let op = AttentionValues {
            n_heads: HEADS.n_heads,
            n_kv_heads: HEADS.n_kv_heads,
            d_head: HEADS.d_head,
            pattern_in_state: false,
            all_values: true,
            values_in_state: false,
        };
        recorder.attention_values(pattern, v, extents[0], op).expect("fits");
        let seen = n_seen(HEADS.n_heads, extents, causal);
        let said = HEADS.traffic(extents)
            + Softmax::traffic([HEADS.n_heads, extents[0], extents[1]], seen)
            + op.traffic(extents, seen);
        assert_eq!(measured(&recorder.finish(), &values), said, "{extents:?}");
    }
}

#[test]
fn rows_alone_move_what_they_say() {
    for (extents, causal) in [([33, 33], true), ([17, 70], false)] {
        let (mut recorder, qkv, values) = begun(extents);
        let masks = Masks { causal, ..Masks::default() };
        recorder.attention_tiled(qkv, masks, HEADS).expect("fits");
        let recording = recorder.finish();
        let Op::AttentionTiled(op) = recording.nodes()[0].op else { panic!("one op") };
        let said = AttentionTiled::traffic(&op, extents[0], n_seen(HEADS.n_heads, extents, causal));
        assert_eq!(measured(&recording, &values), said, "{extents:?}");
    }
}

#[test]
fn blocks_move_what_they_say() {
    for (extents, blocks, causal, is_sparse) in [
        ([1, 1], [4, 4], true, false),
        ([33, 33], [8, 16], true, false),
        ([33, 40], [16, 8], true, true),
        ([17, 70], [5, 7], false, false),
        ([64, 64], [16, 16], false, true),
    ] {
        let (mut recorder, qkv, mut values) = begun(extents);
        let op = AttentionFlash {
            heads: HEADS,
            block_rows: blocks[0],
            block_keys: blocks[1],
            causal,
            n_passes: 0,
            has_tiles: false,
        };
        let [n_blocks, n_across] = op.n_blocks(extents);
        let marks: Vec<u32> = (0..n_blocks * n_across).map(|at| u32::from(at % 3 != 1)).collect();
        let tiles = is_sparse.then(|| recorder.input([marks.len()], DType::U32));
        values.push(marks.iter().map(|&mark| f32::from_bits(mark)).collect());
        recorder.attention_flash(qkv, tiles, op).expect("fits");
        let said = op.traffic(extents, is_sparse.then_some(&marks));
        assert_eq!(measured(&recorder.finish(), &values), said, "{extents:?} {blocks:?}");
    }
}

#[test]
fn gradients_by_blocks_move_what_they_say() {
    for (extents, blocks, causal, n_counted) in [
        ([1, 1], [4, 4], true, [0, 0]),
        ([33, 33], [8, 16], true, [0, 0]),
        ([33, 40], [16, 8], true, [2, 3]),
        ([17, 70], [5, 7], false, [0, 0]),
    ] {
        let heads = AttentionScores { n_heads: 3, n_kv_heads: 3, ..HEADS };
        let of = AttentionFlash {
            heads,
            block_rows: blocks[0],
            block_keys: blocks[1],
            causal,
            n_passes: 0,
            has_tiles: false,
        };
        let op = AttentionFlashGradient { of, n_counted };
        let mut recorder = Recorder::new();
        let mut rng = Rng::new(3);
        let cols = heads.n_heads * heads.d_head;
        let [n_rows, n_keys] = extents;
        let shapes = [n_rows, n_rows, n_rows, n_keys, n_keys].map(|n| [n, cols]);
        let ids = shapes.map(|shape| recorder.input(shape, DType::F32));
        let stats = recorder.input([heads.n_heads, n_rows, 2], DType::F32);
        let mut values: Vec<Vec<f32>> =
            shapes.iter().map(|[rows, cols]| rng.normals(rows * cols)).collect();
        values.push(vec![1.0; heads.n_heads * n_rows * 2]);
        let [dz, z, q, k, v] = ids;
        recorder.attention_flash_gradient([dz, z, stats], [q, k, v], op).expect("fits");
        assert_eq!(measured(&recorder.finish(), &values), op.traffic(extents), "{extents:?}");
    }
}
