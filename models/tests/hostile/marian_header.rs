//! Headers of Marian's binary models, mostly well formed, then damaged.

use crate::dice::Dice;
use pollster::block_on;
use std::collections::HashSet;
use vitrine_models::weights::marian::{self, MarianHeader};
use vitrine_models::weights::{FileDType, MemorySource};

/// Builds a file from `data` and holds the reader to its promises; true where it was accepted.
pub fn check(data: &[u8]) -> bool {
    let file = generate(&mut Dice::new(data));
    let whole = marian::parse_header("x.bin", &file, file.len() as u64);
    let read = block_on(marian::read_header(&MemorySource::new("x.bin", file.clone())));
    if let Ok((streamed, _)) = &read {
        assert_eq!(whole.as_ref(), Ok(streamed));
    }
    if let Ok(header) = &whole {
        check_accepted(header, file.len() as u64);
    }
    read.is_ok()
}

fn check_accepted(header: &MarianHeader, file_bytes: u64) {
    let mut names = HashSet::new();
    let mut previous_end = 0;
    for tensor in &header.tensors {
        assert!(names.insert(tensor.name.as_str()));
        let n_elements: usize = tensor.shape.iter().product();
        assert_eq!(tensor.dtype.bytes_of(n_elements as u64), Some(tensor.n_bytes));
        let tail = if tensor.dtype == FileDType::INTGEMM8 { 4 } else { 0 };
        assert!(tensor.n_bytes > 0 && tensor.offset >= previous_end);
        previous_end = tensor.offset + tensor.n_bytes + tail;
    }
    assert!(previous_end <= file_bytes);
    assert!(header.config.is_none_or(|(start, n_bytes)| start + n_bytes <= file_bytes));
}

/// An item to be written.
pub struct Item {
    pub name: String,
    pub item_type: u64,
    pub dims: Vec<u32>,
    pub bytes: Vec<u8>,
}

impl Item {
    pub fn new(name: &str, item_type: u64, dims: &[u32], n_bytes: usize) -> Self {
        Self { name: name.to_owned(), item_type, dims: dims.to_vec(), bytes: vec![1; n_bytes] }
    }

    pub fn config(text: &str) -> Self {
        let bytes = text.as_bytes().to_vec();
        Self { bytes, ..Self::new("special:model.yml", 0x101, &[text.len() as u32], 0) }
    }
}

/// Writes a file as Marian does.
pub fn write(items: &[Item]) -> Vec<u8> {
    let mut file = Vec::new();
    let u64 = |file: &mut Vec<u8>, value: u64| file.extend(value.to_le_bytes());
    u64(&mut file, 1);
    u64(&mut file, items.len() as u64);
    for item in items {
        let lengths = [item.name.len() as u64 + 1, item.item_type];
        let sizes = [item.dims.len() as u64, item.bytes.len() as u64];
        lengths.into_iter().chain(sizes).for_each(|value| u64(&mut file, value));
    }
    for item in items {
        file.extend(item.name.as_bytes());
        file.push(0);
    }
    for item in items {
        item.dims.iter().for_each(|dim| file.extend(dim.to_le_bytes()));
    }
    let gap = 256 - (file.len() + 8) % 256;
    u64(&mut file, gap as u64);
    file.resize(file.len() + gap, 0);
    items.iter().for_each(|item| file.extend(&item.bytes));
    file
}

fn generate(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut items = Vec::new();
    for idx in 0..dice.below(6) {
        let (item_type, size, tail) = dice.pick(&[
            (0x404, 4, 0),
            (0x402, 2, 0),
            (0x4101, 1, 4),
            (0x4101, 1, 256),
            (0x101, 1, 0),
        ]);
        let dims: Vec<u32> = (0..1 + dice.below(3)).map(|_| 1 + dice.below(5) as u32).collect();
        let n_bytes = dims.iter().product::<u32>() as usize * size + tail;
        let name = if dice.below(30) == 0 { "same".to_owned() } else { format!("l{idx}_Wemb") };
        let mut item = Item::new(&name, item_type, &dims, n_bytes);
        if dice.below(60) == 0 {
            item.dims[0] = dice.nasty() as u32;
        }
        if dice.below(60) == 0 {
            item.item_type = dice.nasty();
        }
        items.push(item);
    }
    if dice.below(20) != 0 {
        items.push(Item::config(dice.pick(&[
            "dim-emb: 256\ntype: transformer\n",
            "a:\n  - 1\n  - x y\nb: []\n",
            "a: {b: c}\n",
            "",
        ])));
    }
    let mut file = write(&items);
    dice.damage(&mut file);
    file
}
