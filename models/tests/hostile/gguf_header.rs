//! GGUF headers, mostly well formed, then damaged.

use crate::dice::Dice;
use pollster::block_on;
use std::collections::HashSet;
use vitrine_models::weights::{GgufHeader, MemorySource, gguf};

/// Builds a file from `data` and holds the reader to its promises; true where it was accepted.
pub fn check(data: &[u8]) -> bool {
    let file = generate(&mut Dice::new(data));
    let whole = gguf::parse_header("x.gguf", &file, file.len() as u64);
    let streamed = block_on(gguf::read_header(&MemorySource::new("x.gguf", file.clone())));
    match (&whole, &streamed) {
        (Ok(whole), Ok(streamed)) => assert_eq!(format!("{whole:?}"), format!("{streamed:?}")),
        (Err(_), Err(_)) => {}
        _ => panic!("whole {whole:?}, streamed {streamed:?}"),
    }
    if let Ok(header) = &whole {
        check_accepted(header, file.len() as u64);
    }
    whole.is_ok()
}

fn check_accepted(header: &GgufHeader, file_bytes: u64) {
    let mut names = HashSet::new();
    let mut ranges = Vec::new();
    for tensor in &header.tensors {
        assert!(names.insert(tensor.name.as_str()));
        let n_elements: usize = tensor.shape.iter().product();
        assert_eq!(tensor.dtype.bytes_of(n_elements as u64), Some(tensor.n_bytes));
        assert!(tensor.n_bytes > 0 && tensor.offset >= header.data_start);
        ranges.push((tensor.offset, tensor.offset + tensor.n_bytes));
    }
    ranges.sort_unstable();
    assert!(ranges.windows(2).all(|pair| pair[0].1 <= pair[1].0));
    assert!(ranges.last().is_none_or(|(_, end)| *end <= file_bytes));
    let keys: HashSet<&str> = header.metadata.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), header.metadata.len());
}

/// Writes GGUF.
#[derive(Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.u64(text.len() as u64);
        self.0.extend(text.as_bytes());
        self
    }

    pub fn header(&mut self, n_tensors: u64, n_pairs: u64) -> &mut Self {
        self.0.extend(b"GGUF");
        self.u32(3).u64(n_tensors).u64(n_pairs)
    }
}

/// ggml type numbers with their blocks.
const TYPES: [(u32, u64, u64); 8] = [
    (0, 1, 4),
    (1, 1, 2),
    (2, 32, 18),
    (3, 32, 20),
    (8, 32, 34),
    (30, 1, 2),
    (14, 256, 210),
    (27, 1, 8),
];

fn generate(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut file = Writer::default();
    let n_pairs = dice.below(6) as u64;
    let n_tensors = dice.below(5) as u64;
    file.header(n_tensors, n_pairs);
    let mut alignment = 32;
    for pair_idx in 0..n_pairs {
        if dice.below(6) == 0 {
            alignment = [1, 8, 64, 256, 3, 0][dice.below(6)];
            file.text("general.alignment").u32(4).u32(alignment as u32);
            continue;
        }
        let key = if dice.below(30) == 0 { "same".to_owned() } else { format!("key.{pair_idx}") };
        file.text(&key);
        write_value(&mut file, dice);
    }
    let mut offset = 0u64;
    let mut end = 0u64;
    for tensor_idx in 0..n_tensors {
        let (number, block_len, block_bytes) = dice.pick(&TYPES);
        let n_dims = 1 + dice.below(4);
        let mut dims = vec![block_len * (1 + dice.below(3) as u64)];
        dims.extend((1..n_dims).map(|_| 1 + dice.below(3) as u64));
        let n_bytes = dims.iter().product::<u64>() / block_len * block_bytes;
        file.text(&format!("tensor.{}", if dice.below(40) == 0 { 0 } else { tensor_idx }));
        file.u32(n_dims as u32);
        for &dim in &dims {
            file.u64(if dice.below(60) == 0 { dice.nasty() } else { dim });
        }
        file.u32(if dice.below(60) == 0 { dice.nasty() as u32 } else { number });
        file.u64(if dice.below(60) == 0 { dice.nasty() } else { offset });
        end = offset + n_bytes;
        offset = end.next_multiple_of(alignment.max(1));
    }
    let data_start = (file.0.len() as u64).next_multiple_of(alignment.max(1));
    file.0.resize((data_start + end) as usize, 0);
    dice.damage(&mut file.0);
    file.0
}

fn write_value(file: &mut Writer, dice: &mut Dice<'_>) {
    match dice.below(6) {
        0 => {
            file.u32(8).text(dice.pick(&["", "llama", "\u{202e}x", "<script>"]));
        }
        1 => {
            file.u32(4).u32(dice.nasty() as u32);
        }
        2 => {
            file.u32(9).u32(8);
            let n_texts = dice.below(4);
            file.u64(n_texts as u64);
            (0..n_texts).for_each(|_| {
                file.text(dice.pick(&["a", "Ġb", ""]));
            });
        }
        3 => {
            file.u32(9).u32(5);
            let n_numbers = dice.below(9);
            file.u64(n_numbers as u64);
            (0..n_numbers).for_each(|_| {
                file.u32(dice.nasty() as u32);
            });
        }
        4 => {
            file.u32(7);
            file.0.push(dice.pick(&[0, 1, 1, 0, 1, 2]));
        }
        _ => {
            file.u32(12).u64(dice.nasty());
        }
    }
}
