//! Reading numbers and strings off a growing prefix of a file, each length checked first.

use super::source::{ByteSource, usize_from_u64};
use crate::error::{ModelError, shown};

/// The first piece of a file that is read.
const FIRST_READ: u64 = 1 << 20;

/// Reads a header whose length nobody knows: `parse` gets longer and longer beginnings of the
/// file, none above `limit`.
pub(super) async fn read_growing<T>(
    source: &impl ByteSource,
    limit: u64,
    parse: impl Fn(&[u8]) -> Result<T, Stop>,
) -> Result<T, ModelError> {
    let (file, file_bytes) = (source.name(), source.n_bytes());
    let mut prefix = Vec::new();
    let mut wanted = FIRST_READ.min(file_bytes);
    loop {
        let n_more = usize_from_u64(file, "header length", wanted - prefix.len() as u64)?;
        prefix.extend(source.read_at(prefix.len() as u64, n_more).await?);
        match parse(&prefix) {
            Ok(header) => return Ok(header),
            Err(Stop::Bad(err)) => return Err(err),
            Err(Stop::NeedMore(position)) if position > limit => {
                return Err(ModelError::Limit {
                    file: file.to_owned(),
                    field: "header length".to_owned(),
                    value: position,
                    limit,
                });
            }
            // Quadrupling bounds the work of starting over to a third of the last pass.
            Err(Stop::NeedMore(position)) => {
                wanted = position.max(prefix.len() as u64 * 4).min(file_bytes).min(limit);
            }
        }
    }
}

/// Why parsing stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file goes on, the prefix does not: at least so many bytes are needed.
    NeedMore(u64),
    /// The file is refused.
    Bad(ModelError),
}

impl Stop {
    /// The error where nothing more can be had than `bytes`.
    pub(super) fn of_whole(self, file: &str, bytes: &[u8]) -> ModelError {
        match self {
            Stop::Bad(err) => err,
            Stop::NeedMore(needed) => ModelError::Truncated {
                file: file.to_owned(),
                what: "the header".to_owned(),
                needed,
                available: bytes.len() as u64,
            },
        }
    }
}

impl From<ModelError> for Stop {
    fn from(err: ModelError) -> Self {
        Stop::Bad(err)
    }
}

/// A position in the first bytes of a file.
pub(super) struct Cursor<'a> {
    file: &'a str,
    prefix: &'a [u8],
    file_bytes: u64,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(file: &'a str, prefix: &'a [u8], file_bytes: u64) -> Self {
        Self { file, prefix, file_bytes, position: 0 }
    }

    pub(super) fn file(&self) -> &'a str {
        self.file
    }

    /// The file's first bytes, for telling what it is.
    pub(super) fn head(&self) -> &'a [u8] {
        &self.prefix[..self.prefix.len().min(super::sniff::SNIFF_BYTES)]
    }

    pub(super) fn position(&self) -> u64 {
        self.position as u64
    }

    /// Refuses a count whose smallest elements would not fit into the rest of the file.
    pub(super) fn check_left(
        &self,
        what: &str,
        n_elements: u64,
        element_bytes: u64,
    ) -> Result<(), Stop> {
        let left = self.file_bytes.saturating_sub(self.position());
        match n_elements.checked_mul(element_bytes) {
            Some(n_bytes) if n_bytes <= left => Ok(()),
            n_bytes => Err(Stop::Bad(ModelError::Truncated {
                file: self.file.to_owned(),
                what: what.to_owned(),
                needed: n_bytes.and_then(|n| n.checked_add(self.position())).unwrap_or(u64::MAX),
                available: self.file_bytes,
            })),
        }
    }

    /// The next `n_bytes` bytes.
    pub(super) fn take(&mut self, what: &str, n_bytes: u64) -> Result<&'a [u8], Stop> {
        self.check_left(what, n_bytes, 1)?;
        let end = self.position() + n_bytes;
        if end > self.prefix.len() as u64 {
            return Err(Stop::NeedMore(end));
        }
        // `end` is at most the length of a slice.
        let bytes = &self.prefix[self.position..end as usize];
        self.position = end as usize;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Stop> {
        let bytes = self.take(what, N as u64)?;
        let mut array = [0; N];
        array.copy_from_slice(bytes);
        Ok(array)
    }

    pub(super) fn u32(&mut self, what: &str) -> Result<u32, Stop> {
        self.array(what).map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self, what: &str) -> Result<u64, Stop> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// A 64-bit count, refused above `limit`.
    pub(super) fn count(&mut self, what: &str, limit: u64) -> Result<u64, Stop> {
        let value = self.u64(what)?;
        if value > limit {
            return Err(Stop::Bad(ModelError::Limit {
                file: self.file.to_owned(),
                field: what.to_owned(),
                value,
                limit,
            }));
        }
        Ok(value)
    }

    /// A length and so many bytes of UTF-8.
    pub(super) fn string(&mut self, what: &str, limit: u64) -> Result<String, Stop> {
        let n_bytes = self.count(what, limit)?;
        self.text(what, n_bytes)
    }

    /// `n_bytes` bytes of UTF-8.
    pub(super) fn text(&mut self, what: &str, n_bytes: u64) -> Result<String, Stop> {
        let bytes = self.take(what, n_bytes)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(Stop::Bad(ModelError::malformed(
                self.file,
                what,
                format!("is not UTF-8 text: {}", shown(&String::from_utf8_lossy(bytes))),
            ))),
        }
    }
}
