//! The broken Marian files that people meet, one by one, with what the message must say.

use crate::alloc::peak_of;
use crate::marian_header::{Item, write};
use pollster::block_on;
use vitrine_kernels::DType;
use vitrine_models::weights::marian::{self, MarianHeader};
use vitrine_models::weights::{Checkpoint, FileDType, MemorySource};

fn parse(file: &[u8]) -> Result<MarianHeader, String> {
    let (result, peak) = peak_of(|| marian::parse_header("m.bin", file, file.len() as u64));
    assert!(peak < 1 << 20, "{peak} bytes at once");
    result.map_err(|err| err.to_string())
}

fn refused(file: &[u8], words: &[&str]) {
    let message = parse(file).unwrap_err();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

/// A file whose word of 64 bits at `at` is replaced.
fn with_word(mut file: Vec<u8>, at: usize, value: u64) -> Vec<u8> {
    file[at..at + 8].copy_from_slice(&value.to_le_bytes());
    file
}

fn bytes_item() -> Item {
    let mut item = Item::new("l1_Wq", 0x4101, &[32, 2], 64 + 256);
    item.bytes[64..68].copy_from_slice(&4.0f32.to_le_bytes());
    item
}

#[test]
fn a_plain_file_is_read() {
    let file = write(&[
        bytes_item(),
        Item::new("Wemb", 0x4101, &[3, 32], 96 + 256),
        Item::new("b", 0x404, &[1, 5], 256),
        Item::config("dim-emb: 32\n"),
    ]);
    let header = parse(&file).unwrap();
    let shapes: Vec<_> = header.tensors.iter().map(|entry| entry.shape.as_slice()).collect();
    assert_eq!(shapes, [&[2, 32][..], &[3, 32], &[1, 5]], "outputs as rows, words as rows");
    assert_eq!(header.tensors[0].dtype, FileDType::INTGEMM8);
    let checkpoint = block_on(Checkpoint::open(vec![MemorySource::new("m.bin", file)])).unwrap();
    let loaded = block_on(checkpoint.load("l1_Wq")).unwrap();
    assert_eq!((loaded.dtype, loaded.bytes.len()), (DType::I8, 72));
    assert_eq!(loaded.bytes[..5], [&0.25f32.to_le_bytes()[..], &[1]].concat());
}

#[test]
fn counts_and_lengths_beyond_the_file() {
    let file = || write(&[bytes_item(), Item::config("a: 1\n")]);
    refused(&with_word(file(), 8, 1 << 63), &["number of items", "65536"]);
    refused(&with_word(file(), 8, 60_000), &["table of items", "cut short"]);
    refused(&with_word(file(), 16, u64::MAX), &["length of a name", "1024"]);
    refused(&with_word(file(), 16, 1000), &["name"]);
    refused(&with_word(file(), 32, 1 << 40), &["number of axes", "is 1099511627776"]);
    refused(&with_word(file(), 40, u64::MAX), &["\"l1_Wq\"", "cut short"]);
    refused(&with_word(file(), 40, u64::MAX - 400), &["\"l1_Wq\"", "cut short"]);
    refused(&with_word(file(), 40, 60), &["\"l1_Wq\"", "does not make 60 bytes"]);
    let whole = file();
    for length in [0, 7, 20, 90, 250, whole.len() - 1] {
        assert!(parse(&whole[..length]).is_err(), "{length} bytes");
    }
    refused(&[whole, vec![0]].concat(), &["1 bytes after the last item"]);
}

#[test]
fn shapes_and_types_that_cannot_be() {
    let one = |item_type: u64, dims: &[u32], n_bytes| {
        write(&[Item::new("w", item_type, dims, n_bytes), Item::config("a: 1\n")])
    };
    refused(&one(0x404, &[0], 4), &["\"w\"", "axis of 0"]);
    refused(&one(0x404, &[u32::MAX], 4), &["\"w\"", "axis of -1"]);
    let most = i32::MAX as u32;
    refused(&one(0x404, &[most, most, most, most], 4), &["\"w\"", "overflows"]);
    refused(&one(0x404, &[2, 2], 15), &["\"w\"", "does not make 15 bytes"]);
    refused(&one(0x404, &[2, 2], 16 + 257), &["\"w\"", "does not make 273 bytes"]);
    refused(&one(0x4101, &[2, 2], 7), &["\"w\"", "intgemm8"]);
    refused(&one(0x4102, &[2, 2], 12), &["\"w\"", "0x4102", "intgemm8"]);
    refused(&write(&[Item::new("w", 0x404, &[1], 4), Item::new("w", 0x404, &[1], 4)]), &["twice"]);
    refused(&write(&[Item::new("", 0x404, &[1], 4)]), &["no name"]);
    refused(&with_word(one(0x404, &[1], 4), 0, 2), &["version", "is 2"]);
}

#[test]
fn configurations_and_factors() {
    let opened = |file: Vec<u8>| {
        block_on(Checkpoint::open(vec![MemorySource::new("m.bin", file)]))
            .map_err(|err| err.to_string())
    };
    let message = opened(write(&[bytes_item()])).unwrap_err();
    assert!(message.contains("special:model.yml") && message.contains("missing"), "{message}");
    let message = opened(write(&[Item::config("a: {b: 1}\n")])).unwrap_err();
    assert!(message.contains("line 1"), "{message}");
    for factor in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40] {
        let mut item = bytes_item();
        item.bytes[64..68].copy_from_slice(&factor.to_le_bytes());
        let checkpoint = opened(write(&[item, Item::config("a: 1\n")])).unwrap();
        let message = block_on(checkpoint.load("l1_Wq")).unwrap_err().to_string();
        assert!(message.contains("factor"), "{message}");
    }
    let narrow = Item::new("l1_Wq", 0x4101, &[16, 4], 64 + 4);
    let checkpoint = opened(write(&[narrow, Item::config("a: 1\n")])).unwrap();
    let message = block_on(checkpoint.load("l1_Wq")).unwrap_err().to_string();
    assert!(message.contains("16 bytes") && message.contains("32"), "{message}");
}
