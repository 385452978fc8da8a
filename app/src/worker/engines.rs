//! Which engine runs, and why: WebGPU where there is a graphics card; on a software adapter
//! whichever of the two engines is faster; the CPU engine everywhere else.

use std::cell::{Cell, RefCell};

use js_sys::Promise;
use vitrine_kernels::engine::cpu::CpuEngine;
use vitrine_kernels::engine::gpu::{GpuEngine, GpuOptions};
use vitrine_kernels::{
    Control, DType, Engine, EngineError, InputData, Read, RecordError, Recorder, Shape, Step,
};
use wasm_bindgen::JsValue;

use super::js;
use crate::protocol::{EngineChoice, EngineInfo};

/// Rows and columns of the product that the engines are compared by.
const TRIAL_ROWS: usize = 16;
const TRIAL_COLS: usize = 512;
/// The first run compiles and allocates; the fastest of these counts.
const TRIAL_RUNS: usize = 3;

/// Makes engines of the kind that was chosen.
#[derive(Default)]
pub(super) struct Engines {
    choice: Cell<EngineChoice>,
    is_gpu: Cell<bool>,
    /// Made while choosing, for the next model.
    spare: RefCell<Option<Engine>>,
}

impl Engines {
    /// What the visitor chose.
    pub fn choice(&self) -> EngineChoice {
        self.choice.get()
    }

    /// Whether the GPU engine runs.
    pub fn is_gpu(&self) -> bool {
        self.is_gpu.get()
    }

    /// Chooses, opening a fresh device on a fresh adapter where there is one. Engines that were
    /// made before stay as they are.
    pub async fn choose(&self, choice: EngineChoice) -> EngineInfo {
        self.choice.set(choice);
        *self.spare.borrow_mut() = None;
        let opened = match why_no_gpu() {
            Some(why) => Err(why),
            None => GpuEngine::new(GpuOptions::default()).await.map_err(why_not_opened),
        };
        let (engine, info) = decide(choice, opened).await;
        self.is_gpu.set(info.gpu);
        *self.spare.borrow_mut() = engine;
        info
    }

    /// Takes the CPU engine for a reason of its own, whatever the visitor chose.
    pub fn fall_back(&self, why: &str) -> EngineInfo {
        *self.spare.borrow_mut() = None;
        self.is_gpu.set(false);
        cpu_info(why.to_owned(), true)
    }

    /// An empty engine of the chosen kind.
    pub async fn make(&self) -> Result<Engine, EngineError> {
        let spare = self.spare.borrow_mut().take();
        match spare {
            Some(engine) => Ok(engine),
            None => make(self.is_gpu.get()).await,
        }
    }

    /// An empty engine of the other kind.
    pub async fn make_other(&self) -> Result<Engine, EngineError> {
        make(!self.is_gpu.get()).await
    }
}

async fn make(is_gpu: bool) -> Result<Engine, EngineError> {
    if !is_gpu {
        return Ok(Engine::Cpu(CpuEngine::new()));
    }
    Ok(Engine::Gpu(Box::new(GpuEngine::new(GpuOptions::default()).await?)))
}

/// The engine to run, if it was made on the way, and what the badge says.
async fn decide(
    choice: EngineChoice,
    opened: Result<GpuEngine, String>,
) -> (Option<Engine>, EngineInfo) {
    let gpu = match opened {
        Ok(gpu) => gpu,
        Err(why) => {
            let why = match choice {
                EngineChoice::Cpu => "It was chosen".to_owned(),
                EngineChoice::Auto | EngineChoice::Gpu => format!("No WebGPU: {why}"),
            };
            return (None, cpu_info(why, false));
        }
    };
    let (software, name) = (gpu.info().software, adapter_name(&gpu).await);
    let mut engine = Engine::Gpu(Box::new(gpu));
    let gpu_info = |why: String| EngineInfo {
        gpu: true,
        name: name.clone(),
        software,
        why,
        gpu_available: true,
    };
    match choice {
        EngineChoice::Cpu => (None, cpu_info("It was chosen".to_owned(), true)),
        EngineChoice::Gpu => {
            let info = gpu_info("It was chosen".to_owned());
            (Some(engine), info)
        }
        EngineChoice::Auto if !software => {
            let info = gpu_info("This device has a graphics processor with WebGPU".to_owned());
            (Some(engine), info)
        }
        EngineChoice::Auto => {
            let on_gpu = trial(&mut engine).await;
            let on_cpu = trial(&mut Engine::Cpu(CpuEngine::new())).await;
            match (on_gpu, on_cpu) {
                (Ok(on_gpu), Ok(on_cpu)) if on_gpu < on_cpu => {
                    let why = format!(
                        "The adapter is software, yet faster here: {on_gpu:.1} ms against \
                         {on_cpu:.1} ms for a small product"
                    );
                    (Some(engine), gpu_info(why))
                }
                (Ok(on_gpu), Ok(on_cpu)) => {
                    let why = format!(
                        "WebGPU is software here ({name}) and slower: {on_gpu:.1} ms against \
                         {on_cpu:.1} ms for a small product"
                    );
                    (None, cpu_info(why, true))
                }
                (Err(err), _) | (_, Err(err)) => {
                    let why = format!("WebGPU is software here ({name}) and failed: {err}");
                    (None, cpu_info(why, true))
                }
            }
        }
    }
}

