//! The broken GGUF files that people meet, one by one, with what the message must say.

use crate::alloc::peak_of;
use crate::gguf_header::Writer;
use vitrine_models::weights::{FileDType, GgufHeader, GgufValue, gguf};

fn parse(file: &[u8]) -> Result<GgufHeader, String> {
    let (result, peak) = peak_of(|| gguf::parse_header("m.gguf", file, file.len() as u64));
    assert!(peak < 1 << 20, "{peak} bytes at once");
    result.map_err(|err| err.to_string())
}

fn refused(file: &Writer, words: &[&str]) {
    let message = parse(&file.0).unwrap_err();
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message:?}");
    }
}

fn with(build: impl FnOnce(&mut Writer)) -> Writer {
    let mut file = Writer::default();
    build(&mut file);
    file
}

/// A file of one tensor whose table row is given, and its data.
fn one_tensor(dims: &[u64], number: u32, offset: u64, n_data: usize) -> Writer {
    with(|file| {
        file.header(1, 0).text("w").u32(dims.len() as u32);
        dims.iter().for_each(|&dim| {
            file.u64(dim);
        });
        file.u32(number).u64(offset);
        let start = file.0.len().next_multiple_of(32);
        file.0.resize(start + n_data, 0);
    })
}

#[test]
fn a_plain_file_is_read() {
    let header = parse(&one_tensor(&[64, 3], 3, 0, 120).0).unwrap();
    let tensor = &header.tensors[0];
    assert_eq!((tensor.dtype, tensor.n_bytes), (FileDType::Q4_1, 120));
    assert_eq!(tensor.shape, [3, 64], "rows first");
    let none = parse(
        &with(|file| {
            file.header(0, 1).text("general.architecture").u32(8).text("strange");
        })
        .0,
    );
    let metadata = none.unwrap().metadata;
    assert_eq!(metadata.get("general.architecture").and_then(GgufValue::as_str), Some("strange"));
}

#[test]
fn counts_and_lengths_beyond_the_file() {
    let counts = |n_tensors, n_pairs| {
        with(|file| {
            file.header(n_tensors, n_pairs).u64(0);
        })
    };
    refused(&counts(1 << 63, 0), &["tensor count", "9223372036854775808", "65536"]);
    refused(&counts(0, 1 << 63), &["metadata count", "65536"]);
    refused(&counts(65_000, 0), &["tensor table", "cut short"]);
    refused(&counts(0, 60_000), &["metadata", "cut short"]);
    refused(
        &with(|file| {
            file.header(0, 1).u64(1 << 48).u64(0);
        }),
        &["key", "281474976710656"],
    );
    let array = |element: u32, length: u64| {
        with(|file| {
            file.header(0, 1).text("a.b").u32(9).u32(element).u64(length).u64(0);
        })
    };
    refused(&array(5, 1 << 62), &["a.b", "2097152"]);
    refused(&array(5, 1 << 20), &["a.b", "cut short"]);
    refused(&array(8, 1 << 20), &["a.b", "cut short"]);
    refused(&array(9, 1), &["a.b", "array of arrays"]);
    refused(&array(13, 1), &["a.b", "value type 13"]);
}

#[test]
fn shapes_that_cannot_be() {
    refused(&one_tensor(&[], 0, 0, 0), &["\"w\"", "0 axes"]);
    refused(&one_tensor(&[1, 1, 1, 1, 1], 0, 0, 4), &["\"w\"", "5 axes"]);
    refused(
        &with(|file| {
            file.header(1, 0).text("w").u32(4_000_000_000).0.resize(200, 0);
        }),
        &["4000000000 axes"],
    );
    refused(&one_tensor(&[1 << 32, 1 << 32], 0, 0, 4), &["overflows"]);
    refused(&one_tensor(&[1 << 63, 2, 2], 0, 0, 4), &["overflows"]);
    refused(&one_tensor(&[33], 8, 0, 68), &["33", "Q8_0", "32"]);
    refused(&one_tensor(&[32, 0], 8, 0, 68), &["empty axis"]);
}

