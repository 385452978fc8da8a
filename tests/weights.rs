//! Real checkpoints read tensor by tensor, and blocks read as the `gguf` package reads them.
//! Needs the models: `cargo xtask models`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use pollster::block_on;
use vitrine_kernels::{Control, DType};
use vitrine_models::weights::checkpoint::open_path;
use vitrine_models::weights::manifest::{Manifest, sha256_hex};
use vitrine_models::weights::{ByteSource, Checkpoint, FileDType, FileSource, dequantise};
use vitrine_models::{Model, ModelError};
use vitrine_tests::golden::cpu;

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets/models")
}

fn model(path: &str) -> PathBuf {
    let path = models().join(path);
    assert!(path.exists(), "{} is missing: run cargo xtask models", path.display());
    path
}

fn bytes_of_hex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn blocks_are_read_bit_for_bit_as_the_gguf_package_reads_them() {
    let golden: BTreeMap<String, BTreeMap<String, String>> =
        serde_json::from_str(include_str!("golden/dequant.json")).unwrap();
    for dtype in FileDType::SUPPORTED {
        let golden = &golden[dtype.name()];
        let blocks = bytes_of_hex(&golden["blocks"]);
        let expected = bytes_of_hex(&golden["values"]);
        let values = dequantise(dtype, &blocks).unwrap();
        let found: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let first = found.iter().zip(&expected).position(|(a, b)| a != b);
        assert_eq!((first.map(|byte| byte / 4), found.len()), (None, expected.len()), "{dtype}");
    }
}

#[test]
fn smollm2_from_gguf() {
    let path = model("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let checkpoint = block_on(open_path(&path)).unwrap();
    assert_eq!(checkpoint.architecture(), Ok("llama"));
    assert_eq!(checkpoint.config().count("embedding_length"), Ok(576));
    assert_eq!(checkpoint.tensors().len(), 272);
    let mut n_bytes = 0;
    for entry in checkpoint.tensors() {
        let data = block_on(checkpoint.load(&entry.name)).unwrap();
        assert_eq!(data.bytes.len() as u64, entry.n_bytes, "{}", entry.name);
        n_bytes += entry.n_bytes;
    }
    assert_eq!(n_bytes, 98_362_432 - 1_785_664);
    let down = block_on(checkpoint.load("blk.0.ffn_down.weight")).unwrap();
    assert_eq!((down.dtype, down.shape.dims()), (DType::Q4_1, &[576usize, 1536][..]));
    let norm = block_on(checkpoint.load("blk.0.attn_norm.weight")).unwrap();
    let gains = dequantise(FileDType::F32, &norm.bytes).unwrap();
    assert!(gains.iter().all(|gain| gain.is_finite() && gain.abs() < 100.0));
}

/// A file whose reads are counted.
struct Counted {
    file: FileSource,
    /// The largest read, and the bytes of all.
    reads: Rc<Cell<(u64, u64)>>,
}

impl ByteSource for Counted {
    fn name(&self) -> &str {
        self.file.name()
    }

    fn n_bytes(&self) -> u64 {
        self.file.n_bytes()
    }

    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError> {
        let ((largest, all), n) = (self.reads.get(), n_bytes as u64);
        self.reads.set((largest.max(n), all + n));
        self.file.read_at(offset, n_bytes).await
    }
}

#[test]
fn weights_are_read_tensor_by_tensor_and_once() {
    let path = model("smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf");
    let (file, reads) = (FileSource::open(&path).unwrap(), Rc::default());
    let n_bytes = file.n_bytes();
    let source = Counted { file, reads: Rc::clone(&reads) };
    let mut engine = cpu();
    block_on(async {
        let checkpoint = Checkpoint::open(vec![source]).await.unwrap();
        let largest = checkpoint.tensors().iter().map(|tensor| tensor.n_bytes).max().unwrap();
        Model::load(&mut engine, &checkpoint, &Control::default(), &mut |_| ()).await.unwrap();
        let (read, all) = reads.get();
        // The header comes in steps of megabytes; no read is the file.
        assert!(read <= largest.max(8 << 20), "{read} at once, the largest tensor has {largest}");
        assert!(all <= n_bytes + n_bytes / 4, "{all} of a file of {n_bytes}");
    });
}

#[test]
fn minilm_from_a_folder() {
    let checkpoint = block_on(open_path(&model("all-minilm-l6-v2"))).unwrap();
    assert_eq!(checkpoint.architecture(), Ok("bert"));
    let words = checkpoint.entry("embeddings.word_embeddings.weight").unwrap();
    assert_eq!(words.shape, [30_522, 384]);
    let row = block_on(checkpoint.load_part(words, 101 * 384 * 4, 384 * 4)).unwrap();
    let row = dequantise(FileDType::F32, &row).unwrap();
    assert!(row.iter().any(|value| *value != 0.0) && row.iter().all(|value| value.abs() < 10.0));
    assert!(block_on(checkpoint.side_json("tokenizer_config.json")).unwrap().is_some());
}

#[test]
fn fetched_files_are_the_pinned_ones() {
    let manifest_path = models().join("manifest.json");
    let manifest =
        Manifest::parse("manifest.json", &std::fs::read(manifest_path).unwrap()).unwrap();
    let tokenizer = manifest
        .models
        .iter()
        .flat_map(|model| model.files.iter().map(|file| (model.name.as_str(), file)));
    let mut n_checked = 0;
    for (name, pinned) in tokenizer.filter(|(_, file)| file.path == "tokenizer.json") {
        let source = FileSource::open(&model(&format!("{name}/{}", pinned.path))).unwrap();
        assert_eq!(block_on(sha256_hex(&source, |_| ())).unwrap(), pinned.sha256);
        n_checked += 1;
    }
    assert!(n_checked > 0);
}
