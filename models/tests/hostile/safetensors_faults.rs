//! The broken safetensors files that people meet, one by one, with what the message must say;
//! and that what is written here opens in the safetensors crate.

use crate::alloc::peak_of;
use pollster::block_on;
use std::collections::BTreeMap;
use vitrine_models::error::ModelError;
use vitrine_models::weights::safetensors::{self, TensorView, parse_header, read_header};
use vitrine_models::weights::{ByteSource, FileDType, MemorySource};

fn file_of(header: &str, n_data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + n_data, 0);
    file
}

fn refused(file: Vec<u8>, words: &[&str]) {
    let source = MemorySource::new("m.safetensors", file);
    let (result, peak) = peak_of(|| block_on(read_header(&source)));
    assert!(peak < 1 << 20, "{peak} bytes at once");
    let message = result.unwrap_err().to_string();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

#[test]
fn header_lengths() {
    refused(vec![1, 2, 3], &["m.safetensors", "header length", "has 3"]);
    refused(Vec::new(), &["empty file"]);
    let with_length = |length: u64| [&length.to_le_bytes()[..], b"{}      "].concat();
    refused(with_length(9), &["the header", "17", "16"]);
    refused(with_length(u64::MAX), &["18446744073709551615", "100000000"]);
    refused(with_length(100_000_001), &["100000001", "100000000"]);
    refused(with_length(0), &["does not start with {"]);
}

#[test]
fn header_text() {
    refused(file_of("[]", 0), &["does not start with {"]);
    refused([&3u64.to_le_bytes()[..], b"{\"\xff"].concat(), &["UTF-8"]);
    refused(file_of("{\"a\":", 0), &["header", "EOF"]);
    refused(file_of(&format!("{{\"a\":{}", "[".repeat(200)), 0), &["header"]);
    let one = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    refused(file_of(&format!("{{{one},{one}}}"), 4), &["\"a\" twice"]);
    refused(
        file_of(r#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#, 4),
        &["header", "\"dtype\" twice"],
    );
    refused(file_of(r#"{"__metadata__":{"k":"1","k":"2"}}"#, 0), &["__metadata__", "\"k\" twice"]);
    refused(file_of(r#"{"__metadata__":{"k":[1]}}"#, 0), &["__metadata__"]);
}

#[test]
fn places() {
    let two = |first: &str, second: &str| {
        format!(
            r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[{first}]}},
                "b":{{"dtype":"F32","shape":[2],"data_offsets":[{second}]}}}}"#
        )
    };
    refused(file_of(&two("0,8", "4,12"), 12), &["\"b\"", "overlaps"]);
    refused(file_of(&two("0,8", "12,20"), 20), &["\"b\"", "hole"]);
    refused(file_of(&two("4,12", "12,20"), 20), &["\"a\"", "hole"]);
    refused(file_of(&two("0,8", "8,16"), 20), &["4 bytes after the last tensor"]);
    refused(file_of(&two("0,8", "8,16"), 12), &["\"b\"", "cut short"]);
    refused(file_of(&two("8,0", "8,16"), 16), &["backwards"]);
    refused(file_of(&two("-1,8", "8,16"), 16), &["\"a\"", "-1"]);
    refused(file_of(&two("0.5,8", "8,16"), 16), &["\"a\"", "0.5"]);
}

#[test]
fn shapes_and_types() {
    let one = |dtype: &str, shape: &str, end: u64| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
    };
    refused(file_of(&one("F32", "[3]", 8), 8), &["\"w\"", "[3]", "F32", "8 bytes"]);
    refused(file_of(&one("F32", "[4294967296,4294967296]", 8), 8), &["overflows"]);
    refused(file_of(&one("F32", "[9223372036854775808,2,0]", 0), 0), &["overflows"]);
    refused(file_of(&one("F32", "[4611686018427387904]", 8), 8), &["\"w\""]);
    refused(file_of(&one("Q9_9", "[1]", 8), 8), &["\"w\"", "Q9_9", "F32, F16"]);
    refused(file_of(&one("F32", "[1,1,1,1,1,1,1,1,1]", 4), 4), &["9 axes"]);
    let accepted = |header: String, n_data| {
        let source = MemorySource::new("m.safetensors", file_of(&header, n_data));
        block_on(read_header(&source)).unwrap()
    };
    assert_eq!(accepted(one("F32", "[]", 4), 4).tensors[0].shape, [0usize; 0]);
    assert_eq!(accepted(one("F32", "[0,7]", 0), 0).tensors[0].n_bytes, 0);
    assert!(accepted("{}".to_owned(), 0).tensors.is_empty());
    let hostile = r#"{"__metadata__":{"<img onerror=x>":"\u202e\u0000"}}"#;
    assert_eq!(accepted(hostile.to_owned(), 0).metadata["<img onerror=x>"], "\u{202e}\0");
}

/// A file larger than any memory: only its header exists.
struct HugeFile {
    head: Vec<u8>,
    n_bytes: u64,
}

impl ByteSource for HugeFile {
    fn name(&self) -> &str {
        "huge.safetensors"
    }

    fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError> {
        let mut bytes = self.head[usize::try_from(offset).unwrap()..].to_vec();
        bytes.resize(n_bytes, 0);
        Ok(bytes)
    }
}

#[test]
fn tensors_of_gigabytes_in_files_beyond_32_bits() {
    let n_bytes = 6u64 << 30;
    let header = format!(
        r#"{{"a":{{"dtype":"F32","shape":[536870912,3],"data_offsets":[0,{n_bytes}]}},
            "b":{{"dtype":"F16","shape":[1],"data_offsets":[{n_bytes},{}]}}}}"#,
        n_bytes + 2
    );
    let head = file_of(&header, 0);
    let file = HugeFile { n_bytes: head.len() as u64 + n_bytes + 2, head };
    let tensors = block_on(read_header(&file)).unwrap().tensors;
    assert_eq!(tensors[1].offset, file.head.len() as u64 + n_bytes);
    assert_eq!(tensors[0].n_bytes, n_bytes);
}

