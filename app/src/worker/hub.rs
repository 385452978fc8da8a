//! The Hugging Face hub: names, addresses, what a repository holds and what of it is needed.
//! Pure: the requests are those of [`super::fetch`].
//!
//! No other address is ever asked, and this one only when the visitor asks for one of its models.

use serde_json::Value;
use vitrine_models::weights::json;

use super::http::{Origin, Wanted, megabytes};
use crate::protocol::Fault;

/// The hub itself.
pub(super) const HUB: &str = "https://huggingface.co";

/// The storage types that the engine takes, as GGUF file names speak of them.
const GGUF_TYPES: &str = "Q4_0, Q4_1, Q4_K, IQ4_NL, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0, BF16, F16, F32";
/// Beginnings of those that it does not.
const OTHER_GGUF_TYPES: &[&str] = &["IQ1", "IQ2", "IQ3", "IQ4_XS", "TQ", "MXFP", "Q1", "Q2", "Q3"];
/// Files beside the weights that say how to use them.
const SIDE_FILES: &[&str] = &[
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "generation_config.json",
    "chat_template.jinja",
    "1_Pooling/config.json",
];
/// The index of sharded weights.
const INDEX: &str = "model.safetensors.index.json";
/// The weights where they are one file.
const WEIGHTS: &str = "model.safetensors";

/// A repository as the visitor named it, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repo {
    /// `owner/name`, or `name` for the oldest ones.
    pub name: String,
    /// Branch, tag or commit.
    pub revision: String,
}

impl Repo {
    /// Checks what may come from an address bar.
    pub fn checked(name: &str, revision: &str) -> Result<Self, Fault> {
        let name = name.trim().trim_end_matches('/');
        let name = name.strip_prefix("https://huggingface.co/").unwrap_or(name).to_owned();
        let revision = match revision.trim() {
            "" => "main",
            revision => revision,
        };
        let repo = Self { name, revision: revision.to_owned() };
        let parts: Vec<&str> = repo.name.split('/').collect();
        if parts.len() > 2 || !parts.iter().all(|part| is_plain(part)) {
            return Err(repo.wanted("a model").fault(
                "this is no name of a repository",
                "Names look like owner/name: letters, digits, dots, dashes, underscores.",
            ));
        }
        if repo.revision.len() > 200 || !repo.revision.split('/').all(is_plain) {
            return Err(repo.wanted("a model").fault(
                "this is no name of a branch, tag or commit",
                "Leave the revision empty for the newest version.",
            ));
        }
        Ok(repo)
    }

    /// A file of it, for messages.
    pub fn wanted(&self, file: &str) -> Wanted {
        let clip = |text: &str| text.chars().take(80).collect::<String>();
        let origin = Origin::Hub { repo: clip(&self.name), revision: clip(&self.revision) };
        Wanted { file: clip(file), origin }
    }

    /// Where the hub tells what the repository holds.
    pub fn listing_url(&self, base: &str) -> String {
        let revision = encoded(&self.revision, false);
        format!("{base}/api/models/{}/revision/{revision}?blobs=true", self.name)
    }

    /// Where a file is.
    pub fn file_url(&self, base: &str, commit: &str, path: &str) -> String {
        format!("{base}/{}/resolve/{}/{}", self.name, encoded(commit, false), encoded(path, true))
    }

    /// The cache's name of a file: commits never change.
    pub fn cache_key(&self, commit: &str, path: &str) -> String {
        format!("hub/{}@{}/{}", self.name, encoded(commit, false), encoded(path, true))
    }
}

/// A name's part: neither empty nor a way out of its folder.
fn is_plain(part: &str) -> bool {
    let is_word = |char: char| char.is_ascii_alphanumeric() || "._-".contains(char);
    !part.is_empty() && part.len() <= 96 && !part.starts_with('.') && part.chars().all(is_word)
}

