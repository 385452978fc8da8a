//! Puts the folder together that a static host serves: the door, the modules, the assets,
//! the models. `dist` gives each file that another file refers to a name with its content's
//! hash; a file that only the WebAssembly knows by name keeps it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::workspace::root;

/// Files of assets/ that stand beside index.html in the site.
const AT_ROOT: &[&str] = &["boot.js", "worker.js", "sw.js", "manifest.webmanifest"];

/// Names that must stay: the address of the page and that of its service worker.
const FIXED: &[&str] = &["index.html", "sw.js"];

/// Where `dist` writes the list of files into the service worker.
const FILES_MARK: &str = "/* files */ []";
/// Where `dist` writes the build's name.
const BUILD_MARK: &str = "unbuilt";

/// The files of a site by their path below its root.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Licences travel with the site; nobody needs them without a network.
const LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

/// Reads what the site is made of: the door, the modules in `modules`, assets without models.
pub fn collect(modules: &Path) -> Result<Files> {
    let mut files = Files::new();
    let assets = root().join("assets");
    let index = root().join("index.html");
    files.insert("index.html".to_owned(), read(&index)?);
    for name in AT_ROOT {
        files.insert((*name).to_owned(), read(&assets.join(name))?);
    }
    for name in LICENCES {
        files.insert((*name).to_owned(), read(&root().join(name))?);
    }
    for (path, file) in walk(modules)? {
        files.insert(path, read(&file)?);
    }
    for (path, file) in walk(&assets)? {
        let is_model = path.starts_with("models/");
        let is_notice = path.ends_with(".md");
        if !is_model && !is_notice && !AT_ROOT.contains(&path.as_str()) {
            files.insert(format!("assets/{path}"), read(&file)?);
        }
    }
    Ok(files)
}

/// Takes comments and indentation out of the styles and out of the scripts that start page and
/// worker.
///
/// # Errors
/// If a file is not UTF-8.
pub fn slim(files: &mut Files) -> Result<()> {
    for (path, bytes) in files {
        let is_style = path.ends_with(".css");
        if !is_style && !SLIMMED.contains(&path.as_str()) {
            continue;
        }
        let text = std::str::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))?;
        let text = if is_style { without_comments(text) } else { text.to_owned() };
        let lines = text.lines().map(str::trim);
        let kept = lines.filter(|line| !line.is_empty() && (is_style || !is_comment(line)));
        *bytes = kept.flat_map(|line| [line, "\n"]).collect::<String>().into_bytes();
    }
    Ok(())
}

/// Scripts of assets/ in which no text goes over lines.
const SLIMMED: &[&str] = &["boot.js", "worker.js"];

/// A line of a script that says something to its readers alone.
fn is_comment(line: &str) -> bool {
    line.starts_with("//") || (line.starts_with("/**") && line.ends_with("*/"))
}

/// A style sheet without what stands between `/*` and `*/`.
fn without_comments(mut rest: &str) -> String {
    let mut kept = String::with_capacity(rest.len());
    while let Some((before, comment)) = rest.split_once("/*") {
        kept.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, after)| after);
    }
    kept + rest
}

/// Every file below `dir`, by its path relative to it with forward slashes.
pub fn walk(dir: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), dir.to_owned())];
    while let Some((prefix, dir)) = open.pop() {
        let entries =
            std::fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                open.push((format!("{path}/"), entry.path()));
            } else {
                found.insert(path, entry.path());
            }
        }
    }
    Ok(found)
}

