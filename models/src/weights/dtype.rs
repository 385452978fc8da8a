//! The element types that checkpoints hold, whether or not the engine takes them.
//!
//! Types that nothing here computes with are still known by name and size, so that a file which
//! holds one is described correctly and the refusal can name it. Sizes follow ggml's
//! `ggml_type_traits` and the safetensors format description.

use vitrine_kernels::DType;

/// An element type as files name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the formats' own")]
#[expect(non_camel_case_types, reason = "the names are the formats' own")]
pub enum FileDType {
    F64,
    F32,
    F16,
    BF16,
    F8_E5M2,
    F8_E4M3,
    F8_E8M0,
    F6_E2M3,
    F6_E3M2,
    F4,
    C64,
    I64,
    I32,
    I16,
    I8,
    U64,
    U32,
    U16,
    U8,
    Bool,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q8_0,
    Q8_1,
    Q2_K,
    Q3_K,
    Q4_K,
    Q5_K,
    Q6_K,
    Q8_K,
    IQ2_XXS,
    IQ2_XS,
    IQ3_XXS,
    IQ1_S,
    IQ4_NL,
    IQ3_S,
    IQ2_S,
    IQ4_XS,
    IQ1_M,
    TQ1_0,
    TQ2_0,
    MXFP4,
    NVFP4,
    Q1_0,
    /// Marian's bytes, with one factor behind a whole tensor.
    INTGEMM8,
}

/// A type's name, its number in GGUF, whether safetensors has it, and its block.
struct TypeRow {
    dtype: FileDType,
    name: &'static str,
    ggml_type: Option<u32>,
    in_safetensors: bool,
    block_len: u64,
    block_bytes: u64,
}

const fn row(
    dtype: FileDType,
    name: &'static str,
    ggml_type: Option<u32>,
    in_safetensors: bool,
    block_len: u64,
    block_bytes: u64,
) -> TypeRow {
    TypeRow { dtype, name, ggml_type, in_safetensors, block_len, block_bytes }
}

