//! What a run left behind: hooks with shapes and values, read and written as safetensors.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::ModelError;
use crate::hook::HookPoint;
use crate::weights::safetensors::{self, TensorView};
use crate::weights::{FileDType, dequantise};

/// Values of hooks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    tensors: Vec<TraceTensor>,
}

/// One hook's values.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceTensor {
    /// Which hook.
    pub point: HookPoint,
    /// Which head, if it was read alone.
    pub head: Option<usize>,
    /// Without the batch dimension.
    pub shape: Vec<usize>,
    /// Row-major.
    pub values: Arc<[f32]>,
}

impl TraceTensor {
    /// The name in a file: the hook's, and `[head]` behind it if one was read alone.
    pub fn name(&self) -> String {
        match self.head {
            Some(head) => format!("{}[{head}]", self.point),
            None => self.point.to_string(),
        }
    }
}

impl Trace {
    /// A trace of these tensors.
    pub fn new(tensors: Vec<TraceTensor>) -> Self {
        Self { tensors }
    }

    /// The tensors, in the order in which they were asked for.
    pub fn tensors(&self) -> &[TraceTensor] {
        &self.tensors
    }

    /// All of a hook.
    pub fn get(&self, point: HookPoint) -> Option<&TraceTensor> {
        self.tensors.iter().find(|tensor| tensor.point == point && tensor.head.is_none())
    }

    /// The tensors of another trace behind these.
    pub fn extend(&mut self, other: Self) {
        self.tensors.extend(other.tensors);
    }

    /// A file that Python's safetensors opens, with `metadata` in its header.
    ///
    /// # Errors
    /// If a hook is there twice.
    pub fn to_safetensors(
        &self,
        metadata: &BTreeMap<String, String>,
    ) -> Result<Vec<u8>, ModelError> {
        let names: Vec<_> = self.tensors.iter().map(TraceTensor::name).collect();
        let views: Vec<_> = names
            .iter()
            .zip(&self.tensors)
            .map(|(name, tensor)| TensorView {
                name,
                dtype: FileDType::F32,
                shape: &tensor.shape,
                bytes: bytemuck::cast_slice(&tensor.values),
            })
            .collect();
        let mut file = Vec::new();
        safetensors::write(&mut file, &views, metadata)
            .map_err(|err| ModelError::Io { file: "trace".to_owned(), problem: err.to_string() })?;
        Ok(file)
    }

    /// Reads a file, this crate's or one made in Python. Names that are no hooks come back beside
    /// the trace; shapes come as they are.
    ///
    /// # Errors
    /// If the file is damaged or a hook is stored in another type than f32, f16 or bf16.
    pub fn from_safetensors(file: &str, bytes: &[u8]) -> Result<(Self, Vec<String>), ModelError> {
        let n_bytes = bytes.len() as u64;
        let n_header = safetensors::header_length(file, &bytes[..bytes.len().min(8)], n_bytes)?;
        // header_length has checked that the header lies within the file.
        let header = &bytes[8..8 + n_header as usize];
        let header = safetensors::parse_header(file, header, n_bytes)?;
        let (mut tensors, mut others) = (Vec::new(), Vec::new());
        for entry in header.tensors {
            let Some((point, head)) = parse_name(&entry.name) else {
                others.push(entry.name);
                continue;
            };
            let data = &bytes[entry.offset as usize..][..entry.n_bytes as usize];
            let values =
                dequantise(entry.dtype, data).ok_or_else(|| ModelError::UnsupportedType {
                    file: file.to_owned(),
                    tensor: entry.name.clone(),
                    dtype: entry.dtype.name().to_owned(),
                    supported: "F32, F16, BF16".to_owned(),
                })?;
            tensors.push(TraceTensor { point, head, shape: entry.shape, values: values.into() });
        }
        Ok((Self { tensors }, others))
    }
}

fn parse_name(name: &str) -> Option<(HookPoint, Option<usize>)> {
    match name.strip_suffix(']').and_then(|name| name.rsplit_once('[')) {
        Some((name, head)) => Some((HookPoint::parse(name)?, Some(head.parse().ok()?))),
        None => Some((HookPoint::parse(name)?, None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::Hook;

    #[test]
    fn a_trace_survives_its_file() {
        let tensor = |hook, head, shape: &[usize]| TraceTensor {
            point: HookPoint::layer(hook, 2),
            head,
            shape: shape.to_vec(),
            values: (0..shape.iter().product::<usize>()).map(|i| i as f32 / 3.0).collect(),
        };
        let trace = Trace::new(vec![
            tensor(Hook::Pattern, None, &[2, 3, 3]),
            tensor(Hook::Pattern, Some(1), &[3, 3]),
            tensor(Hook::Norm1Scale, None, &[3, 1]),
        ]);
        let metadata = BTreeMap::from([("tokens".to_owned(), "[1,2,3]".to_owned())]);
        let file = trace.to_safetensors(&metadata).unwrap();
        let oracle = ::safetensors::SafeTensors::deserialize(&file).unwrap();
        assert_eq!(oracle.tensor("blocks.2.attn.hook_pattern").unwrap().shape(), [2, 3, 3]);
        assert_eq!(Trace::from_safetensors("t", &file).unwrap(), (trace, Vec::new()));
        assert!(Trace::from_safetensors("t", &file[..file.len() - 1]).is_err());
        assert!(Trace::from_safetensors("t", &file[..4]).is_err());
    }
}
