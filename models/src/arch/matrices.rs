//! Weights as matrices of numbers, for the panels that show them: read from the files once more,
//! since engines keep blocks, some of them on a GPU.

use std::ops::Range;

use vitrine_kernels::blocks;

use super::Blueprint;
use super::load::{describe, find_architecture, without_prefix};
use crate::error::{ModelError, shown};
use crate::weights::{ByteSource, Checkpoint, FileDType, dequantise};

/// The matrices of a checkpoint by their canonical names (`blocks.0.attn.W_Q`).
pub struct Matrices<'a, S> {
    checkpoint: &'a Checkpoint<S>,
    blueprint: Blueprint,
    prefixes: &'static [&'static str],
}

/// A matrix: outputs are rows, but for tables, whose rows are tokens or positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Rows.
    pub n_rows: usize,
    /// Columns.
    pub n_cols: usize,
    dtype: FileDType,
    stored_as: &'static str,
    bytes: Vec<u8>,
}

impl Matrix {
    /// From values, `[n_rows, n_cols]`.
    fn of_values(dims: &[usize], values: &[f32]) -> Self {
        let bytes = bytemuck::cast_slice(values).to_vec();
        let dtype = FileDType::F32;
        Self { n_rows: dims[0], n_cols: dims[1], dtype, stored_as: dtype.name(), bytes }
    }

    /// Some rows as f32, `[n, n_cols]`; empty if they are not there.
    pub fn rows(&self, rows: Range<usize>) -> Vec<f32> {
        let row_bytes = self.bytes.len() / self.n_rows.max(1);
        let bytes = self.bytes.get(rows.start * row_bytes..rows.end * row_bytes);
        bytes.and_then(|bytes| dequantise(self.dtype, bytes)).unwrap_or_default()
    }

    /// Some columns of some rows, `[n_rows, n_cols]` of the ranges; empty if they are not there.
    pub fn cells(&self, rows: Range<usize>, cols: Range<usize>) -> Vec<f32> {
        if cols.end > self.n_cols || cols.start > cols.end {
            return Vec::new();
        }
        let rows = self.rows(rows);
        rows.chunks_exact(self.n_cols.max(1)).flat_map(|row| &row[cols.clone()]).copied().collect()
    }

    /// How its numbers are stored.
    pub fn stored_as(&self) -> &'static str {
        self.stored_as
    }
}

impl<'a, S: ByteSource> Matrices<'a, S> {
    /// Those of a checkpoint.
    ///
    /// # Errors
    /// An architecture or configuration that no model could be loaded from.
    pub fn of(checkpoint: &'a Checkpoint<S>) -> Result<Self, ModelError> {
        let entry = find_architecture(checkpoint)?;
        let blueprint = (entry.build)(&describe(checkpoint, entry)?)?;
        Ok(Self { checkpoint, blueprint, prefixes: entry.prefixes })
    }

    /// Names and shapes `[n_rows, n_cols]`, in the order of a forward pass; what follows from the
    /// configuration (tables of sines) comes last.
    pub fn list(&self) -> Vec<(&str, [usize; 2])> {
        let shape = |dims: &[usize]| <[usize; 2]>::try_from(dims).ok();
        let in_file = self.blueprint.rules.iter().map(|rule| (rule.name.as_str(), &rule.shape));
        let computed = self.blueprint.constants.iter().map(|(name, dims, _)| (*name, dims));
        in_file.chain(computed).filter_map(|(name, dims)| Some((name, shape(dims)?))).collect()
    }

    /// Reads one.
    ///
    /// # Errors
    /// A name that the model has no matrix of; the source's.
    pub async fn read(&self, name: &str) -> Result<Matrix, ModelError> {
        let refuse =
            || ModelError::input("weights", format!("this model has no matrix {}", shown(name)));
        if let Some((_, dims, values)) =
            self.blueprint.constants.iter().find(|(own, dims, _)| *own == name && dims.len() == 2)
        {
            return Ok(Matrix::of_values(dims, values));
        }
        let rule =
            self.blueprint.rules.iter().find(|rule| rule.name == name && rule.shape.len() == 2);
        let rule = rule.ok_or_else(refuse)?;
        let is_source = |full: &&str| without_prefix(full, self.prefixes) == rule.source;
        let names = self.checkpoint.tensors().iter().map(|tensor| tensor.name.as_str());
        let source = names.into_iter().find(is_source).ok_or_else(refuse)?;
        let entry = self.checkpoint.entry(source)?;
        let data = self.checkpoint.load(source).await?;
        let bytes = rule.apply(data.dtype, data.bytes).ok_or_else(refuse)?;
        if rule.by_distance.is_some() {
            let all = dequantise(entry.dtype, &bytes).ok_or_else(refuse)?;
            return Ok(Matrix::of_values(&rule.shape, &rule.spread(&all).ok_or_else(refuse)?));
        }
        let stored_as = entry.dtype.name();
        if data.dtype.is_quantised() && entry.dtype.engine_dtype().is_none() {
            // Marian's bytes: blocks with their factor are made as they are read.
            let mut values = vec![0.0; rule.shape.iter().product()];
            blocks::read(data.dtype, &bytes, &mut values);
            return Ok(Matrix { stored_as, ..Matrix::of_values(&rule.shape, &values) });
        }
        let (n_rows, n_cols) = (rule.shape[0], rule.shape[1]);
        Ok(Matrix { n_rows, n_cols, dtype: entry.dtype, stored_as, bytes })
    }
}
