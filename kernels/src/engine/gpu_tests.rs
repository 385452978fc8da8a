//! The GPU engine's own faults and promises (its arithmetic is tested by the ops).

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::dispatch::{Dispatch, Shader, params};
use super::gpu::{GpuEngine, GpuOptions};
use super::health::{Health, Signal, engine_error_from};
use super::pipelines::Pipelines;
use super::testing::{Rng, assert_close, gpu_engine};
use super::{Control, Engine, InputData, Read, Step};
use crate::error::EngineError;
use crate::recording::{Recorder, Recording};
use crate::tensor::{DType, Shape, TensorId};

/// y = x + x, kept.
fn doubling(n: usize) -> (Recording, TensorId) {
    let mut recorder = Recorder::new();
    let x = recorder.input([n], DType::F32);
    let y = recorder.add(x, x).expect("fits");
    recorder.keep(y);
    (recorder.finish(), y)
}

fn run_doubling(engine: &mut Engine, control: &Control) -> Result<Vec<Vec<f32>>, EngineError> {
    let (recording, y) = doubling(3);
    let reads = [Read::tensor(&recording, y)];
    let inputs = [InputData::F32(&[1.0, 2.0, 3.0])];
    pollster::block_on(engine.run(&recording, &inputs, Step::default(), &reads, control))
}

#[test]
fn a_lost_device_is_an_error_now_and_later() {
    let gpu = gpu_engine();
    let device = gpu.device().clone();
    let mut engine = Engine::Gpu(Box::new(gpu));
    assert!(run_doubling(&mut engine, &Control::default()).is_ok());
    device.destroy();
    for _ in 0..2 {
        let outcome = run_doubling(&mut engine, &Control::default());
        assert!(matches!(outcome, Err(EngineError::DeviceLost(_))), "{outcome:?}");
    }
    let outcome = engine.add_state("state", Shape::from([4]));
    assert!(matches!(outcome, Err(EngineError::DeviceLost(_))), "{outcome:?}");
    let outcome = engine.add_weight("w", Shape::from([1]), DType::F32, &[0; 4]);
    assert!(matches!(outcome, Err(EngineError::DeviceLost(_))), "{outcome:?}");
    // A fresh engine works.
    let mut engine = Engine::Gpu(Box::new(gpu_engine()));
    assert_eq!(run_doubling(&mut engine, &Control::default()).expect("runs"), [[2.0, 4.0, 6.0]]);
}

#[test]
fn who_waits_for_a_device_that_is_lost_gets_an_error() {
    let health = Arc::new(Health::default());
    let (_sender, signal) = Signal::<()>::new(&health);
    let mut signal = Box::pin(signal);
    let mut context = Context::from_waker(Waker::noop());
    assert!(signal.as_mut().poll(&mut context).is_pending());
    health.lose("unplugged".to_owned());
    let outcome = signal.as_mut().poll(&mut context);
    let Poll::Ready(Err(EngineError::DeviceLost(why))) = outcome else { panic!("{outcome:?}") };
    assert!(why.contains("unplugged"));
}

#[test]
fn what_is_too_large_is_refused_with_numbers() {
    let gpu = pollster::block_on(GpuEngine::new(GpuOptions {
        default_limits: true,
        ..GpuOptions::default()
    }))
    .expect("an adapter");
    let limit = gpu.info().max_binding_bytes;
    assert_eq!(limit, 128 << 20, "WebGPU's default");
    let mut engine = Engine::Gpu(Box::new(gpu));
    let held = engine.bytes_held();
    let outcome = engine.add_state("maps", Shape::from([(128 << 20) / 4 + 1]));
    let Err(EngineError::TooLarge { what, bytes, limit: named }) = outcome else {
        panic!("{outcome:?}")
    };
    assert!(what == "maps" && bytes > limit && named == limit);
    let (recording, _) = doubling((128 << 20) / 4 + 4);
    let input = vec![0.0; (128 << 20) / 4 + 4];
    let inputs = [InputData::F32(&input)];
    let control = Control::default();
    let run = engine.run(&recording, &inputs, Step::default(), &[], &control);
    let outcome = pollster::block_on(run);
    assert!(matches!(outcome, Err(EngineError::TooLarge { .. })), "{outcome:?}");
    assert_eq!(engine.bytes_held(), held);
    assert!(run_doubling(&mut engine, &Control::default()).is_ok(), "what fits still runs");
}

#[test]
fn short_memory_is_told_from_other_errors() {
    let err = wgpu::Error::OutOfMemory { source: "no".into() };
    let Err(EngineError::OutOfMemory { what, .. }) = Err::<(), _>(engine_error_from(err, "w"))
    else {
        panic!("not short memory")
    };
    assert_eq!(what, "w");
}

#[test]
fn a_refused_shader_is_named_with_the_drivers_words() {
    params! {
        /// Of no shader.
        NoParams { n: u32, }
    }
    let broken = Shader::new::<NoParams>("broken", &["fn main( {"]);
    let engine = gpu_engine();
    let mut pipelines = Pipelines::new(engine.device());
    let dispatch = Dispatch::new(broken, &NoParams { n: 0 }, Vec::new(), [1, 1, 1]);
    let outcome = pollster::block_on(pipelines.prepare(&[dispatch]));
    let Err(EngineError::Shader { shader, message }) = outcome else { panic!("{outcome:?}") };
    assert_eq!(shader, "broken");
    assert!(!message.is_empty());
    engine.check().expect("the device is as good as before");
}

