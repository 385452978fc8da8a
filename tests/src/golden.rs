//! Reference values made by tests/golden/make.py, and how close a run is to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pollster::block_on;
use vitrine_kernels::engine::cpu::{Activations, CpuEngine, CpuOptions};
use vitrine_kernels::engine::gpu::{GpuEngine, GpuOptions};
use vitrine_kernels::{Control, Engine};
use vitrine_models::hook::{Form, Stack};
use vitrine_models::weights::{FileSource, checkpoint};
use vitrine_models::{HookPoint, Input, Model, Options, Session};

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

/// A model fetched by `cargo xtask models`; fails where it is missing.
pub fn fetched_model(path: &str) -> PathBuf {
    let path = root().join("assets/models").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask models`", path.display());
    path
}

/// The CPU engine.
pub fn cpu() -> Engine {
    Engine::Cpu(CpuEngine::new())
}

/// The CPU engine with activations as they are, never quantised.
pub fn cpu_f32() -> Engine {
    Engine::Cpu(CpuEngine::with_options(CpuOptions { activations: Activations::F32 }))
}

/// The GPU engine; a machine without an adapter fails.
pub fn gpu() -> Engine {
    let engine = block_on(GpuEngine::new(GpuOptions::default()));
    Engine::Gpu(Box::new(engine.expect("a Vulkan adapter (Debian: mesa-vulkan-drivers)")))
}

/// Loads the model at `path` into `engine`.
pub fn load(mut engine: Engine, path: &Path) -> (Engine, Model) {
    let model = block_on(async {
        let checkpoint = checkpoint::open_path(path).await?;
        let control = Control::default();
        Model::load::<FileSource>(&mut engine, &checkpoint, &control, &mut |_| ()).await
    });
    (engine, model.unwrap_or_else(|err| panic!("{}: {err}", path.display())))
}

/// A session of the model at `path`.
pub fn session(engine: Engine, path: &Path, options: impl Fn(&Model) -> Options) -> Session {
    let (engine, model) = load(engine, path);
    let options = options(&model);
    Session::new(engine, model, options).expect("memory")
}

/// A file of reference values.
pub struct Golden {
    /// Shape and values by name.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// The lists in its metadata, as JSON.
    pub metadata: BTreeMap<String, serde_json::Value>,
}

impl Golden {
    /// Opens `tests/golden/{name}.safetensors`.
    pub fn open(name: &str) -> Self {
        let path = root().join("tests/golden").join(format!("{name}.safetensors"));
        let bytes = std::fs::read(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        let file = safetensors::SafeTensors::deserialize(&bytes).expect("a safetensors file");
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes).expect("a header");
        let tensors = file
            .tensors()
            .into_iter()
            .map(|(name, view)| {
                assert_eq!(view.dtype(), safetensors::Dtype::F32, "{name}");
                let values = view.data().chunks_exact(4);
                let values = values.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
                (name, (view.shape().to_vec(), values.collect()))
            })
            .collect();
        let metadata = header.metadata().clone().unwrap_or_default();
        let metadata = metadata
            .into_iter()
            .map(|(key, text)| (key, serde_json::from_str(&text).expect("JSON")))
            .collect();
        Self { tensors, metadata }
    }

    /// A list of the metadata.
    pub fn list(&self, key: &str) -> Option<Vec<u32>> {
        serde_json::from_value(self.metadata.get(key)?.clone()).expect("a list of numbers")
    }

    /// The text that the values are of.
    pub fn input(&self) -> Input {
        Input {
            ids: self.list("ids").expect("ids"),
            token_types: self.list("token_types"),
            attention_mask: self.list("attention_mask").filter(|mask| mask.contains(&0)),
            source: self.list("source").map(|ids| {
                let attention_mask = self.list("source_mask").filter(|mask| mask.contains(&0));
                Box::new(Input { ids, attention_mask, ..Input::default() })
            }),
        }
    }
}

/// How a hook differs from its reference: ‖a − b‖ / ‖b‖ and the largest |a − b|. A NaN makes both
/// NaN; −∞ equals −∞.
#[derive(Clone, Copy, Debug)]
pub struct Difference {
    /// ‖a − b‖ / ‖b‖.
    pub relative: f64,
    /// The largest |a − b|.
    pub absolute: f64,
}

/// Compares value by value.
pub fn difference(ours: &[f32], reference: &[f32]) -> Difference {
    assert_eq!(ours.len(), reference.len());
    let (mut square, mut norm, mut absolute) = (0.0f64, 0.0f64, 0.0f64);
    for (&a, &b) in ours.iter().zip(reference) {
        let (a, b) = (f64::from(a), f64::from(b));
        if a == b && a.is_infinite() {
            continue;
        }
        let error = (a - b).abs();
        square += error * error;
        norm += b * b;
        absolute = if error.is_nan() || error > absolute { error } else { absolute };
    }
    Difference { relative: (square / norm.max(f64::MIN_POSITIVE)).sqrt(), absolute }
}

/// The rows of a hook's values that belong to visible tokens: what a padded token computes is
/// nobody's business.
pub fn visible_rows(point: HookPoint, shape: &[usize], values: &[f32], input: &Input) -> Vec<f32> {
    let is_of_source = point.stack == Stack::Encoder || point.hook.form() == Form::SourceHeads;
    let text = input.source.as_deref().filter(|_| is_of_source).unwrap_or(input);
    let mask = text.attention_mask.as_deref().unwrap_or_default();
    let (n_maps, row_len) = match point.hook.form() {
        Form::Map | Form::CrossMap => (shape[0], shape[2]),
        Form::Pooled | Form::Pair => return values.to_vec(),
        _ => (1, shape[1..].iter().product()),
    };
    let n_rows = values.len() / (n_maps * row_len);
    values
        .chunks_exact(row_len)
        .enumerate()
        .filter(|(idx, _)| mask.get(idx % n_rows).is_none_or(|&visible| visible != 0))
        .flat_map(|(_, row)| row.iter().copied())
        .collect()
}
