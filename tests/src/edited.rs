//! Tiny checkpoints with another configuration or other weights.

use serde_json::Value;
use vitrine_models::weights::safetensors::{TensorView, write};
use vitrine_models::weights::{FileDType, MemorySource};

use crate::golden::root;

/// A tensor of a file: name, type, shape, bytes.
pub type Tensor = (String, FileDType, Vec<usize>, Vec<u8>);

/// The files of `tests/golden/{name}` after edits of configuration and weights.
pub fn edited(
    name: &str,
    edit_config: impl FnOnce(&mut Value),
    edit_weights: impl FnOnce(&mut Vec<Tensor>),
) -> Vec<MemorySource> {
    let folder = root().join("tests/golden").join(name);
    let config = std::fs::read(folder.join("config.json")).expect("a config");
    let mut config: Value = serde_json::from_slice(&config).expect("JSON");
    edit_config(&mut config);
    let bytes = std::fs::read(folder.join("model.safetensors")).expect("weights");
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("safetensors");
    let mut tensors: Vec<_> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let dtype = match view.dtype() {
                safetensors::Dtype::F16 => FileDType::F16,
                safetensors::Dtype::BF16 => FileDType::BF16,
                safetensors::Dtype::F32 => FileDType::F32,
                other => panic!("{name}: {other:?}"),
            };
            (name, dtype, view.shape().to_vec(), view.data().to_vec())
        })
        .collect();
    edit_weights(&mut tensors);
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, dtype, shape, bytes)| TensorView { name, dtype: *dtype, shape, bytes })
        .collect();
    let mut weights = Vec::new();
    write(&mut weights, &views, &Default::default()).expect("a file");
    vec![
        MemorySource::new("config.json", config.to_string().into_bytes()),
        MemorySource::new("model.safetensors", weights),
    ]
}