/// In the order of the enum, so that a variant is its own index.
static TYPES: [TypeRow; 47] = [
    row(FileDType::F64, "F64", Some(28), true, 1, 8),
    row(FileDType::F32, "F32", Some(0), true, 1, 4),
    row(FileDType::F16, "F16", Some(1), true, 1, 2),
    row(FileDType::BF16, "BF16", Some(30), true, 1, 2),
    row(FileDType::F8_E5M2, "F8_E5M2", None, true, 1, 1),
    row(FileDType::F8_E4M3, "F8_E4M3", None, true, 1, 1),
    row(FileDType::F8_E8M0, "F8_E8M0", None, true, 1, 1),
    row(FileDType::F6_E2M3, "F6_E2M3", None, true, 4, 3),
    row(FileDType::F6_E3M2, "F6_E3M2", None, true, 4, 3),
    row(FileDType::F4, "F4", None, true, 2, 1),
    row(FileDType::C64, "C64", None, true, 1, 8),
    row(FileDType::I64, "I64", Some(27), true, 1, 8),
    row(FileDType::I32, "I32", Some(26), true, 1, 4),
    row(FileDType::I16, "I16", Some(25), true, 1, 2),
    row(FileDType::I8, "I8", Some(24), true, 1, 1),
    row(FileDType::U64, "U64", None, true, 1, 8),
    row(FileDType::U32, "U32", None, true, 1, 4),
    row(FileDType::U16, "U16", None, true, 1, 2),
    row(FileDType::U8, "U8", None, true, 1, 1),
    row(FileDType::Bool, "BOOL", None, true, 1, 1),
    row(FileDType::Q4_0, "Q4_0", Some(2), false, 32, 18),
    row(FileDType::Q4_1, "Q4_1", Some(3), false, 32, 20),
    row(FileDType::Q5_0, "Q5_0", Some(6), false, 32, 22),
    row(FileDType::Q5_1, "Q5_1", Some(7), false, 32, 24),
    row(FileDType::Q8_0, "Q8_0", Some(8), false, 32, 34),
    row(FileDType::Q8_1, "Q8_1", Some(9), false, 32, 40),
    row(FileDType::Q2_K, "Q2_K", Some(10), false, 256, 84),
    row(FileDType::Q3_K, "Q3_K", Some(11), false, 256, 110),
    row(FileDType::Q4_K, "Q4_K", Some(12), false, 256, 144),
    row(FileDType::Q5_K, "Q5_K", Some(13), false, 256, 176),
    row(FileDType::Q6_K, "Q6_K", Some(14), false, 256, 210),
    row(FileDType::Q8_K, "Q8_K", Some(15), false, 256, 292),
    row(FileDType::IQ2_XXS, "IQ2_XXS", Some(16), false, 256, 66),
    row(FileDType::IQ2_XS, "IQ2_XS", Some(17), false, 256, 74),
    row(FileDType::IQ3_XXS, "IQ3_XXS", Some(18), false, 256, 98),
    row(FileDType::IQ1_S, "IQ1_S", Some(19), false, 256, 50),
    row(FileDType::IQ4_NL, "IQ4_NL", Some(20), false, 32, 18),
    row(FileDType::IQ3_S, "IQ3_S", Some(21), false, 256, 110),
    row(FileDType::IQ2_S, "IQ2_S", Some(22), false, 256, 82),
    row(FileDType::IQ4_XS, "IQ4_XS", Some(23), false, 256, 136),
    row(FileDType::IQ1_M, "IQ1_M", Some(29), false, 256, 56),
    row(FileDType::TQ1_0, "TQ1_0", Some(34), false, 256, 54),
    row(FileDType::TQ2_0, "TQ2_0", Some(35), false, 256, 66),
    row(FileDType::MXFP4, "MXFP4", Some(39), false, 32, 17),
    row(FileDType::NVFP4, "NVFP4", Some(40), false, 64, 36),
    row(FileDType::Q1_0, "Q1_0", Some(41), false, 128, 18),
    row(FileDType::INTGEMM8, "intgemm8", None, false, 1, 1),
];

/// Numbers that ggml once gave to types and then took out.
const RETIRED_GGML_TYPES: [(u32, &str); 8] = [
    (4, "Q4_2"),
    (5, "Q4_3"),
    (31, "Q4_0_4_4"),
    (32, "Q4_0_4_8"),
    (33, "Q4_0_8_8"),
    (36, "IQ4_NL_4_4"),
    (37, "IQ4_NL_4_8"),
    (38, "IQ4_NL_8_8"),
];

impl FileDType {
    /// The types that the engine computes with, in the order in which messages list them.
    pub const SUPPORTED: [FileDType; 12] = [
        FileDType::F32,
        FileDType::F16,
        FileDType::BF16,
        FileDType::Q8_0,
        FileDType::Q4_0,
        FileDType::Q4_1,
        FileDType::Q5_0,
        FileDType::Q5_1,
        FileDType::Q4_K,
        FileDType::Q5_K,
        FileDType::Q6_K,
        FileDType::IQ4_NL,
    ];