#[test]
fn types_are_named() {
    refused(&one_tensor(&[32], 99, 0, 64), &["\"w\"", "99", "F32", "Q4_1"]);
    refused(&one_tensor(&[32], 4, 0, 64), &["Q4_2", "retired"]);
    // A type that is known but not computed with is described, and refused when it is loaded.
    let header = parse(&one_tensor(&[256], 10, 0, 84).0).unwrap();
    assert_eq!(header.tensors[0].dtype, FileDType::Q2_K);
}

#[test]
fn places_that_cannot_be() {
    let aligned = |alignment: u32| {
        with(|file| {
            file.header(0, 1).text("general.alignment").u32(4).u32(alignment);
        })
    };
    for alignment in [0, 3, 1 << 30] {
        refused(&aligned(alignment), &["general.alignment", &alignment.to_string()]);
    }
    assert!(parse(&aligned(64).0).is_ok());
    refused(
        &with(|file| {
            file.header(0, 1).text("general.alignment").u32(8).text("32");
        }),
        &["general.alignment"],
    );
    refused(&one_tensor(&[32], 0, 64, 100), &["\"w\"", "cut short"]);
    refused(&one_tensor(&[32], 0, 1 << 63, 128), &["\"w\"", "cut short"]);
    refused(&one_tensor(&[32], 0, u64::MAX - 31, 128), &["\"w\"", "cut short"]);
    refused(&one_tensor(&[32], 0, 3, 200), &["offset 3", "alignment 32"]);
    let two = |second: &str, offset| {
        with(|file| {
            file.header(2, 0);
            for (name, at) in [("a", 0), (second, offset)] {
                file.text(name).u32(1).u64(32).u32(0).u64(at);
            }
            file.0.resize(1024, 0);
        })
    };
    assert!(parse(&two("b", 128).0).is_ok());
    refused(&two("b", 96), &["\"b\"", "overlaps \"a\""]);
    refused(&two("b", 0), &["overlaps"]);
    refused(&two("a", 128), &["\"a\"", "twice"]);
}

#[test]
fn versions_and_byte_order() {
    let version = |bytes: [u8; 4]| {
        with(|file| {
            file.0.extend(b"GGUF");
            file.0.extend(bytes);
            file.u64(0).u64(0);
        })
    };
    assert!(parse(&version([2, 0, 0, 0]).0).is_ok());
    refused(&version([1, 0, 0, 0]), &["version", "is 1"]);
    refused(&version([4, 0, 0, 0]), &["version", "is 4"]);
    refused(&version([0, 0, 0, 3]), &["big-endian"]);
    refused(&with(|file| file.0.extend(b"FUGG\0\0\0\x03\0\0\0\0")), &["big-endian"]);
    refused(&with(|file| file.0.extend(b"GG")), &["cut short"]);
    refused(&with(|file| file.0.extend(b"PK\x03\x04archive/data.pkl")), &["PyTorch"]);
    refused(&with(|_| ()), &["empty file"]);
}

#[test]
fn keys() {
    let mut bad_key = with(|file| {
        file.header(0, 1).text("abc").u32(4).u32(1);
    });
    let position = bad_key.0.len() - 9;
    bad_key.0[position] = 0xff;
    refused(&bad_key, &["key", "UTF-8"]);
    refused(
        &with(|file| {
            file.header(0, 2).text("k").u32(4).u32(1).text("k").u32(4).u32(2);
        }),
        &["\"k\"", "twice"],
    );
    refused(
        &with(|file| {
            file.header(0, 1).text("").u32(4).u32(1);
        }),
        &["empty key"],
    );
    refused(
        &with(|file| {
            file.header(0, 1).text("k").u32(7).0.push(2);
        }),
        &["\"k\"", "bool"],
    );
    refused(
        &with(|file| {
            file.header(0, 1).text("k\u{202e}").u32(77).u64(0);
        }),
        &["u{202e}", "77"],
    );
}
