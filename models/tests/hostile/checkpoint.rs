//! Selections of files: which make a model, and what is said of those that do not.

use crate::gguf_header::Writer;
use pollster::block_on;
use std::collections::BTreeMap;
use vitrine_kernels::{DType, Shape};
use vitrine_models::error::ModelError;
use vitrine_models::weights::checkpoint::open_path;
use vitrine_models::weights::safetensors::{self, TensorView};
use vitrine_models::weights::{Checkpoint, FileDType, MemorySource};

fn weights(names: &[&str]) -> Vec<u8> {
    let bytes = [0u8, 0, 128, 63, 0, 0, 0, 64];
    let tensors: Vec<TensorView<'_>> = names
        .iter()
        .map(|name| TensorView { name, dtype: FileDType::F32, shape: &[2], bytes: &bytes })
        .collect();
    let mut file = Vec::new();
    safetensors::write(&mut file, &tensors, &BTreeMap::new()).unwrap();
    file
}

fn gguf() -> Vec<u8> {
    let mut file = Writer::default();
    file.header(1, 2).text("general.architecture").u32(8).text("llama");
    file.text("llama.block_count").u32(4).u32(2);
    file.text("w").u32(2).u64(32).u64(2).u32(8).u64(0);
    let start = file.0.len().next_multiple_of(32);
    file.0.resize(start + 68, 7);
    file.0
}

fn open(files: &[(&str, Vec<u8>)]) -> Result<Checkpoint<MemorySource>, ModelError> {
    let sources = files.iter().map(|(name, bytes)| MemorySource::new(*name, bytes.clone()));
    block_on(Checkpoint::open(sources.collect()))
}

