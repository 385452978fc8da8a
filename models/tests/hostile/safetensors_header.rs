//! safetensors files, mostly well formed, then damaged, and held against the safetensors crate.

use crate::dice::Dice;
use pollster::block_on;
use safetensors::SafeTensors;
use vitrine_models::weights::MemorySource;
use vitrine_models::weights::safetensors::read_header;

/// What this reader refuses and the crate takes: duplicate keys, unknown fields, more axes than
/// any checkpoint has, a header that does not start with its brace, a structure as a list.
const STRICTER: [&str; 7] = [
    "twice",
    "duplicate field",
    "unknown field",
    "axes",
    "does not start",
    "invalid type",
    "web page",
];

/// Builds a file from `data` and holds the reader to its promises; true where it was accepted.
pub fn check(data: &[u8]) -> bool {
    let file = generate(&mut Dice::new(data));
    let ours = block_on(read_header(&MemorySource::new("x.safetensors", file.clone())));
    let theirs = SafeTensors::read_metadata(&file);
    match (&ours, &theirs) {
        (Ok(header), Ok((n_header, metadata))) => {
            let tensors = metadata.tensors();
            assert_eq!(tensors.len(), header.tensors.len());
            for tensor in &header.tensors {
                let info = tensors[&tensor.name];
                let begin = (8 + n_header + info.data_offsets.0) as u64;
                let n_bytes = (info.data_offsets.1 - info.data_offsets.0) as u64;
                assert_eq!((tensor.offset, tensor.n_bytes), (begin, n_bytes));
                assert_eq!(tensor.shape, info.shape);
                assert_eq!(tensor.dtype.name(), info.dtype.to_string());
            }
        }
        (Err(err), Ok(_)) => {
            let message = err.to_string();
            assert!(STRICTER.iter().any(|words| message.contains(words)), "{message}");
        }
        (Ok(_), Err(err)) => panic!("the crate refuses what was accepted: {err:?}"),
        (Err(_), Err(_)) => {}
    }
    ours.is_ok()
}

const TYPES: [(&str, u64); 6] =
    [("F32", 4), ("F16", 2), ("BF16", 2), ("I64", 8), ("U8", 1), ("BOOL", 1)];

fn generate(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut entries = Vec::new();
    if dice.below(3) == 0 {
        entries.push(
            dice.pick(&[
                r#""__metadata__":{"format":"pt"}"#,
                r#""__metadata__":{}"#,
                r#""__metadata__":null"#,
                r#""__metadata__":{"a":1}"#,
                r#""__metadata__":{"a":"1","a":"2"}"#,
                r#""__metadata__":{"<script>":"\u202e\u0000"}"#,
            ])
            .to_owned(),
        );
    }
    let mut begin = 0u64;
    for tensor_idx in 0..dice.below(5) {
        let (dtype, element_bytes) = dice.pick(&TYPES);
        let shape: Vec<u64> = (0..dice.below(5)).map(|_| dice.below(4) as u64).collect();
        let end = begin + shape.iter().product::<u64>() * element_bytes;
        let name = if dice.below(30) == 0 { 0 } else { tensor_idx };
        let mut offsets = [begin, end];
        let mut shown_shape = format!("{shape:?}");
        let mut extra = "";
        match dice.below(60) {
            0 => offsets[0] = dice.nasty(),
            1 => offsets[1] = dice.nasty(),
            2 => shown_shape = format!("[{}, {}]", dice.nasty(), dice.nasty()),
            3 => shown_shape = "[-1, 1.5]".to_owned(),
            4 => extra = ",\"dtype\":\"F32\"",
            5 => extra = ",\"more\":[[[]]]",
            _ => {}
        }
        entries.push(format!(
            "\"t{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shown_shape},\"data_offsets\":{offsets:?}{extra}}}"
        ));
        begin = end;
    }
    let header = format!("{{{}}}{}", entries.join(","), dice.pick(&["", " ", "   "]));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + begin as usize, 0);
    dice.damage(&mut file);
    file
}
