//! Shapes, storage types and symbolic handles of tensors.

use std::fmt;

/// A row-major shape of one to four dimensions; the last is contiguous.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    dims: [usize; 4],
    rank: usize,
}

impl Shape {
    /// One value.
    pub(crate) const SCALAR: Self = Self { dims: [1; 4], rank: 1 };

    /// Builds a shape.
    ///
    /// # Panics
    /// If there are no or more than four dimensions: a programming error, never file content.
    pub fn new(dims: &[usize]) -> Self {
        assert!((1..=4).contains(&dims.len()), "rank {} is not in 1..=4", dims.len());
        let mut all = [1; 4];
        all[..dims.len()].copy_from_slice(dims);
        Self { dims: all, rank: dims.len() }
    }

    /// The dimensions, outermost first.
    pub fn dims(&self) -> &[usize] {
        &self.dims[..self.rank]
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.dims().iter().product()
    }

    /// Whether a dimension is zero.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Length of the last, contiguous dimension.
    pub fn n_cols(&self) -> usize {
        self.dims[self.rank - 1]
    }

    /// Product of all dimensions but the last.
    pub fn n_rows(&self) -> usize {
        self.dims[..self.rank - 1].iter().product()
    }
}

impl From<&[usize]> for Shape {
    fn from(dims: &[usize]) -> Self {
        Self::new(dims)
    }
}

impl<const N: usize> From<[usize; N]> for Shape {
    fn from(dims: [usize; N]) -> Self {
        Self::new(&dims)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.dims())
    }
}

/// How a tensor's values are stored. Arithmetic is always in f32 (or exact integers).
///
/// The quantised types but I8 are those of ggml: blocks of 32 or 256 consecutive values of a row
/// ([`crate::blocks`]).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[expect(non_camel_case_types, reason = "the names are ggml's")]
pub enum DType {
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    BF16,
    /// 32 values: f16 scale d, 32 × i8. x = d·q. 34 bytes.
    Q8_0,
    /// 32 values: f16 scale d, 16 bytes of nibbles (low: first 16). x = d·(q − 8). 18 bytes.
    Q4_0,
    /// 32 values: f16 scale d, f16 minimum m, 16 bytes of nibbles. x = d·q + m. 20 bytes.
    Q4_1,
    /// 32 values: f16 scale d, 32 upper bits, 16 bytes of nibbles. x = d·(q − 16). 22 bytes.
    Q5_0,
    /// 32 values: f16 scale d, f16 minimum m, 32 upper bits, nibbles. x = d·q + m. 24 bytes.
    Q5_1,
    /// 32 values: f16 scale d, 16 bytes of nibbles that choose from sixteen values. 18 bytes.
    IQ4_NL,
    /// 32 values: f32 scale d, 32 × i8. x = d·q. 36 bytes. A whole tensor has one scale (Marian's
    /// intgemm8), repeated in each block so that rows stand alone.
    I8,
    /// 256 values: two f16, eight pairs of six-bit scale and minimum, nibbles. 144 bytes.
    Q4_K,
    /// 256 values: as Q4_K, with 256 upper bits. 176 bytes.
    Q5_K,
    /// 256 values: nibbles, upper pairs of bits, sixteen i8 scales, an f16. 210 bytes.
    Q6_K,
    /// Unsigned integers (indices); never a weight.
    U32,
}

impl DType {
    /// Values in one block (1 for the unquantised types).
    pub const fn block_len(self) -> usize {
        match self {
            Self::Q8_0 | Self::Q4_0 | Self::Q4_1 | Self::Q5_0 | Self::Q5_1 | Self::IQ4_NL => 32,
            Self::I8 => 32,
            Self::Q4_K | Self::Q5_K | Self::Q6_K => 256,
            Self::F32 | Self::F16 | Self::BF16 | Self::U32 => 1,
        }
    }

    /// Bytes of one block in a file.
    pub const fn block_bytes(self) -> usize {
        match self {
            Self::F32 | Self::U32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Q8_0 => 34,
            Self::Q4_0 | Self::IQ4_NL => 18,
            Self::Q4_1 => 20,
            Self::Q5_0 => 22,
            Self::Q5_1 => 24,
            Self::I8 => 36,
            Self::Q4_K => 144,
            Self::Q5_K => 176,
            Self::Q6_K => 210,
        }
    }

    /// Bytes of a tensor of `shape` in a file, or `None` if its rows are not whole blocks.
    pub fn byte_len(self, shape: Shape) -> Option<usize> {
        let n_cols = shape.n_cols();
        if !n_cols.is_multiple_of(self.block_len()) {
            return None;
        }
        Some(shape.n_rows() * (n_cols / self.block_len()) * self.block_bytes())
    }

    /// Whether the type is stored in blocks with shared scales.
    pub const fn is_quantised(self) -> bool {
        self.block_len() > 1
    }
}

/// A tensor within one recording.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct TensorId(pub(crate) u32);

impl TensorId {
    /// Position in [`crate::Recording::tensors`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A constant that an engine holds for any number of recordings.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct WeightId(pub u32);

/// A buffer that an engine keeps from run to run (a cache, a capture). Always f32.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct StateId(pub u32);
