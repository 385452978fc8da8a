//! The hooks of one run as the page received them: the worker's safetensors attachment, read into
//! shared arrays.

use std::collections::HashMap;
use std::sync::Arc;

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
        let mut header =
            Header { rest: std::str::from_utf8(header).map_err(|err| err.to_string())? };
        let entries = header.entries().ok_or_else(|| {
            format!("the trace's header, {} bytes from its end", header.rest.len())
        })?;
        let mut tensors = HashMap::with_capacity(entries.len());
        for Entry { name, dtype, shape, start, end } in entries {
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

    /// The tensors that get a new name, by it.
    pub fn renamed(&self, name: impl Fn(&str) -> Option<String>) -> Self {
        let renamed = |(hook, tensor): (&String, &Tensor)| Some((name(hook)?, tensor.clone()));
        Self { tensors: self.tensors.iter().filter_map(renamed).collect() }
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

/// What the header says of a tensor.
#[derive(Debug, Default, PartialEq)]
struct Entry {
    name: String,
    dtype: String,
    shape: Vec<usize>,
    start: usize,
    end: usize,
}

/// Reads a safetensors header: JSON of one known form, whose names the worker wrote.
struct Header<'a> {
    rest: &'a str,
}

impl Header<'_> {
    fn entries(&mut self) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        self.members(|header, name| {
            if name == "__metadata__" {
                return header.members(|header, _| header.string().map(drop));
            }
            let mut entry = Entry { name, ..Entry::default() };
            header.members(|header, field| {
                match field.as_str() {
                    "dtype" => entry.dtype = header.string()?,
                    "shape" => entry.shape = header.numbers()?,
                    "data_offsets" => {
                        [entry.start, entry.end] = header.numbers()?.try_into().ok()?;
                    }
                    _ => return None,
                }
                Some(())
            })?;
            entries.push(entry);
            Some(())
        })?;
        self.rest.trim_end().is_empty().then_some(entries)
    }

    /// `{"name": …, …}`.
    fn members(&mut self, mut member: impl FnMut(&mut Self, String) -> Option<()>) -> Option<()> {
        self.list('{', '}', &mut |header| {
            let name = header.string()?;
            header.sign(':')?;
            member(header, name)
        })
    }

    fn numbers(&mut self) -> Option<Vec<usize>> {
        let mut numbers = Vec::new();
        self.list('[', ']', &mut |header| {
            let rest = header.rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            numbers.push(rest[..end].parse().ok()?);
            header.rest = &rest[end..];
            Some(())
        })?;
        Some(numbers)
    }

    fn list(
        &mut self,
        open: char,
        close: char,
        item: &mut dyn FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.sign(open)?;
        if self.sign(close).is_some() {
            return Some(());
        }
        loop {
            item(self)?;
            if self.sign(',').is_none() {
                return self.sign(close);
            }
        }
    }

    /// A string; hooks have no names that would need an escape.
    fn string(&mut self) -> Option<String> {
        self.sign('"')?;
        let (text, rest) = self.rest.split_once('"')?;
        self.rest = rest;
        (!text.contains('\\')).then(|| text.to_owned())
    }

    fn sign(&mut self, sign: char) -> Option<()> {
        self.rest = self.rest.trim_start().strip_prefix(sign)?;
        Some(())
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
        let of = |header: &str| Trace::from_safetensors(&file(header, &[1.0]));
        assert!(of("{}").is_ok() && of(" { } ").is_ok());
        for header in ["", "{", "{}}", "[]", r#"{"x":1}"#, r#"{"x":{"dtype":"F32","shape":[1]"#] {
            assert!(of(header).is_err(), "{header}");
        }
        assert!(Trace::from_safetensors(&[0; 7]).is_err());
        assert!(Trace::from_safetensors(&u64::MAX.to_le_bytes()).is_err());
    }
}
