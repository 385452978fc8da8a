//! The hooks of one run as the page received them: the worker's safetensors attachment, read into
//! shared arrays.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;

/// A tensor of the trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its axes, outermost first.
    pub shape: Vec<usize>,
    /// Its values, row-major.
    pub values: Arc<[f32]>,
}

impl Tensor {
    /// `[n_rows, n_cols]` with all axes but the first flattened.
    pub fn rows(&self) -> (usize, usize) {
        let n_rows = self.shape.first().copied().unwrap_or(0);
        let n_cols = self.shape.iter().skip(1).product();
        (n_rows, n_cols)
    }

    /// One row of [`Tensor::rows`]; empty if there is none.
    pub fn row(&self, row: usize) -> &[f32] {
        let (n_rows, n_cols) = self.rows();
        if row < n_rows { &self.values[row * n_cols..(row + 1) * n_cols] } else { &[] }
    }
}

/// Hook → tensor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    tensors: HashMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    data_offsets: (usize, usize),
}

impl Trace {
    /// Reads a safetensors file whose tensors are all f32.
    ///
    /// # Errors
    /// A sentence that says what does not fit; the worker writes these files, so that is a defect
    /// and not the visitor's doing.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, String> {
        let (length, rest) = bytes.split_first_chunk::<8>().ok_or("the trace is cut off")?;
        let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|err| err.to_string())?;
        let (header, data) =
            rest.split_at_checked(length).ok_or("the trace's header is cut off")?;
        let entries: HashMap<String, serde_json::Value> =
            serde_json::from_slice(header).map_err(|err| format!("the trace's header: {err}"))?;
        let mut tensors = HashMap::with_capacity(entries.len());
        for (name, entry) in entries {
            if name == "__metadata__" {
                continue;
            }
            let Entry { dtype, shape, data_offsets: (start, end) } =
                serde_json::from_value(entry).map_err(|err| format!("{name}: {err}"))?;
            let n_values = shape.iter().try_fold(1_usize, |n, &axis| n.checked_mul(axis));
            let bytes = data.get(start..end).ok_or_else(|| format!("{name} is cut off"))?;
            if dtype != "F32" || n_values.and_then(|n| n.checked_mul(4)) != Some(bytes.len()) {
                return Err(format!("{name}: {dtype} {shape:?} in {} bytes", bytes.len()));
            }
            let values = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
            tensors.insert(name, Tensor { shape, values });
        }
        Ok(Self { tensors })
    }

    /// A hook's tensor, if it was wanted and is there.
    pub fn get(&self, hook: &str) -> Option<&Tensor> {
        self.tensors.get(hook)
    }

    /// A hook of a layer.
    pub fn layer(&self, layer: usize, hook: &str) -> Option<&Tensor> {
        self.tensors.get(&layer_hook(layer, hook))
    }

    /// Adds a tensor.
    pub fn insert(&mut self, hook: String, shape: Vec<usize>, values: Vec<f32>) {
        self.tensors.insert(hook, Tensor { shape, values: values.into() });
    }

    /// Whether nothing is there.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }
}

/// `blocks.3.attn.hook_pattern`.
pub fn layer_hook(layer: usize, hook: &str) -> String {
    format!("blocks.{layer}.{hook}")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn file(header: &str, data: &[f32]) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(data.iter().flat_map(|v| v.to_le_bytes()));
        bytes
    }

    #[test]
    fn tensors_are_read_by_name() {
        let header = r#"{"__metadata__":{"a":"b"},"blocks.0.ln1.hook_scale":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}"#;
        let trace = Trace::from_safetensors(&file(header, &[1.0, f32::NAN])).unwrap();
        let scale = trace.layer(0, "ln1.hook_scale").unwrap();
        assert_eq!(scale.rows(), (2, 1));
        assert_eq!(scale.row(0), [1.0]);
        assert!(scale.row(1)[0].is_nan());
        assert!(scale.row(2).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let entry = |shape: &str, end: usize| {
            let header =
                format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
            Trace::from_safetensors(&file(&header, &[1.0, 2.0]))
        };
        assert!(entry("[2]", 8).is_ok());
        assert!(entry("[3]", 8).is_err());
        assert!(entry("[2]", 12).is_err());
        assert!(entry("[4294967296,4294967296,4294967296]", 8).is_err());
        assert!(Trace::from_safetensors(&[0; 7]).is_err());
        assert!(Trace::from_safetensors(&u64::MAX.to_le_bytes()).is_err());
    }
}