#[test]
fn a_long_run_is_cancelled_between_submits() {
    let mut gpu = gpu_engine();
    gpu.pretend(true, 1, None);
    let mut engine = Engine::Gpu(Box::new(gpu));
    let mut recorder = Recorder::new();
    let mut x = recorder.input([64], DType::F32);
    for _ in 0..50 {
        x = recorder.add(x, x).expect("fits");
    }
    let recording = recorder.finish();
    let handle: Rc<RefCell<Option<Control>>> = Rc::default();
    let (in_pause, n_pauses) = (Rc::clone(&handle), Rc::new(RefCell::new(0)));
    let counted = Rc::clone(&n_pauses);
    let control = Control::with_pause(Rc::new(move || {
        *counted.borrow_mut() += 1;
        if *counted.borrow() == 3 {
            in_pause.borrow().as_ref().expect("set").cancel();
        }
        Box::pin(std::future::ready(()))
    }));
    *handle.borrow_mut() = Some(control.clone());
    let inputs = [InputData::F32(&[1.0; 64])];
    let run = engine.run(&recording, &inputs, Step::default(), &[], &control);
    let outcome = pollster::block_on(run);
    assert!(matches!(outcome, Err(EngineError::Cancelled)), "{outcome:?}");
    assert_eq!(*n_pauses.borrow(), 3);
    assert!(run_doubling(&mut engine, &Control::default()).is_ok());
}

#[test]
fn boxes_of_any_shape_come_back_packed() {
    let mut engine = Engine::Gpu(Box::new(gpu_engine()));
    let shape = Shape::from([5, 7, 40, 11]);
    let mut recorder = Recorder::new();
    let x = recorder.input(shape, DType::F32);
    let y = recorder.add(x, x).expect("fits");
    recorder.keep(y);
    let recording = recorder.finish();
    let values = Rng::new(9).normals(shape.len());
    let boxes = [
        vec![0..5, 0..7, 0..40, 0..11],
        vec![1..4, 2..7, 3..39, 2..9],
        vec![4..5, 6..7, 0..40, 10..11],
        vec![0..5, 3..3, 0..40, 0..11],
        vec![2..3, 0..7, 0..40, 0..11],
    ];
    let reads: Vec<Read> = boxes
        .iter()
        .map(|ranges| Read { ranges: ranges.clone(), ..Read::tensor(&recording, y) })
        .collect();
    let inputs = [InputData::F32(&values)];
    let control = Control::default();
    let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
    let found = pollster::block_on(run).expect("runs");
    for (read, found) in reads.iter().zip(found) {
        let pieces = read.pieces(shape).expect("within");
        let expected: Vec<f32> =
            pieces.into_iter().flat_map(|piece| values[piece].iter().map(|v| v + v)).collect();
        assert_close(&format!("{:?}", read.ranges), &found, &expected, 0.0);
    }
    let outside = Read { ranges: vec![0..6, 0..7, 0..40, 0..11], ..reads[0].clone() };
    let run =
        engine.run(&recording, &inputs, Step::default(), std::slice::from_ref(&outside), &control);
    let outcome = pollster::block_on(run);
    assert!(matches!(outcome, Err(EngineError::Mismatch { .. })), "{outcome:?}");
}

#[test]
fn memory_returns_to_where_it_was() {
    let mut engine = Engine::Gpu(Box::new(gpu_engine()));
    assert_eq!(engine.bytes_held(), 0);
    let state = engine.add_state("state", Shape::from([1000])).expect("fits");
    engine.add_weight("w", Shape::from([64, 64]), DType::F32, &[0; 64 * 64 * 4]).expect("fits");
    assert_eq!(engine.bytes_held(), 4000 + 64 * 64 * 4);
    engine.remove_state(state);
    assert_eq!(engine.bytes_held(), 64 * 64 * 4);
    engine.clear();
    assert_eq!(engine.bytes_held(), 0);
    // A removed state is missed by name, not by a crash.
    let mut recorder = Recorder::new();
    let x = recorder.input([2, 5], DType::F32);
    let gone = recorder.state(state, [10, 5]);
    recorder.append(x, gone).expect("fits");
    let recording = recorder.finish();
    let inputs = [InputData::F32(&[0.0; 10])];
    let control = Control::default();
    let run = engine.run(&recording, &inputs, Step::default(), &[], &control);
    let outcome = pollster::block_on(run);
    assert!(matches!(outcome, Err(EngineError::Mismatch { .. })), "{outcome:?}");
}

#[test]
fn a_profile_names_every_launch() {
    let mut gpu = gpu_engine();
    gpu.set_profiling(true);
    let mut engine = Engine::Gpu(Box::new(gpu));
    let mut recorder = Recorder::new();
    let x = recorder.input([64, 64], DType::F32);
    let y = recorder.scoped("outer", |recorder| recorder.add(x, x)).expect("fits");
    let normed = recorder.rms_norm(y, None, 1e-5).expect("fits");
    recorder.keep(normed.y);
    let recording = recorder.finish();
    let ones = vec![1.0; 64 * 64];
    let (inputs, control) = ([InputData::F32(&ones)], Control::default());
    let reads = [Read::tensor(&recording, normed.y)];
    let run = engine.run(&recording, &inputs, Step::default(), &reads, &control);
    let values = pollster::block_on(run).expect("runs");
    assert!(values[0].iter().all(|value| (value - 1.0).abs() < 1e-4));
    let Engine::Gpu(gpu) = &mut engine else { panic!("the GPU engine") };
    let times = gpu.take_profile();
    let found: Vec<_> = times.iter().map(|time| (time.op, time.scope.as_str())).collect();
    assert_eq!(found, [("add", "outer"), ("rms_norm", "")]);
    assert!(times.iter().all(|time| time.nanoseconds.is_finite()));
}
