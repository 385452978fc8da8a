//! From the checkpoint's names and layouts to the canonical ones.
//!
//! A rule says which tensor of the file becomes which weight of the engine, and how: rows cut out
//! of a fused tensor, a transposed one, rows in another order. Whole rows move as bytes, so that
//! quantised blocks stay as they are.

use std::ops::Range;

use vitrine_kernels::DType;

/// One weight: its canonical name and shape, and where it is in the file.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightRule {
    /// TransformerLens's name, such as `blocks.0.attn.W_Q`; matrices have outputs as rows.
    pub name: String,
    /// The weight's shape.
    pub shape: Vec<usize>,
    /// The tensor's name in the file, without the optional prefixes.
    pub source: String,
    /// The tensor's shape in the file.
    pub source_shape: Vec<usize>,
    /// Whether the file stores it with inputs as rows.
    pub transposed: bool,
    /// Which rows of the (transposed) tensor; all if `None`.
    pub rows: Option<Range<usize>>,
    /// The rows are those of each of so many equal groups, rather than of the whole.
    pub n_groups: usize,
    /// Added to each value (vectors only).
    pub plus: f32,
    /// The rows of each of so many heads go from interleaved pairs to halves.
    pub halves_of_heads: Option<usize>,
    /// The tensor is `[n, n_heads]`; column d of the weight is its row of this index. The weight is
    /// f32.
    pub by_distance: Option<Vec<usize>>,
    /// A matrix is widened to f32, for an op that reads it whole.
    pub as_f32: bool,
}

/// A weight that the file holds as it is.
pub fn rule(name: impl Into<String>, source: impl Into<String>, shape: &[usize]) -> WeightRule {
    WeightRule {
        name: name.into(),
        shape: shape.to_vec(),
        source: source.into(),
        source_shape: shape.to_vec(),
        transposed: false,
        rows: None,
        n_groups: 1,
        plus: 0.0,
        halves_of_heads: None,
        by_distance: None,
        as_f32: false,
    }
}

impl WeightRule {
    /// The weight is `rows` of a tensor of `n_rows` rows (before transposition).
    pub fn rows_of(mut self, rows: Range<usize>, n_rows: usize) -> Self {
        self.source_shape[0] = n_rows;
        self.rows = Some(rows);
        self
    }

    /// The file stores the matrix with inputs as rows (`Conv1D` of GPT-2).
    pub fn transposed_if(mut self, transposed: bool) -> Self {
        if transposed && self.source_shape.len() == 2 {
            self.source_shape.reverse();
            self.transposed = true;
        }
        self
    }

    /// llama.cpp stores the rows of rotated heads as interleaved pairs: row 2i + a of a head is
    /// row i + a·d_head/2 of the original.
    pub fn halves_if(mut self, interleaved: bool, n_heads: usize) -> Self {
        self.halves_of_heads = interleaved.then_some(n_heads);
        self
    }

    /// Column d of the weight is row `buckets[d]` of a tensor of `n_buckets` rows (T5's biases).
    pub fn by_distance(mut self, n_buckets: usize, buckets: Vec<usize>) -> Self {
        self.source_shape = vec![n_buckets, self.shape[0]];
        self.by_distance = Some(buckets);
        self
    }

    /// The columns that [`Self::by_distance`] asks for, from the tensor's values.
    pub fn spread(&self, values: &[f32]) -> Option<Vec<f32>> {
        let (buckets, n_heads) = (self.by_distance.as_ref()?, self.shape[0]);
        (0..n_heads)
            .flat_map(|head| buckets.iter().map(move |bucket| bucket * n_heads + head))
            .map(|at| values.get(at).copied())
            .collect()
    }

    /// The rows given are taken of each of `n_groups` equal groups of the tensor's rows.
    pub fn of_each(mut self, n_groups: usize) -> Self {
        self.n_groups = n_groups;
        self
    }

    /// The weight's bytes from the tensor's, or `None` where blocks cannot be transposed or the
    /// bytes are not those of the source shape.
    pub fn apply(&self, dtype: DType, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let n_cols = *self.source_shape.last()?;
        let n_rows: usize = self.source_shape[..self.source_shape.len() - 1].iter().product();
        let mut bytes = bytes;
        let mut row_bytes = n_cols / dtype.block_len() * dtype.block_bytes();
        if bytes.len() != n_rows * row_bytes {
            return None;
        }
        if self.transposed {
            if dtype.is_quantised() {
                return None;
            }
            let element = dtype.block_bytes();
            bytes = transpose(&bytes, n_rows, n_cols, element);
            row_bytes = n_rows * element;
        }
        if self.source_shape.len() == 1 {
            // A vector's rows are its elements.
            row_bytes = dtype.block_bytes();
        }
        if let Some(rows) = &self.rows {
            let group_bytes = bytes.len() / self.n_groups;
            let mut taken = Vec::with_capacity(rows.len() * row_bytes * self.n_groups);
            for group in bytes.chunks_exact(group_bytes.max(1)) {
                taken.extend_from_slice(group.get(rows.start * row_bytes..rows.end * row_bytes)?);
            }
            bytes = taken;
        }
        if let Some(n_heads) = self.halves_of_heads {
            bytes = halves_from_pairs(&bytes, n_heads, row_bytes);
        }
        Some(bytes)
    }