    fn type_row(self) -> &'static TypeRow {
        &TYPES[self as usize]
    }

    /// The name that the formats use.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.type_row().name
    }

    /// Elements in one block: 1 for plain types.
    #[must_use]
    pub fn block_len(self) -> u64 {
        self.type_row().block_len
    }

    /// Bytes of one block.
    #[must_use]
    pub fn block_bytes(self) -> u64 {
        self.type_row().block_bytes
    }

    /// The engine's type for it, where the engine computes with it.
    #[must_use]
    pub fn engine_dtype(self) -> Option<DType> {
        match self {
            FileDType::F32 => Some(DType::F32),
            FileDType::F16 => Some(DType::F16),
            FileDType::BF16 => Some(DType::BF16),
            FileDType::Q8_0 => Some(DType::Q8_0),
            FileDType::Q4_0 => Some(DType::Q4_0),
            FileDType::Q4_1 => Some(DType::Q4_1),
            FileDType::Q5_0 => Some(DType::Q5_0),
            FileDType::Q5_1 => Some(DType::Q5_1),
            FileDType::Q4_K => Some(DType::Q4_K),
            FileDType::Q5_K => Some(DType::Q5_K),
            FileDType::Q6_K => Some(DType::Q6_K),
            FileDType::IQ4_NL => Some(DType::IQ4_NL),
            _ => None,
        }
    }

    /// The names of the supported types, for messages.
    #[must_use]
    pub fn supported_names() -> String {
        Self::SUPPORTED.map(Self::name).join(", ")
    }

    /// The type behind a safetensors `dtype` string.
    #[must_use]
    pub fn from_safetensors(name: &str) -> Option<FileDType> {
        TYPES.iter().find(|row| row.in_safetensors && row.name == name).map(|row| row.dtype)
    }

    /// The type behind a GGUF type number; an error gives the number's name where it had one.
    pub fn from_ggml(ggml_type: u32) -> Result<FileDType, String> {
        if let Some(row) = TYPES.iter().find(|row| row.ggml_type == Some(ggml_type)) {
            return Ok(row.dtype);
        }
        match RETIRED_GGML_TYPES.iter().find(|(number, _)| *number == ggml_type) {
            Some((_, name)) => Err(format!("{name} (type {ggml_type}, which ggml retired)")),
            None => Err(format!("ggml type {ggml_type} (unknown)")),
        }
    }

    /// The number that GGUF files use for it.
    #[must_use]
    pub fn ggml_type(self) -> Option<u32> {
        self.type_row().ggml_type
    }

    /// Whether safetensors files can hold it.
    #[must_use]
    pub fn in_safetensors(self) -> bool {
        self.type_row().in_safetensors
    }

    /// Bytes of `n_elements`, or `None` where they fill no whole number of blocks or overflow.
    #[must_use]
    pub fn bytes_of(self, n_elements: u64) -> Option<u64> {
        if !n_elements.is_multiple_of(self.block_len()) {
            return None;
        }
        (n_elements / self.block_len()).checked_mul(self.block_bytes())
    }
}

impl std::fmt::Display for FileDType {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_in_enum_order_and_numbers_are_unique() {
        for (row_idx, row) in TYPES.iter().enumerate() {
            assert_eq!(row.dtype as usize, row_idx, "{}", row.name);
            if let Some(number) = row.ggml_type {
                assert_eq!(FileDType::from_ggml(number), Ok(row.dtype));
            }
        }
    }

    #[test]
    fn engine_types_have_the_files_sizes() {
        for dtype in FileDType::SUPPORTED {
            let engine = dtype.engine_dtype().unwrap();
            assert_eq!(engine.block_len() as u64, dtype.block_len(), "{dtype}");
            assert_eq!(engine.block_bytes() as u64, dtype.block_bytes(), "{dtype}");
        }
        let n_engine = TYPES.iter().filter(|row| row.dtype.engine_dtype().is_some()).count();
        assert_eq!(n_engine, FileDType::SUPPORTED.len());
    }

    #[test]
    fn retired_and_unknown_numbers_are_named() {
        assert!(FileDType::from_ggml(4).unwrap_err().contains("Q4_2"));
        assert!(FileDType::from_ggml(99).unwrap_err().contains("99"));
        assert_eq!(FileDType::from_safetensors("Q4_0"), None);
        assert_eq!(FileDType::from_safetensors("F32"), Some(FileDType::F32));
    }

    #[test]
    fn bytes_of_whole_blocks_only() {
        assert_eq!(FileDType::Q4_1.bytes_of(64), Some(40));
        assert_eq!(FileDType::Q4_1.bytes_of(33), None);
        assert_eq!(FileDType::F64.bytes_of(u64::MAX), None);
        assert_eq!(FileDType::F4.bytes_of(3), None);
    }
}