#[test]
fn what_is_written_opens_in_the_crate() {
    let metadata = BTreeMap::from([("model".to_owned(), "x\u{202e}\"".to_owned())]);
    let floats: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let view = |name, dtype, shape, bytes| TensorView { name, dtype, shape, bytes };
    let tensors = [
        view("flags", FileDType::U8, &[3][..], &[1, 2, 3]),
        view("blocks.0.attn.hook_pattern", FileDType::F32, &[1, 2][..], &floats),
        view("ids", FileDType::U32, &[1][..], &[7, 0, 0, 0]),
        view("empty", FileDType::F32, &[0, 4][..], &[]),
    ];
    let mut file = Vec::new();
    safetensors::write(&mut file, &tensors, &metadata).unwrap();
    let (n_header, read) = ::safetensors::SafeTensors::read_metadata(&file).unwrap();
    assert_eq!(n_header % 8, 0);
    assert_eq!(read.metadata().as_ref().unwrap()["model"], "x\u{202e}\"");
    let opened = ::safetensors::SafeTensors::deserialize(&file).unwrap();
    for tensor in &tensors {
        let found = opened.tensor(tensor.name).unwrap();
        assert_eq!(found.data(), tensor.bytes, "{}", tensor.name);
        assert_eq!(found.shape(), tensor.shape);
    }
    let ours = parse_header("x", &file[8..8 + n_header], file.len() as u64).unwrap();
    assert_eq!(ours.metadata, metadata);
    assert_eq!(ours.tensors.len(), 4);

    let twice = [tensors[0], tensors[0]];
    assert!(safetensors::write(&mut Vec::new(), &twice, &metadata).is_err());
    let short = [view("x", FileDType::F32, &[2][..], &[0; 4])];
    assert!(safetensors::write(&mut Vec::new(), &short, &metadata).is_err());
    let quantised = [view("x", FileDType::Q4_0, &[32][..], &[0; 18])];
    assert!(safetensors::write(&mut Vec::new(), &quantised, &metadata).is_err());
}
