//! What a file is, by its first bytes, and what to do when it is not a checkpoint.

use crate::error::ModelError;

/// Bytes that [`sniff`] wants to see, where the file has them.
pub const SNIFF_BYTES: usize = 512;

/// Kinds of file that visitors hand over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// GGUF, little- or big-endian, any version.
    Gguf,
    /// safetensors.
    Safetensors,
    /// A binary model of Marian (Bergamot, Firefox).
    Marian,
    /// A JSON document.
    Json,
    /// No bytes at all.
    Empty,
    /// A Python pickle.
    Pickle,
    /// A zip archive written by `torch.save`.
    TorchZip,
    /// Any other zip archive.
    Zip,
    /// An ONNX model.
    Onnx,
    /// A Git LFS pointer instead of the file it stands for.
    LfsPointer,
    /// A web page, as error pages and captive portals send.
    Html,
    /// The formats that llama.cpp used before GGUF.
    OldGgml,
    /// HDF5, as Keras writes.
    Hdf5,
    /// A TensorFlow Lite model.
    TfLite,
    /// A gzip stream.
    Gzip,
    /// A NumPy array.
    Numpy,
    /// A tar archive.
    Tar,
    /// None of these.
    Unknown,
}

const CONVERT: &str = "Convert it to safetensors in Python (load it with transformers and call \
     save_pretrained), or take a repository that offers model.safetensors or a .gguf file";

impl FileKind {
    /// What it is, as the end of "this is …".
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            FileKind::Gguf => "a GGUF file",
            FileKind::Safetensors => "a safetensors file",
            FileKind::Marian => "a Marian model",
            FileKind::Json => "a JSON document",
            FileKind::Empty => "an empty file",
            FileKind::Pickle => "a Python pickle (an old PyTorch checkpoint)",
            FileKind::TorchZip => "a PyTorch checkpoint (a zip archive around a pickle)",
            FileKind::Zip => "a zip archive",
            FileKind::Onnx => "an ONNX model",
            FileKind::LfsPointer => "a Git LFS pointer, not the file that it stands for",
            FileKind::Html => "a web page, not a model",
            FileKind::OldGgml => "a GGML file from before GGUF",
            FileKind::Hdf5 => "an HDF5 file (Keras or TensorFlow weights)",
            FileKind::TfLite => "a TensorFlow Lite model",
            FileKind::Gzip => "a gzip archive",
            FileKind::Numpy => "a NumPy array file",
            FileKind::Tar => "a tar archive",
            FileKind::Unknown => "a file of a kind that is not recognised",
        }
    }

    /// What to do with it instead of opening it as weights.
    #[must_use]
    pub fn advice(self) -> &'static str {
        match self {
            FileKind::Gguf => "Open it by itself",
            FileKind::Safetensors => {
                "Open it together with the config.json and tokenizer.json of the same model. (A \
                 recorded run opens alone: its tensors are named like hooks, see docs/trace.md.)"
            }
            FileKind::Marian => {
                "Open it together with the tokenizer.json and the lex.…bin of the same model"
            }
            FileKind::Json => {
                "Open it together with the model.safetensors of the same model, or open a .gguf \
                 file"
            }
            FileKind::Empty => "The download or the copy failed: fetch the file again",
            FileKind::Pickle | FileKind::TorchZip => {
                "Pickles can run code when they are read, so they are not opened. Convert it to \
                 safetensors in Python (load it with transformers and call save_pretrained), or \
                 take a repository that offers model.safetensors or a .gguf file"
            }
            FileKind::Onnx => {
                "An ONNX graph does not say which of its tensors is which part of the \
                 architecture. Take the model's safetensors or GGUF file"
            }
            FileKind::LfsPointer => {
                "Run `git lfs pull` in the repository, or download the file itself"
            }
            FileKind::Html => {
                "The address led to a web page: a login, a network sign-in or an error. Check the \
                 connection and the address, then fetch the file again"
            }
            FileKind::OldGgml => "Take a GGUF version of the model",
            FileKind::Zip | FileKind::Gzip | FileKind::Tar => {
                "Unpack it first, then open the model files inside"
            }
            FileKind::Hdf5 | FileKind::TfLite | FileKind::Numpy => CONVERT,
            FileKind::Unknown => {
                "Open a .gguf file, or config.json, model.safetensors and tokenizer.json together"
            }
        }
    }

    /// The refusal of a file of this kind.
    #[must_use]
    pub fn refusal(self, file: &str) -> ModelError {
        ModelError::WrongKind {
            file: file.to_owned(),
            found: self.description().to_owned(),
            advice: self.advice().to_owned(),
        }
    }
}