/// Writes the files below `out`, which is emptied first; models are kept or linked apart.
pub fn write(files: &Files, out: &Path) -> Result<()> {
    if out.exists() {
        if !out.join("index.html").exists() && std::fs::read_dir(out)?.next().is_some() {
            bail!("{} is not empty and holds no site; give another folder", out.display());
        }
        std::fs::remove_dir_all(out)?;
    }
    for (path, bytes) in files {
        let file = out.join(path);
        if let Some(parent) = file.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&file, bytes).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Names files by their content, rewrites the references, fills in the service worker's list.
/// Returns the new files and, for each old path, the new one.
pub fn seal(files: &Files) -> Result<(Files, BTreeMap<String, String>)> {
    let referred: BTreeSet<String> = files
        .iter()
        .filter(|(path, _)| is_text(path))
        .flat_map(|(path, bytes)| references(path, bytes, files))
        .map(|reference| reference.path)
        .filter(|path| !FIXED.contains(&path.as_str()))
        .collect();
    let mut sealing = Sealing { files, referred, sealed: Files::new(), names: BTreeMap::new() };
    for path in files.keys().filter(|path| !FIXED.contains(&path.as_str())) {
        sealing.seal(path, &mut Vec::new())?;
    }
    let Sealing { mut sealed, mut names, .. } = sealing;
    let build = short_hash(
        sealed
            .iter()
            .flat_map(|(path, bytes)| [path.as_bytes(), bytes])
            .chain(FIXED.iter().filter_map(|path| files.get(*path).map(Vec::as_slice))),
    );
    let is_text_to_read = |path: &str| LICENCES.contains(&path) || path.ends_with(".txt");
    let list: Vec<&String> = sealed.keys().filter(|path| !is_text_to_read(path)).collect();
    let list = serde_json::to_string(&list)?;
    for path in FIXED {
        let Some(bytes) = files.get(*path) else { continue };
        let bytes = rename_references(path, bytes, files, &names);
        let text = String::from_utf8(bytes).with_context(|| format!("{path} is not UTF-8"))?;
        if !text.contains(BUILD_MARK) {
            bail!("{path} has no place for the build's name (`{BUILD_MARK}`)");
        }
        let text = text.replace(BUILD_MARK, &build).replace(FILES_MARK, &list);
        names.insert((*path).to_owned(), (*path).to_owned());
        sealed.insert((*path).to_owned(), text.into_bytes());
    }
    Ok((sealed, names))
}

struct Sealing<'a> {
    files: &'a Files,
    referred: BTreeSet<String>,
    sealed: Files,
    names: BTreeMap<String, String>,
}

impl Sealing<'_> {
    /// Seals what `path` refers to, then `path` itself.
    fn seal(&mut self, path: &str, open: &mut Vec<String>) -> Result<()> {
        if self.names.contains_key(path) {
            return Ok(());
        }
        if open.iter().any(|other| other == path) {
            bail!(
                "{} refer to each other in a circle; none can be named by content",
                open.join(", ")
            );
        }
        let bytes = self.files.get(path).with_context(|| format!("no file {path}"))?;
        let mut bytes = bytes.clone();
        if is_text(path) {
            open.push(path.to_owned());
            for reference in references(path, &bytes, self.files) {
                if !FIXED.contains(&reference.path.as_str()) && reference.path != path {
                    self.seal(&reference.path, open)?;
                }
            }
            open.pop();
            bytes = rename_references(path, &bytes, self.files, &self.names);
        }
        let name = match self.referred.contains(path) {
            true => hashed_name(path, &short_hash([bytes.as_slice()])),
            false => path.to_owned(),
        };
        self.names.insert(path.to_owned(), name.clone());
        self.sealed.insert(name, bytes);
        Ok(())
    }
}

/// A place in a text that names another file of the site.
struct Reference {
    range: std::ops::Range<usize>,
    path: String,
}

/// The quoted (or `url(…)`) words of a text that name a file of the site, relative to its own.
fn references(from: &str, bytes: &[u8], files: &Files) -> Vec<Reference> {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let end = start + bytes[start..].iter().take_while(|byte| is_word(**byte)).count();
        let opened = start > 0 && b"\"'(`".contains(&bytes[start - 1]);
        let closed = bytes.get(end).is_some_and(|byte| b"\"')`".contains(byte));
        if end > start && opened && closed {
            let word = String::from_utf8_lossy(&bytes[start..end]);
            if let Some(path) = resolve(folder, &word)
                && files.contains_key(&path)
            {
                found.push(Reference { range: start..end, path });
            }
        }
        start = end.max(start) + 1;
    }
    found
}

fn rename_references(
    from: &str,
    bytes: &[u8],
    files: &Files,
    names: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut renamed = Vec::with_capacity(bytes.len());
    let mut done = 0;
    for reference in references(from, bytes, files) {
        let Some(name) = names.get(&reference.path) else { continue };
        // Only the last part changes: the folders of the word stay as they were written.
        let word = &bytes[reference.range.clone()];
        let folders = word.iter().rposition(|byte| *byte == b'/').map_or(0, |idx| idx + 1);
        renamed.extend_from_slice(&bytes[done..reference.range.start + folders]);
        renamed.extend_from_slice(name.rsplit('/').next().unwrap_or(name).as_bytes());
        done = reference.range.end;
    }
    renamed.extend_from_slice(&bytes[done..]);
    renamed
}

