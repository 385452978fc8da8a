//! Where bytes come from: memory, a file, and in the page a Blob or an HTTP range.
//!
//! Futures carry no `Send` bound, because the page's sources live on one thread.

use crate::error::ModelError;

/// Random access to the bytes of one file.
#[expect(async_fn_in_trait, reason = "sources are used through generics, on one thread")]
pub trait ByteSource {
    /// The file's name as the visitor knows it, without folders.
    fn name(&self) -> &str;

    /// The file's length in bytes.
    fn n_bytes(&self) -> u64;

    /// Exactly `n_bytes` bytes from `offset`; an error where the file has fewer.
    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError>;
}

impl<S: ByteSource> ByteSource for &S {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn n_bytes(&self) -> u64 {
        (**self).n_bytes()
    }

    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError> {
        (**self).read_at(offset, n_bytes).await
    }
}

/// Checks a range against the file's length and reserves the buffer for it, so that neither a
/// short file nor a large tensor ends in an abort.
pub fn buffer_for(
    source: &impl ByteSource,
    offset: u64,
    n_bytes: usize,
) -> Result<Vec<u8>, ModelError> {
    let end = offset.checked_add(n_bytes as u64);
    if end.is_none_or(|end| end > source.n_bytes()) {
        return Err(ModelError::Truncated {
            file: source.name().to_owned(),
            what: format!("a read of {n_bytes} bytes at {offset}"),
            needed: end.unwrap_or(u64::MAX),
            available: source.n_bytes(),
        });
    }
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(n_bytes).map_err(|_| ModelError::Memory {
        file: source.name().to_owned(),
        what: "a tensor".to_owned(),
        needed: n_bytes as u64,
    })?;
    Ok(buffer)
}

/// A whole small file as bytes, refused above `limit`.
pub async fn read_all(source: &impl ByteSource, limit: u64) -> Result<Vec<u8>, ModelError> {
    let n_bytes = source.n_bytes();
    if n_bytes > limit {
        return Err(ModelError::Limit {
            file: source.name().to_owned(),
            field: "length in bytes".to_owned(),
            value: n_bytes,
            limit,
        });
    }
    source.read_at(0, usize_from_u64(source.name(), "length in bytes", n_bytes)?).await
}

/// The platform's index type from a file's number, refused where it does not fit (wasm is
/// 32-bit).
pub fn usize_from_u64(file: &str, field: &str, value: u64) -> Result<usize, ModelError> {
    usize::try_from(value).map_err(|_| ModelError::Limit {
        file: file.to_owned(),
        field: field.to_owned(),
        value,
        limit: usize::MAX as u64,
    })
}

/// Bytes already in memory.
#[derive(Debug, Clone)]
pub struct MemorySource {
    name: String,
    bytes: std::sync::Arc<[u8]>,
}

impl MemorySource {
    /// A source over `bytes`, known as `name`.
    pub fn new(name: impl Into<String>, bytes: impl Into<std::sync::Arc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn n_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError> {
        let mut buffer = buffer_for(self, offset, n_bytes)?;
        let start = usize_from_u64(&self.name, "offset", offset)?;
        buffer.extend_from_slice(&self.bytes[start..start + n_bytes]);
        Ok(buffer)
    }
}

/// A file on disk.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug)]
pub struct FileSource {
    name: String,
    n_bytes: u64,
    file: std::sync::Mutex<std::fs::File>,
}

#[cfg(not(target_arch = "wasm32"))]
impl FileSource {
    /// Opens the file at `path`.
    pub fn open(path: &std::path::Path) -> Result<Self, ModelError> {
        let io_error = |err: std::io::Error| ModelError::Io {
            file: path.display().to_string(),
            problem: err.to_string(),
        };
        let file = std::fs::File::open(path).map_err(io_error)?;
        let n_bytes = file.metadata().map_err(io_error)?.len();
        let name = path
            .file_name()
            .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Ok(Self { name, n_bytes, file: std::sync::Mutex::new(file) })
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl ByteSource for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    async fn read_at(&self, offset: u64, n_bytes: usize) -> Result<Vec<u8>, ModelError> {
        use std::io::{Read, Seek, SeekFrom};
        let mut buffer = buffer_for(self, offset, n_bytes)?;
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let io_error = |err: std::io::Error| ModelError::Io {
            file: self.name.clone(),
            problem: err.to_string(),
        };
        file.seek(SeekFrom::Start(offset)).map_err(io_error)?;
        let n_read =
            (&mut *file).take(n_bytes as u64).read_to_end(&mut buffer).map_err(io_error)?;
        if n_read == n_bytes {
            Ok(buffer)
        } else {
            Err(ModelError::Truncated {
                file: self.name.clone(),
                what: format!("a read of {n_bytes} bytes at {offset}"),
                needed: offset + n_bytes as u64,
                available: offset + n_read as u64,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pollster::block_on;

    #[test]
    fn ranges_are_checked() {
        let source = MemorySource::new("x", vec![1u8, 2, 3]);
        assert_eq!(block_on(source.read_at(1, 2)).unwrap(), [2, 3]);
        assert!(matches!(block_on(source.read_at(2, 2)), Err(ModelError::Truncated { .. })));
        assert!(matches!(block_on(source.read_at(u64::MAX, 2)), Err(ModelError::Truncated { .. })));
        assert!(matches!(block_on(read_all(&source, 2)), Err(ModelError::Limit { .. })));
    }

    #[test]
    fn files_read_at_any_position() {
        let path = std::env::temp_dir().join(format!("vitrine-source-{}", std::process::id()));
        std::fs::write(&path, b"hello world").unwrap();
        let source = FileSource::open(&path).unwrap();
        assert_eq!(block_on(source.read_at(6, 5)).unwrap(), b"world");
        assert_eq!(block_on(source.read_at(0, 5)).unwrap(), b"hello");
        assert!(block_on(source.read_at(6, 6)).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(FileSource::open(&path), Err(ModelError::Io { .. })));
    }
}