/// Percent-encoding of all but unreserved characters (and slashes, where they separate).
pub(super) fn encoded(text: &str, keep_slashes: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if plain || keep_slashes && byte == b'/' {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// What a repository holds.
#[derive(Debug)]
pub(super) struct Listing {
    /// The commit that the revision stands for.
    pub commit: String,
    licence: Option<String>,
    siblings: Vec<Sibling>,
}

#[derive(Debug)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Debug)]
struct Lfs {
    sha256: String,
    size: u64,
}

impl Sibling {
    fn from_json(value: &Value) -> Option<Self> {
        let lfs = match value.get("lfs") {
            None | Some(Value::Null) => None,
            Some(lfs) => Some(Lfs {
                sha256: lfs.get("sha256")?.as_str()?.to_owned(),
                size: lfs.get("size")?.as_u64()?,
            }),
        };
        let rfilename = value.get("rfilename")?.as_str()?.to_owned();
        Some(Self { rfilename, size: value.get("size").and_then(Value::as_u64), lfs })
    }
}

/// A file to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HubFile {
    /// Path in the repository.
    pub path: String,
    /// Its length, if the hub tells.
    pub n_bytes: Option<u64>,
    /// Its hash, for files that the hub stores apart (LFS): all weights.
    pub sha256: Option<String>,
}

impl Listing {
    /// Reads the hub's answer.
    pub fn parse(repo: &Repo, bytes: &[u8]) -> Result<Self, Fault> {
        let odd = |problem: String| {
            repo.wanted("the list of files").fault(
                format!("the hub's answer is not understood ({problem})"),
                "Try again later, or download the files and open them from your disk.",
            )
        };
        let listing = json::parse_object("the list", bytes).map_err(|err| odd(err.to_string()))?;
        // The commit becomes part of addresses.
        let commit = listing.get("sha").and_then(Value::as_str).filter(|commit| is_plain(commit));
        let commit = commit.ok_or_else(|| odd("its commit is no hash".to_owned()))?.to_owned();
        let tags = listing.get("tags").and_then(Value::as_array).into_iter().flatten();
        let licence = tags.filter_map(Value::as_str).find_map(|tag| tag.strip_prefix("license:"));
        let files = listing.get("siblings").and_then(Value::as_array);
        let mut siblings = Vec::new();
        for file in files.ok_or_else(|| odd("it lists no files".to_owned()))? {
            let sibling = Sibling::from_json(file);
            siblings.push(sibling.ok_or_else(|| odd("a file has no name or no size".to_owned()))?);
        }
        Ok(Self { commit, licence: licence.map(ToOwned::to_owned), siblings })
    }

    /// SPDX expression or the hub's name of the licence.
    pub fn licence(&self) -> Option<String> {
        self.licence.clone()
    }

    /// The files needed: those of the one asked for, else the safetensors, else the smallest
    /// GGUF that the engine takes.
    pub fn choose(&self, repo: &Repo, file: &str) -> Result<Vec<HubFile>, Fault> {
        let file = file.trim();
        if !file.is_empty() {
            return self.choose_named(repo, file);
        }
        if self.has("config.json") && (self.has(WEIGHTS) || self.has(INDEX)) {
            return self.safetensors(repo, WEIGHTS);
        }
        self.smallest_gguf(repo)
    }

    fn choose_named(&self, repo: &Repo, file: &str) -> Result<Vec<HubFile>, Fault> {
        let Some(found) = self.file(file) else {
            let offers = self.weight_files();
            let advice = match offers.is_empty() {
                true => "The repository has neither safetensors nor GGUF files.".to_owned(),
                false => format!("It has {}.", offers.join(", ")),
            };
            return Err(repo.wanted(file).fault("there is no such file", advice));
        };
        if file.ends_with(".safetensors") {
            return self.safetensors(repo, file);
        }
        // Anything but a GGUF is refused by the reader, by what it is.
        Ok(vec![found])
    }

    fn safetensors(&self, repo: &Repo, weights: &str) -> Result<Vec<HubFile>, Fault> {
        for needed in ["config.json", "tokenizer.json"] {
            if !self.has(needed) {
                return Err(repo.wanted(needed).fault(
                    "the repository has none",
                    "Take a repository that has it (the original one rather than a copy), or a \
                     GGUF version of the model.",
                ));
            }
        }
        let is_needed = |path: &str| {
            SIDE_FILES.contains(&path)
                || if weights == WEIGHTS && !self.has(WEIGHTS) {
                    path == INDEX || is_shard(path)
                } else {
                    path == weights
                }
        };
        let paths = self.siblings.iter().map(|sibling| sibling.rfilename.as_str());
        Ok(paths.filter(|path| is_needed(path)).filter_map(|path| self.file(path)).collect())
    }

    fn smallest_gguf(&self, repo: &Repo) -> Result<Vec<HubFile>, Fault> {
        let ggufs: Vec<HubFile> = self
            .siblings
            .iter()
            .filter(|sibling| sibling.rfilename.ends_with(".gguf"))
            .filter_map(|sibling| self.file(&sibling.rfilename))
            .collect();
        let supported = ggufs.iter().filter(|file| !names_other_type(&file.path));
        // The smallest; but one in finer blocks, which the CPU engine reads slowly, only as a last
        // resort.
        let rank =
            |file: &&HubFile| (names_fine_type(&file.path), file.n_bytes.unwrap_or(u64::MAX));
        if let Some(file) = supported.min_by_key(rank) {
            return Ok(vec![file.clone()]);
        }
        let whole = repo.wanted("a model");
        if ggufs.is_empty() {
            return Err(whole.fault(
                "the repository has neither config.json with model.safetensors nor a GGUF file",
                "Take a repository with safetensors weights; pickles (pytorch_model.bin) are not \
                 opened, because they can run code.",
            ));
        }
        let names: Vec<&str> = ggufs.iter().map(|file| file.path.as_str()).take(12).collect();
        Err(whole.fault(
            format!("none of its GGUF files names a supported type: {}", names.join(", ")),
            format!("Supported are {GGUF_TYPES}."),
        ))
    }

    fn has(&self, path: &str) -> bool {
        self.siblings.iter().any(|sibling| sibling.rfilename == path)
    }

    fn file(&self, path: &str) -> Option<HubFile> {
        let sibling = self.siblings.iter().find(|sibling| sibling.rfilename == path)?;
        let is_inside = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
        let lfs = sibling.lfs.as_ref();
        is_inside.then(|| HubFile {
            path: path.to_owned(),
            n_bytes: lfs.map(|lfs| lfs.size).or(sibling.size),
            sha256: lfs.map(|lfs| lfs.sha256.to_ascii_lowercase()),
        })
    }

    /// Weights with their sizes, for an advice.
    fn weight_files(&self) -> Vec<String> {
        let is_weights = |path: &str| path.ends_with(".gguf") || path.ends_with(".safetensors");
        self.siblings
            .iter()
            .filter(|sibling| is_weights(&sibling.rfilename))
            .take(12)
            .map(|sibling| match sibling.size {
                Some(size) => format!("{} ({})", sibling.rfilename, megabytes(size)),
                None => sibling.rfilename.clone(),
            })
            .collect()
    }
}

/// Whether a file of a model's folder is needed to run it.
pub(super) fn is_needed(path: &str) -> bool {
    SIDE_FILES.contains(&path)
        || path == INDEX
        || path.ends_with(".gguf")
        || path.ends_with(".safetensors")
        || is_marian(path)
}

/// Parts of a Marian model: `model.enpt.intgemm.alphas.bin` and `lex.50.50.enpt.s2t.bin`.
fn is_marian(path: &str) -> bool {
    path.ends_with(".bin") && (path.starts_with("model.") || path.starts_with("lex."))
}

/// `model-00001-of-00003.safetensors`.
fn is_shard(path: &str) -> bool {
    path.starts_with("model-") && path.ends_with(".safetensors")
}

/// Whether a file is one part of several, or the last type that its name speaks of is one that
/// the engine does not take: `x-F16-Q3_K_M`.
fn names_other_type(path: &str) -> bool {
    let last = last_type(path);
    let is_other = OTHER_GGUF_TYPES.iter().any(|start| last.starts_with(start));
    path.to_ascii_uppercase().contains("-OF-0") || is_other
}

/// Whether the last type that a file's name speaks of has blocks of many scales, or of five bits.
fn names_fine_type(path: &str) -> bool {
    let last = last_type(path);
    last.starts_with("Q5") || last.starts_with("IQ") || last.contains("_K")
}

fn last_type(path: &str) -> String {
    let stem = path.strip_suffix(".gguf").unwrap_or(path).to_ascii_uppercase();
    stem.rsplit(['-', '.', '/']).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo() -> Repo {
        Repo::checked("o/n", "").unwrap()
    }

    fn listing(files: &[(&str, u64)]) -> Listing {
        let siblings: Vec<String> = files
            .iter()
            .map(|(path, size)| {
                let lfs = match *size > 1000 {
                    true => format!(r#","lfs":{{"sha256":"AB","size":{size},"pointerSize":1}}"#),
                    false => String::new(),
                };
                format!(r#"{{"rfilename":"{path}","size":{size},"blobId":"x"{lfs}}}"#)
            })
            .collect();
        let json = format!(
            r#"{{"id":"o/n","sha":"c0ffee","tags":["x","license:mit"],"siblings":[{}]}}"#,
            siblings.join(",")
        );
        Listing::parse(&repo(), json.as_bytes()).unwrap()
    }

    fn paths(chosen: Result<Vec<HubFile>, Fault>) -> Vec<String> {
        chosen.unwrap().into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn names_are_checked() {
        for good in
            ["o/n", "gpt2", "HuggingFaceTB/SmolLM2-135M", " o/n/ ", "https://huggingface.co/o/n"]
        {
            assert!(Repo::checked(good, "").is_ok(), "{good}");
        }
        for bad in
            ["", "/", "o/n/x", "../x", "o/..", "o/n?x", "o n", "https://evil.example/o/n", "é/n"]
        {
            assert!(Repo::checked(bad, "").is_err(), "{bad}");
        }
        assert!(Repo::checked("o/n", "refs/pr/1").is_ok());
        for bad in ["../../x", "a b", "a?b", "a//b", &"x".repeat(300)] {
            assert!(Repo::checked("o/n", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_are_encoded() {
        let repo = Repo::checked("o/n", "refs/pr/1").unwrap();
        assert_eq!(
            repo.listing_url(HUB),
            "https://huggingface.co/api/models/o/n/revision/refs%2Fpr%2F1?blobs=true"
        );
        assert_eq!(
            repo.file_url("/m", "c0", "a b/ä?.gguf"),
            "/m/o/n/resolve/c0/a%20b/%C3%A4%3F.gguf"
        );
        assert_eq!(repo.cache_key("c0", "x.gguf"), "hub/o/n@c0/x.gguf");
    }

    #[test]
    fn safetensors_come_before_ggufs() {
        let all = [
            ("config.json", 10),
            ("tokenizer.json", 10),
            ("model.safetensors", 5000),
            ("model-Q8_0.gguf", 2000),
            ("pytorch_model.bin", 5000),
        ];
        let chosen = listing(&all).choose(&repo(), "").unwrap();
        assert_eq!(chosen[2].sha256.as_deref(), Some("ab"));
        assert_eq!(chosen[0].sha256, None);
        assert_eq!(paths(Ok(chosen)), ["config.json", "tokenizer.json", "model.safetensors"]);
        assert_eq!(paths(listing(&all).choose(&repo(), "model-Q8_0.gguf")), ["model-Q8_0.gguf"]);
        assert!(listing(&all[2..]).choose(&repo(), "model.safetensors").is_err());
        assert_eq!(listing(&all).licence().as_deref(), Some("mit"));
    }

    #[test]
    fn shards_come_with_their_index() {
        let all = [
            ("config.json", 10),
            ("tokenizer.json", 10),
            ("model-00001-of-00002.safetensors", 5000),
            ("model-00002-of-00002.safetensors", 5000),
            ("model.safetensors.index.json", 100),
        ];
        assert_eq!(listing(&all).choose(&repo(), "").unwrap().len(), 5);
    }

    #[test]
    fn the_smallest_supported_gguf_is_taken() {
        let all = [
            ("m-Q2_K.gguf", 1500),
            ("m.Q4_1.gguf", 4100),
            ("m-q8_0.gguf", 8000),
            ("m-F16-Q4_K_M.gguf", 3000),
            ("m-F16-00001-of-00002.gguf", 1200),
        ];
        assert_eq!(paths(listing(&all).choose(&repo(), "")), ["m.Q4_1.gguf"]);
        assert_eq!(paths(listing(&[("a.Q8.gguf", 9)]).choose(&repo(), "")), ["a.Q8.gguf"]);
        let fine = [("m-Q6_K.gguf", 6000), ("m-Q4_K_M.gguf", 4500), ("m-IQ3_M.gguf", 3000)];
        assert_eq!(paths(listing(&fine).choose(&repo(), "")), ["m-Q4_K_M.gguf"]);
        let none = listing(&all[..1]).choose(&repo(), "").unwrap_err();
        assert!(none.what.contains("m-Q2_K.gguf") && none.advice.contains("Q4_1"));
        assert!(
            listing(&[("a.bin", 5)]).choose(&repo(), "").unwrap_err().advice.contains("pickles")
        );
    }

    #[test]
    fn odd_answers_are_refused() {
        for bad in ["", "[]", "{}", r#"{"sha":"../x","siblings":[]}"#, "<html>"] {
            assert!(Listing::parse(&repo(), bad.as_bytes()).is_err(), "{bad}");
        }
        let out = listing(&[("../up.gguf", 2000)]);
        assert!(out.choose(&repo(), "../up.gguf").is_err());
    }
}