fn resolve(folder: &str, word: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in word.split('/') {
        match part {
            "." => {}
            "" => return None,
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

fn hashed_name(path: &str, hash: &str) -> String {
    let name_start = path.rfind('/').map_or(0, |idx| idx + 1);
    match path[name_start..].rfind('.') {
        Some(dot) => format!("{}.{hash}{}", &path[..name_start + dot], &path[name_start + dot..]),
        None => format!("{path}.{hash}"),
    }
}

fn short_hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn is_text(path: &str) -> bool {
    [".html", ".js", ".css", ".webmanifest", ".svg"].iter().any(|ending| path.ends_with(ending))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Files {
        [
            ("index.html", "<html data-build=\"unbuilt\"><script src=\"boot.js\"></script>"),
            ("sw.js", "const BUILD = \"unbuilt\"; const FILES = /* files */ [];"),
            ("boot.js", "import(\"./page.js\"); register('sw.js'); say(\"page.js of yours\")"),
            ("page.js", "new URL('page_bg.wasm', import.meta.url)"),
            ("page_bg.wasm", "\0asm 'page.js'"),
            ("assets/styles/a.css", "@font-face { src: url(../fonts/b.woff2) }"),
            ("assets/fonts/b.woff2", "font"),
            ("assets/texts/c.json", "{}"),
        ]
        .into_iter()
        .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
        .collect()
    }

    #[test]
    fn references_follow_the_hashed_names() {
        let (sealed, names) = seal(&site()).unwrap();
        let text = |path: &str| String::from_utf8(sealed[&names[path]].clone()).unwrap();
        assert_ne!(names["page.js"], "page.js");
        assert!(text("index.html").contains(&format!("src=\"{}\"", names["boot.js"])));
        assert!(text("boot.js").contains(&format!("import(\"./{}\")", names["page.js"])));
        assert!(text("boot.js").contains("register('sw.js'); say(\"page.js of yours\")"));
        assert!(text("page.js").contains(&format!("'{}'", names["page_bg.wasm"])));
        let font = names["assets/fonts/b.woff2"].strip_prefix("assets/").unwrap();
        assert!(text("assets/styles/a.css").contains(&format!("url(../{font})")));
    }

    #[test]
    fn what_is_for_readers_of_the_sources_stays_there() {
        let mut files = site();
        let style = "/* a\n b */\na {\n  b: url(../fonts/b.woff2); /* c */\n}\n";
        files.insert("assets/styles/a.css".to_owned(), style.as_bytes().to_vec());
        let script = "// a\n/** b */\nif (c) {\n  d(\"//e\");\n}\n";
        files.insert("boot.js".to_owned(), script.as_bytes().to_vec());
        slim(&mut files).unwrap();
        assert_eq!(files["assets/styles/a.css"], b"a {\nb: url(../fonts/b.woff2);\n}\n");
        assert_eq!(files["boot.js"], b"if (c) {\nd(\"//e\");\n}\n");
        assert_eq!(files["page.js"], site()["page.js"]);
    }

    #[test]
    fn unreferred_files_keep_their_names() {
        let (_, names) = seal(&site()).unwrap();
        for path in ["index.html", "sw.js", "assets/styles/a.css", "assets/texts/c.json"] {
            assert_eq!(names[path], path);
        }
    }

    #[test]
    fn a_change_deep_down_renames_everything_above_it() {
        let (_, before) = seal(&site()).unwrap();
        let mut changed = site();
        changed.insert("page_bg.wasm".to_owned(), b"\0asm other".to_vec());
        let (_, after) = seal(&changed).unwrap();
        for path in ["page_bg.wasm", "page.js", "boot.js"] {
            assert_ne!(before[path], after[path], "{path}");
        }
        assert_eq!(before["assets/fonts/b.woff2"], after["assets/fonts/b.woff2"]);
    }

    #[test]
    fn the_service_worker_lists_every_sealed_file() {
        let (sealed, names) = seal(&site()).unwrap();
        let worker = String::from_utf8(sealed["sw.js"].clone()).unwrap();
        for path in ["boot.js", "page.js", "page_bg.wasm", "assets/texts/c.json"] {
            assert!(worker.contains(&format!("\"{}\"", names[path])), "{path} in {worker}");
        }
        assert!(!worker.contains("unbuilt"));
    }

    #[test]
    fn a_circle_is_an_error() {
        let mut files = site();
        files.insert("page.js".to_owned(), b"import './boot.js'".to_vec());
        assert!(seal(&files).is_err());
    }
}
