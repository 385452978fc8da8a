//! Speed of a training step: a decoder of 128 columns, 4 blocks, 4 heads, 2048 rows in sequences of
//! 128, a table of 1024 rows, AdamW with the gradients cut.
//!
//! `cargo run --release -p vitrine-kernels --example train_bench [gpu]` prints the time of a step, what
//! it spends in each op, and how often the loss fell. tests/golden/train_bench.py is the same step in PyTorch.

use std::time::Duration;

use vitrine_kernels::engine::cpu::CpuEngine;
#[cfg(feature = "gpu")]
use vitrine_kernels::engine::gpu::{GpuEngine, GpuOptions};
use vitrine_kernels::ops::activation::Activation;
use vitrine_kernels::ops::attention::{Attention, Given};
use vitrine_kernels::ops::cross_entropy::CrossEntropy;
use vitrine_kernels::ops::update::{Constants, Rule};
use vitrine_kernels::{
    Control, DType, Engine, InputData, Read, Recorder, Recording, Shape, Step, TensorId,
};
use web_time::Instant;

const D: usize = 128;
const D_MLP: usize = 512;
const N_HEADS: usize = 4;
const N_BLOCKS: usize = 4;
const D_VOCAB: usize = 1024;
const N_SEQUENCES: usize = 16;
const T: usize = 128;
const N_ROWS: usize = N_SEQUENCES * T;
const N_STEPS: u32 = 12;

type Outcome<R> = Result<R, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let wants_gpu = std::env::args().any(|arg| arg == "gpu");
    let mut engine = Engine::Cpu(CpuEngine::new());
    if wants_gpu {
        #[cfg(feature = "gpu")]
        {
            let gpu = pollster::block_on(GpuEngine::new(GpuOptions::default()))?;
            engine = Engine::Gpu(Box::new(gpu));
        }
    }
    let (recording, loss) = record(&mut engine)?;
    println!("{}: {} ops a step", engine.name(), recording.nodes().len());
    let mut seed = 1_u32;
    let mut next = || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 22
    };
    let ids: Vec<u32> = (0..N_ROWS).map(|_| next() % D_VOCAB as u32).collect();
    let targets: Vec<u32> = ids.iter().map(|id| (id * 7 + 3) % D_VOCAB as u32).collect();
    let positions: Vec<u32> = (0..N_ROWS).map(|row| (row % T) as u32).collect();
    let reads = [Read::tensor(&recording, loss)];
    let control = Control::default();
    let (mut best, mut losses) = (Duration::MAX, Vec::new());
    for step in 1..=N_STEPS {
        if let (2, Engine::Cpu(cpu)) = (step, &mut engine) {
            cpu.start_profile();
        }
        let now = Constants { max_norm: 1.0, ..Constants::at(step, 1e-3, 0.9, 0.99) };
        let values = now.values();
        let inputs = [
            InputData::U32(&ids),
            InputData::U32(&positions),
            InputData::U32(&targets),
            InputData::F32(&values),
        ];
        let from = Instant::now();
        let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
        losses.push(pollster::block_on(run)?[0][0]);
        best = best.min(from.elapsed());
    }
    println!("step: {:.1} ms (the fastest of {N_STEPS})", best.as_secs_f64() * 1e3);
    if let Engine::Cpu(cpu) = &mut engine {
        let mut profile: Vec<_> = cpu.take_profile().into_iter().collect();
        profile.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        for (op, time) in profile {
            println!("  {op:24} {:7.2} ms", time.as_secs_f64() * 1e3 / f64::from(N_STEPS - 1));
        }
    }
    println!("losses: {losses:.3?}");
    Ok(())
}

/// The step, and its loss.
fn record(engine: &mut Engine) -> Outcome<(Recording, TensorId)> {
    let mut rec = Recorder::new();
    let ids = rec.input([N_ROWS], DType::U32);
    let positions = rec.input([N_ROWS], DType::U32);
    let targets = rec.input([N_ROWS], DType::U32);
    let constants = rec.input([8], DType::F32);
    let mut parameters = Vec::new();
    let mut noise = 1_u64;
    let mut parameter = |rec: &mut Recorder, shape: &[usize], mean: f32, scale: f32| {
        let state = engine.add_state("parameter", Shape::new(shape))?;
        let values: Vec<f32> = (0..Shape::new(shape).len())
            .map(|_| {
                noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                mean + scale * ((noise >> 40) as f32 / (1_u64 << 23) as f32 - 1.0)
            })
            .collect();
        engine.write_state(state, &values)?;
        let id = rec.state(state, shape);
        parameters.push(id);
        Outcome::Ok(id)
    };
    let table = parameter(&mut rec, &[D_VOCAB, D], 0.0, 0.05)?;
    let places = parameter(&mut rec, &[T, D], 0.0, 0.05)?;
    let (x, rows) = (rec.gather(table, ids)?, rec.gather(places, positions)?);
    let mut x = rec.add(x, rows)?;
    let heads = Attention {
        n_sequences: N_SEQUENCES,
        n_heads: N_HEADS,
        n_kv_heads: N_HEADS,
        d_head: D / N_HEADS,
        scale: ((D / N_HEADS) as f32).sqrt().recip(),
        causal: true,
        ..Attention::default()
    };
    for _ in 0..N_BLOCKS {
        let mut linear = |rec: &mut Recorder, x: TensorId, n: usize, k: usize| {
            let w = parameter(rec, &[n, k], 0.0, (3.0 / k as f32).sqrt())?;
            let b = parameter(rec, &[n], 0.0, 0.0)?;
            Outcome::Ok(rec.linear(x, w, Some(b))?)
        };
        let normed = rec.layer_norm(x, None, None, 1e-5)?.y;
        let q = linear(&mut rec, normed, D, D)?;
        let k = linear(&mut rec, normed, D, D)?;
        let v = linear(&mut rec, normed, D, D)?;
        let z = rec.attention([q, k, v], Given::default(), heads)?.z;
        let z = linear(&mut rec, z, D, D)?;
        x = rec.add(x, z)?;
        let normed = rec.layer_norm(x, None, None, 1e-5)?.y;
        let inner = linear(&mut rec, normed, D_MLP, D)?;
        let inner = rec.activation(inner, Activation::GeluTanh)?;
        let y = linear(&mut rec, inner, D, D_MLP)?;
        x = rec.add(x, y)?;
    }
    let gain = parameter(&mut rec, &[D], 1.0, 0.0)?;
    let x = rec.layer_norm(x, Some(gain), None, 1e-5)?.y;
    let logits = rec.linear(x, table, None)?;
    let loss = rec.cross_entropy(logits, targets, CrossEntropy::default())?.loss;
    let gradients = rec.backward(loss, &parameters)?;
    let mut norm = None;
    for &gradient in &gradients {
        norm = Some(rec.sum_squares(gradient, norm)?);
    }
    for (&parameter, &gradient) in parameters.iter().zip(&gradients) {
        let shape = rec.shape(parameter);
        let mut moments = Vec::new();
        for _ in 0..2 {
            let moment = engine.add_state("moment", shape)?;
            moments.push(rec.state(moment, shape));
        }
        let decay = if shape.dims().len() == 2 { 0.1 } else { 0.0 };
        let rule = Rule::Adam { beta1: 0.9, beta2: 0.99, eps: 1e-8, decay, decoupled: true };
        rec.update(rule, parameter, &moments, gradient, constants, norm)?;
    }
    rec.keep(loss);
    Ok((rec.finish(), loss))
}
