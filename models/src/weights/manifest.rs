//! Pinned files: length and sha256 known beforehand, refused when they differ.
//!
//! The hash is computed in Rust rather than by the browser, because `crypto.subtle` is missing
//! on plain-http addresses.

use super::json;
use super::source::{ByteSource, usize_from_u64};
use crate::error::{ModelError, shown};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Bytes hashed between two reports of progress.
const CHUNK: u64 = 4 << 20;

/// The models that a build or a site offers, in the order in which they are listed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manifest {
    /// The models.
    pub models: Vec<ManifestModel>,
}

/// One model of a [`Manifest`]; what only the fetching needs is left out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ManifestModel {
    /// The folder's name, and the name in links.
    pub name: String,
    /// The name on screen.
    pub title: String,
    /// An SPDX expression.
    pub licence: String,
    /// The address where the model is described.
    pub origin: String,
    /// What it consists of.
    pub files: Vec<PinnedFile>,
}

/// A file with the length and the hash that it must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PinnedFile {
    /// The file's path in the model's folder.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// Its sha256 as 64 lower-case hexadecimal digits.
    pub sha256: String,
}

impl Manifest {
    /// Parses a manifest; paths that leave the model's folder are refused.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Manifest, ModelError> {
        let value = json::parse(file, bytes)?;
        let manifest: Manifest = serde_json::from_value(value)
            .map_err(|err| ModelError::malformed(file, "manifest", err.to_string()))?;
        for model in &manifest.models {
            check_path(file, &model.name)?;
            for pinned in &model.files {
                check_path(file, &pinned.path)?;
                let is_hash = pinned.sha256.len() == 64
                    && pinned.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                if !is_hash {
                    let problem = format!("{} is not a sha256", shown(&pinned.sha256));
                    return Err(ModelError::malformed(file, shown(&pinned.path), problem));
                }
            }
        }
        Ok(manifest)
    }
}

fn check_path(file: &str, path: &str) -> Result<(), ModelError> {
    let is_plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', ':', '?', '#', '%'])
    };
    if path.split('/').all(is_plain) {
        return Ok(());
    }
    Err(ModelError::malformed(file, shown(path), "is not a path inside the model's folder"))
}

/// The sha256 of a file in hexadecimal; `progress` is told the bytes done so far.
pub async fn sha256_hex(
    source: &impl ByteSource,
    mut progress: impl FnMut(u64),
) -> Result<String, ModelError> {
    let mut hasher = Sha256::new();
    let mut position = 0;
    while position < source.n_bytes() {
        let n_bytes = CHUNK.min(source.n_bytes() - position);
        let chunk = usize_from_u64(source.name(), "chunk", n_bytes)?;
        hasher.update(source.read_at(position, chunk).await?);
        position += n_bytes;
        progress(position);
    }
    Ok(hex(&hasher.finalize()))
}

/// Fails where the file is not the pinned one.
pub async fn verify(
    source: &impl ByteSource,
    pinned: &PinnedFile,
    progress: impl FnMut(u64),
) -> Result<(), ModelError> {
    if source.n_bytes() != pinned.size {
        return Err(ModelError::malformed(
            source.name(),
            "length",
            format!("is {} bytes, expected {}", source.n_bytes(), pinned.size),
        ));
    }
    let found = sha256_hex(source, progress).await?;
    if found == pinned.sha256 {
        return Ok(());
    }
    Err(ModelError::HashMismatch {
        file: source.name().to_owned(),
        found,
        expected: pinned.sha256.clone(),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

#[cfg(test)]
mod tests {
    use super::super::source::MemorySource;
    use super::*;
    use pollster::block_on;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn known_hash_and_mismatch() {
        let source = MemorySource::new("abc.bin", b"abc".to_vec());
        let mut done = 0;
        assert_eq!(block_on(sha256_hex(&source, |n| done = n)).unwrap(), ABC);
        assert_eq!(done, 3);
        let mut pinned = PinnedFile { path: "abc.bin".into(), size: 3, sha256: ABC.into() };
        assert_eq!(block_on(verify(&source, &pinned, |_| ())), Ok(()));
        pinned.sha256 = ABC.replace('b', "c");
        let err = block_on(verify(&source, &pinned, |_| ())).unwrap_err();
        assert!(matches!(err, ModelError::HashMismatch { .. }));
        pinned.size = 4;
        assert!(block_on(verify(&source, &pinned, |_| ())).unwrap_err().to_string().contains("4"));
    }

    #[test]
    fn the_manifest_of_this_repository() {
        let bytes = include_bytes!("../../../assets/models/manifest.json");
        let manifest = Manifest::parse("manifest.json", bytes).unwrap();
        assert!(manifest.models.iter().all(|model| !model.files.is_empty()));
        assert!(manifest.models.len() >= 2);
    }

    #[test]
    fn manifests_are_checked() {
        let text = |path: &str, hash: &str| {
            format!(
                r#"{{"models":[{{"name":"m","title":"M","licence":"MIT","origin":"o",
                "files":[{{"path":"{path}","size":3,"sha256":"{hash}"}}]}}]}}"#
            )
        };
        assert!(Manifest::parse("m.json", text("a/b.gguf", ABC).as_bytes()).is_ok());
        for path in ["../b", "/b", "a//b", "a/./b", "", "a\\\\b", "https://x"] {
            assert!(Manifest::parse("m.json", text(path, ABC).as_bytes()).is_err(), "{path}");
        }
        assert!(Manifest::parse("m.json", text("a", &ABC.to_uppercase()).as_bytes()).is_err());
    }
}