fn refused(files: &[(&str, Vec<u8>)], words: &[&str]) {
    let message = open(files).unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

const CONFIG: &[u8] = br#"{"model_type": "gpt2", "n_head": 2}"#;

#[test]
fn gguf_alone() {
    let checkpoint = open(&[("m.gguf", gguf())]).unwrap();
    assert_eq!(checkpoint.architecture(), Ok("llama"));
    assert_eq!(checkpoint.config().count("block_count"), Ok(2));
    let data = block_on(checkpoint.load("w")).unwrap();
    assert_eq!((data.dtype, data.shape), (DType::Q8_0, Shape::new(&[2, 32])));
    assert_eq!(data.bytes, [7; 68]);
    assert!(matches!(block_on(checkpoint.load("v")), Err(ModelError::MissingTensor { .. })));
    // A name from a cache says nothing; the magic does.
    assert!(open(&[("3f2a9c", gguf())]).is_ok());
}

#[test]
fn config_and_weights() {
    let files = [
        ("config.json", CONFIG.to_vec()),
        ("model.safetensors", weights(&["a", "b"])),
        ("tokenizer.json", b"{}".to_vec()),
        ("README.md", b"# x".to_vec()),
    ];
    let checkpoint = open(&files).unwrap();
    assert_eq!(checkpoint.architecture(), Ok("gpt2"));
    assert_eq!(block_on(checkpoint.load("b")).unwrap().bytes[2..4], [128, 63]);
    let entry = checkpoint.entry("b").unwrap();
    assert_eq!(block_on(checkpoint.load_part(entry, 4, 4)).unwrap(), [0, 0, 0, 64]);
    assert!(block_on(checkpoint.load_part(entry, 4, 5)).is_err());
    assert_eq!(block_on(checkpoint.tokenizer_file()).unwrap().as_deref(), Some("{}"));
    assert_eq!(block_on(checkpoint.side_json("generation_config.json")).unwrap(), None);
}

#[test]
fn differences_from_the_configuration() {
    let files = [("config.json", CONFIG.to_vec()), ("model.safetensors", weights(&["a", "b"]))];
    let checkpoint = open(&files).unwrap();
    let expect = |n: usize| (0..n).map(|i| (format!("w{i}"), vec![2]));
    assert!(checkpoint.check_shapes([("a".to_owned(), vec![2])]).is_ok());
    let message = checkpoint.check_shapes([("a".to_owned(), vec![3, 2])]).unwrap_err().to_string();
    assert!(message.contains("a: expected [3, 2], found [2]"), "{message}");
    let message = checkpoint.check_shapes(expect(14)).unwrap_err().to_string();
    assert!(message.contains("w9") && message.contains("and 4 more"), "{message}");
    assert!(!message.contains("w10"));
}

#[test]
fn shards() {
    let index = |b: &str| {
        format!(r#"{{"weight_map": {{"a": "one.safetensors", "b": "{b}"}}}}"#).into_bytes()
    };
    let files = |b: &str, second: &[&str]| {
        [
            ("config.json", CONFIG.to_vec()),
            ("model.safetensors.index.json", index(b)),
            ("one.safetensors", weights(&["a"])),
            ("two.safetensors", weights(second)),
        ]
    };
    let checkpoint = open(&files("two.safetensors", &["b"])).unwrap();
    assert_eq!(checkpoint.entry("b").unwrap().file_idx, 3);
    assert!(block_on(checkpoint.load("b")).is_ok());
    refused(&files("three.safetensors", &["b"]), &["three.safetensors", "not among the files"]);
    refused(&files("../two.safetensors", &["b"]), &["not the name of a file"]);
    refused(&files("two.safetensors", &["c"]), &["\"b\"", "no such tensor"]);
    refused(&files("two.safetensors", &["b", "a"]), &["\"a\"", "two shards"]);
    refused(&files("two.safetensors", &["b"])[..3], &["two.safetensors"]);
}

#[test]
fn selections_that_are_no_model() {
    refused(&[], &["no file at all"]);
    refused(&[("a.gguf", gguf()), ("b.gguf", gguf())], &["a.gguf", "b.gguf", "open one"]);
    refused(&[("model.safetensors", weights(&["a"]))], &["config.json"]);
    refused(&[("config.json", CONFIG.to_vec())], &["without weights"]);
    refused(
        &[
            ("m.safetensors", weights(&["a"])),
            ("n.safetensors", weights(&["b"])),
            ("config.json", CONFIG.to_vec()),
        ],
        &["m.safetensors", "index"],
    );
    refused(
        &[
            ("pytorch_model.bin", b"PK\x03\x04....archive/data.pkl".to_vec()),
            ("config.json", CONFIG.to_vec()),
        ],
        &["pytorch_model.bin", "pickle", "save_pretrained"],
    );
    refused(&[("model.onnx", b"\x08\x07\x12\x07pytorch".to_vec())], &["ONNX"]);
    refused(&[("m.gguf", b"<!DOCTYPE html>".to_vec())], &["m.gguf", "web page"]);
    refused(
        &[("m.gguf", b"version https://git-lfs.github.com/spec/v1\n".to_vec())],
        &["m.gguf", "LFS"],
    );
    refused(
        &[
            ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n".to_vec()),
            ("config.json", CONFIG.to_vec()),
        ],
        &["model.safetensors", "LFS"],
    );
    refused(
        &[("model.safetensors", Vec::new()), ("config.json", CONFIG.to_vec())],
        &["empty file"],
    );
    refused(&[("m.gguf", Vec::new())], &["empty file"]);
}

#[test]
fn folders_and_paths() {
    let folder = std::env::temp_dir().join(format!("vitrine-checkpoint-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("inner")).unwrap();
    let message = |path: &std::path::Path| block_on(open_path(path)).unwrap_err().to_string();
    assert!(message(&folder).contains("folder without files"));
    std::fs::write(folder.join("config.json"), CONFIG).unwrap();
    std::fs::write(folder.join("model.safetensors"), weights(&["a"])).unwrap();
    assert_eq!(block_on(open_path(&folder)).unwrap().tensors().len(), 1);
    std::fs::write(folder.join("m.gguf"), gguf()).unwrap();
    assert!(message(&folder).contains("several models"));
    assert!(block_on(open_path(&folder.join("m.gguf"))).is_ok());
    assert!(message(&folder.join("none.gguf")).contains("none.gguf"));
    std::fs::remove_dir_all(&folder).unwrap();
}