    /// For each value of the weight, which of the tensor's values it is: what [`Self::apply`]
    /// does to the tensor's indices.
    ///
    /// `None` where a value is not one of the tensor's ([`Self::by_distance`]).
    pub fn indices(&self) -> Option<Vec<u32>> {
        if self.by_distance.is_some() {
            return None;
        }
        let n_values: usize = self.source_shape.iter().product();
        let indices: Vec<u32> = (0..u32::try_from(n_values).ok()?).collect();
        // An index has as many bytes as an f32, and values only move.
        let moved = self.apply(DType::F32, bytemuck::cast_slice(&indices).to_vec())?;
        Some(bytemuck::pod_collect_to_vec(&moved))
    }

    /// Writes the weight's values back where they are in the tensor.
    pub fn put_back(&self, weight: &[f32], tensor: &mut [f32]) -> Option<()> {
        let indices = self.indices().filter(|indices| indices.len() == weight.len())?;
        for (&index, &value) in indices.iter().zip(weight) {
            *tensor.get_mut(index as usize)? = value - self.plus;
        }
        Some(())
    }
}

fn transpose(bytes: &[u8], n_rows: usize, n_cols: usize, element: usize) -> Vec<u8> {
    let mut out = vec![0; bytes.len()];
    for row in 0..n_rows {
        for col in 0..n_cols {
            let (from, to) = ((row * n_cols + col) * element, (col * n_rows + row) * element);
            out[to..to + element].copy_from_slice(&bytes[from..from + element]);
        }
    }
    out
}

fn halves_from_pairs(bytes: &[u8], n_heads: usize, row_bytes: usize) -> Vec<u8> {
    let d_head = bytes.len() / row_bytes / n_heads;
    let mut out = Vec::with_capacity(bytes.len());
    for head in 0..n_heads {
        for row in 0..d_head {
            let from = head * d_head + row % (d_head / 2) * 2 + row / (d_head / 2);
            out.extend_from_slice(&bytes[from * row_bytes..][..row_bytes]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes_from(values: &[f32]) -> Vec<u8> {
        bytemuck::cast_slice(values).to_vec()
    }

    fn apply(rule: &WeightRule, values: &[f32]) -> Vec<f32> {
        let bytes = rule.apply(DType::F32, bytes_from(values)).expect("fits");
        bytemuck::pod_collect_to_vec(&bytes)
    }

    #[test]
    fn fused_transposed_rows() {
        // Conv1D [k = 2, n = 3]; the weight is output rows 1..3.
        let rule = rule("w", "s", &[2, 2]).rows_of(1..3, 3).transposed_if(true);
        assert_eq!(rule.source_shape, [2, 3]);
        assert_eq!(apply(&rule, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), [2.0, 5.0, 3.0, 6.0]);
        assert_eq!(rule.apply(DType::F32, vec![0; 8]), None);
    }

    #[test]
    fn what_was_taken_goes_back() {
        let plain = rule("w", "s", &[2, 2]);
        for rule in [
            plain.clone().rows_of(1..3, 3).transposed_if(true),
            plain.clone().rows_of(1..2, 6).of_each(2),
            WeightRule { plus: 1.0, ..rule("b", "s", &[2]).rows_of(2..4, 6) },
        ] {
            let n_values: usize = rule.source_shape.iter().product();
            let tensor: Vec<f32> = (0..n_values).map(|i| i as f32).collect();
            let weight: Vec<f32> = apply(&rule, &tensor).iter().map(|x| x + rule.plus).collect();
            let mut back = vec![-1.0; n_values];
            rule.put_back(&weight, &mut back).expect("fits");
            let n_back = back.iter().zip(&tensor).filter(|(a, b)| a == b).count();
            assert_eq!(n_back, weight.len(), "{rule:?}");
            assert_eq!(back.iter().filter(|x| **x == -1.0).count(), n_values - n_back);
        }
    }

    #[test]
    fn vectors_are_cut_by_element() {
        let rule = rule("b", "s", &[2]).rows_of(2..4, 6).transposed_if(true);
        assert_eq!(apply(&rule, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]), [2.0, 3.0]);
    }

    #[test]
    fn rows_of_each_head_are_gathered() {
        // Two heads of (q, k, v) with one row each.
        let rule = rule("w", "s", &[2, 2]).rows_of(1..2, 6).of_each(2);
        assert_eq!(rule.source_shape, [6, 2]);
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        assert_eq!(apply(&rule, &values), [2.0, 3.0, 8.0, 9.0]);
    }

    #[test]
    fn pairs_become_halves() {
        let rule = rule("w", "s", &[8, 1]).halves_if(true, 2);
        let pairs = [0.0, 10.0, 1.0, 11.0, 20.0, 30.0, 21.0, 31.0];
        assert_eq!(apply(&rule, &pairs), [0.0, 1.0, 10.0, 11.0, 20.0, 21.0, 30.0, 31.0]);
    }

    #[test]
    fn blocks_are_cut_whole_and_never_transposed() {
        let rule = rule("w", "s", &[1, 32]).rows_of(1..2, 2);
        let bytes: Vec<u8> = (0..68).collect();
        assert_eq!(rule.apply(DType::Q8_0, bytes.clone()), Some((34..68).collect()));
        assert_eq!(rule.clone().transposed_if(true).apply(DType::Q8_0, bytes), None);
    }
}