/// The kind of a file whose first [`SNIFF_BYTES`] bytes (or all of them) are `head`.
#[must_use]
pub fn sniff(head: &[u8]) -> FileKind {
    if head.is_empty() {
        return FileKind::Empty;
    }
    // A header of safetensors is longer than one byte.
    if super::marian::is_marian(head) {
        return FileKind::Marian;
    }
    // First of the others, because a header length can look like any short magic.
    if is_safetensors(head) {
        return FileKind::Safetensors;
    }
    const MAGICS: [(&[u8], FileKind); 14] = [
        (b"GGUF", FileKind::Gguf),
        (b"FUGG", FileKind::Gguf),
        (b"lmgg", FileKind::OldGgml),
        (b"tjgg", FileKind::OldGgml),
        (b"fmgg", FileKind::OldGgml),
        (b"algg", FileKind::OldGgml),
        (b"ggml", FileKind::OldGgml),
        (b"ggjt", FileKind::OldGgml),
        (b"ggla", FileKind::OldGgml),
        (b"version https://git-lfs", FileKind::LfsPointer),
        (b"version https://hawser", FileKind::LfsPointer),
        (b"\x89HDF\r\n\x1a\n", FileKind::Hdf5),
        (b"\x1f\x8b", FileKind::Gzip),
        (b"\x93NUMPY", FileKind::Numpy),
    ];
    if let Some((_, kind)) = MAGICS.iter().find(|(magic, _)| head.starts_with(magic)) {
        return *kind;
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        // torch.save puts `<archive>/data.pkl` first.
        let is_torch = contains(head, b"/data.pkl") || contains(head, b"/.format_version");
        return if is_torch { FileKind::TorchZip } else { FileKind::Zip };
    }
    if head.get(4..8) == Some(b"TFL3") {
        return FileKind::TfLite;
    }
    if head.get(257..262) == Some(b"ustar") {
        return FileKind::Tar;
    }
    let text = trim_start(head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head));
    if is_markup(text) {
        return FileKind::Html;
    }
    if text.starts_with(b"{") || text.starts_with(b"[") {
        return FileKind::Json;
    }
    if head[0] == 0x80 && head.get(1).is_some_and(|protocol| (2..=5).contains(protocol)) {
        return FileKind::Pickle;
    }
    // Protobuf: field 1 (ir_version), then a length-delimited field of the ModelProto.
    if head[0] == 0x08
        && head.get(1).is_some_and(|version| (1..=32).contains(version))
        && head.get(2).is_some_and(|tag| [0x12, 0x1a, 0x22, 0x32, 0x3a, 0x42].contains(tag))
    {
        return FileKind::Onnx;
    }
    FileKind::Unknown
}

/// A header length that is possible, then the header's opening brace.
fn is_safetensors(head: &[u8]) -> bool {
    let Some((length, rest)) = head.split_first_chunk::<8>() else { return false };
    rest.first() == Some(&b'{') && u64::from_le_bytes(*length) <= super::safetensors::MAX_HEADER
}

fn is_markup(text: &[u8]) -> bool {
    const OPENINGS: [&[u8]; 6] = [b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<!--"];
    OPENINGS
        .iter()
        .any(|tag| text.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag)))
}

fn trim_start(bytes: &[u8]) -> &[u8] {
    let n_spaces = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    &bytes[n_spaces..]
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_magic() {
        let cases: [(&[u8], FileKind); 21] = [
            (b"", FileKind::Empty),
            (b"GGUF\x03\0\0\0", FileKind::Gguf),
            (b"\x10\0\0\0\0\0\0\0{\"a\":{}}", FileKind::Safetensors),
            (b"{\"model_type\": \"gpt2\"}", FileKind::Json),
            (b"\x1f\x8b\0\0\0\0\0\0{\"a\":{}}", FileKind::Safetensors),
            (b"  [1]", FileKind::Json),
            (b"\xef\xbb\xbf{}", FileKind::Json),
            (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.", FileKind::Pickle),
            (b"\x80\x04\x95", FileKind::Pickle),
            (b"PK\x03\x04\0\0\0\0archive/data.pkl", FileKind::TorchZip),
            (b"PK\x03\x04\0\0\0\0word/document.xml", FileKind::Zip),
            (b"\x08\x07\x12\x07pytorch", FileKind::Onnx),
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:", FileKind::LfsPointer),
            (b"\n <!DOCTYPE html><html>", FileKind::Html),
            (b"<HTML lang=en>", FileKind::Html),
            (b"tjgg\x01", FileKind::OldGgml),
            (b"\x89HDF\r\n\x1a\n\0", FileKind::Hdf5),
            (b"\x1c\0\0\0TFL3", FileKind::TfLite),
            (b"\x1f\x8b\x08", FileKind::Gzip),
            (b"\x93NUMPY\x01", FileKind::Numpy),
            (b"hello", FileKind::Unknown),
        ];
        for (head, kind) in cases {
            assert_eq!(sniff(head), kind, "{head:?}");
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let message = FileKind::TorchZip.refusal("pytorch_model.bin").to_string();
        assert!(message.contains("pytorch_model.bin") && message.contains("safetensors"));
    }
}
