//! A `Blob` (a file of the visitor's disk, a finished download, an entry of the cache) as a
//! source of bytes. The browser keeps a Blob outside this module's memory, often on disk.

use js_sys::Uint8Array;
use vitrine_models::error::ModelError;
use vitrine_models::weights::ByteSource;
use vitrine_models::weights::source::buffer_for;
use wasm_bindgen::JsCast;
use web_sys::Blob;

use super::js;

/// A named Blob.
#[derive(Clone, Debug)]
pub(super) struct BlobSource {
    name: String,
    blob: Blob,
}

impl BlobSource {
    /// A source over `blob`, known as `name`.
    pub fn new(name: impl Into<String>, blob: Blob) -> Self {
        Self { name: name.into(), blob }
    }
}

impl ByteSource for BlobSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn n_bytes(&self) -> u64 {
        self.blob.size() as u64
    }

    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError> {
        let mut bytes = buffer_for(self, offset, n_bytes)?;
        let io_error = |thrown: wasm_bindgen::JsValue| ModelError::Io {
            file: self.name.clone(),
            problem: format!(
                "{} (was the file moved or changed since it was chosen?)",
                js::words(&thrown)
            ),
        };
        let slice = self
            .blob
            .slice_with_f64_and_f64(offset as f64, (offset + n_bytes as u64) as f64)
            .map_err(io_error)?;
        let buffer = slice.array_buffer().await.map_err(io_error)?;
        let array = Uint8Array::new(buffer.unchecked_ref());
        if array.length() as usize != n_bytes {
            return Err(ModelError::Truncated {
                file: self.name.clone(),
                what: format!("a read of {n_bytes} bytes at {offset}"),
                needed: offset + n_bytes as u64,
                available: offset + u64::from(array.length()),
            });
        }
        bytes.resize(n_bytes, 0);
        array.copy_to(&mut bytes);
        Ok(bytes)
    }
}