/// What the browser says of the adapter, which is more than wgpu passes on.
async fn adapter_name(gpu: &GpuEngine) -> String {
    let api = js::get(&js::get(&js_sys::global(), "navigator"), "gpu");
    let asked = js::call(&api, "requestAdapter", &[]).map(|promise| Promise::resolve(&promise));
    let adapter = match asked {
        Ok(promise) => promise.await.unwrap_or(JsValue::UNDEFINED),
        Err(_) => JsValue::UNDEFINED,
    };
    let info = js::get(&adapter, "info");
    let part = |key: &str| js::get(&info, key).as_string().filter(|part| !part.is_empty());
    let parts = [part("vendor"), part("architecture")].into_iter().flatten();
    let name = part("description").unwrap_or_else(|| parts.collect::<Vec<_>>().join(" "));
    if name.is_empty() { gpu.info().name.clone() } else { name }
}

fn cpu_info(why: String, gpu_available: bool) -> EngineInfo {
    let name = CpuEngine::new().name();
    EngineInfo { gpu: false, name, software: false, why, gpu_available }
}

/// Milliseconds for one small product.
async fn trial(engine: &mut Engine) -> Result<f64, EngineError> {
    let recorded = record_trial(engine)?;
    let recording = recorded.map_err(|err| EngineError::Mismatch {
        what: "the trial".to_owned(),
        expected: "a product".to_owned(),
        got: err.to_string(),
    })?;
    let x = vec![0.5f32; TRIAL_ROWS * TRIAL_COLS];
    let out = recording.nodes().iter().flat_map(|node| node.outputs.last().copied());
    let reads: Vec<_> = out.map(|id| Read::tensor(&recording, id)).collect();
    let mut best = f64::INFINITY;
    for _ in 0..=TRIAL_RUNS {
        let start = js::now();
        let inputs = [InputData::F32(&x)];
        engine.run(&recording, &inputs, Step::default(), &reads, &Control::default()).await?;
        best = best.min(js::now() - start);
    }
    engine.clear();
    Ok(best)
}

type Recorded = Result<vitrine_kernels::Recording, RecordError>;

fn record_trial(engine: &mut Engine) -> Result<Recorded, EngineError> {
    let shape = Shape::from([TRIAL_COLS, TRIAL_COLS]);
    let zeros = vec![0u8; TRIAL_COLS * TRIAL_COLS * 4];
    let weight = engine.add_weight("trial", shape, DType::F32, &zeros)?;
    let record = || {
        let mut recorder = Recorder::new();
        let x = recorder.input([TRIAL_ROWS, TRIAL_COLS], DType::F32);
        let w = recorder.weight(weight, shape, DType::F32);
        let y = recorder.linear(x, w, None)?;
        recorder.keep(y);
        Ok(recorder.finish())
    };
    Ok(record())
}

/// Why no device was opened, for people; the rest is for the console.
fn why_not_opened(err: EngineError) -> String {
    web_sys::console::info_1(&err.to_string().into());
    match err {
        EngineError::NoAdapter(_) => "the browser offers no graphics adapter".to_owned(),
        EngineError::DeviceLost(_) => "the graphics device was lost at the start".to_owned(),
        _ => "the graphics device could not be opened".to_owned(),
    }
}

/// Why the browser offers no WebGPU at all; none if it does.
fn why_no_gpu() -> Option<String> {
    let global = js_sys::global();
    let is_secure = js::get(&global, "isSecureContext").is_truthy();
    let gpu = js::get(&js::get(&global, "navigator"), "gpu");
    if !gpu.is_undefined() && !gpu.is_null() {
        return None;
    }
    let why = if is_secure {
        "this browser has none, or it is switched off"
    } else {
        "browsers offer it to https and localhost addresses only, and this page came by plain http"
    };
    Some(why.to_owned())
}
