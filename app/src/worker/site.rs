//! The models that lie beside the page: `models/index.json` and what it names.

use serde_json::Value;
use vitrine_models::weights::json;

use super::http::{Origin, Wanted};
use super::hub::{encoded, is_needed};
use super::js;
use crate::protocol::{Fault, ModelOffer};

/// The list, relative to the worker's script.
pub(super) const INDEX: &str = "models/index.json";

/// What the list says.
#[derive(Debug, Default)]
pub(super) struct SiteIndex {
    /// The models, in the order of the list; the first is the one to begin with.
    pub models: Vec<SiteModel>,
}

/// One model of the site.
#[derive(Clone, Debug)]
pub(super) struct SiteModel {
    /// Its folder.
    pub name: String,
    /// For people.
    pub title: String,
    /// SPDX expression.
    pub licence: String,
    files: Vec<SiteFile>,
}

/// One file of a model of the site.
#[derive(Clone, Debug)]
pub(super) struct SiteFile {
    /// Path in the model's folder.
    pub path: String,
    /// Its length.
    pub size: u64,
    /// Its sha256 in hexadecimal.
    pub sha256: String,
}

impl SiteIndex {
    /// Reads the list.
    pub fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let odd = |problem: &str| {
            wanted(INDEX).fault(
                format!("the list of models is not understood ({problem})"),
                "The site was not built completely. Models of the hub and files from your disk \
                 still work.",
            )
        };
        let list = json::parse_object(INDEX, bytes).map_err(|err| odd(&err.to_string()))?;
        let listed = list.get("models").and_then(Value::as_array);
        let mut models = Vec::new();
        for model in listed.ok_or_else(|| odd("it lists no models"))? {
            let model = SiteModel::from_json(model);
            models.push(model.ok_or_else(|| odd("a model lacks a name or a file's hash"))?);
        }
        Ok(Self { models })
    }

    /// A model by name.
    pub fn find(&self, name: &str) -> Option<&SiteModel> {
        self.models.iter().find(|model| model.name == name)
    }
}

impl SiteModel {
    fn from_json(value: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
        let mut files = Vec::new();
        for file in value.get("files")?.as_array()? {
            files.push(SiteFile {
                path: text(file, "path")?,
                size: file.get("size")?.as_u64()?,
                sha256: text(file, "sha256")?,
            });
        }
        Some(Self {
            name: text(value, "name")?,
            title: text(value, "title")?,
            licence: text(value, "licence")?,
            files,
        })
    }

    /// The files that are needed to run it.
    pub fn needed(&self) -> impl Iterator<Item = &SiteFile> {
        self.files.iter().filter(|file| is_needed(&file.path))
    }

    /// Where a file is, relative to the worker's script.
    pub fn file_path(&self, file: &SiteFile) -> String {
        format!("models/{}/{}", encoded(&self.name, false), encoded(&file.path, true))
    }

    /// The cache's names of all files: by content, so that a new deploy takes its own.
    pub fn cache_keys(&self) -> Vec<String> {
        self.needed().map(SiteFile::cache_key).collect()
    }

    /// How the page lists it.
    pub fn offer(&self, cached: bool) -> ModelOffer {
        ModelOffer {
            name: self.name.clone(),
            title: self.title.clone(),
            bytes: self.needed().map(|file| file.size).sum(),
            licence: self.licence.clone(),
            cached,
        }
    }
}

impl SiteFile {
    /// The cache's name of it.
    pub fn cache_key(&self) -> String {
        format!("site/{}", encoded(&self.sha256, false))
    }
}

/// A file of the site, for messages.
pub(super) fn wanted(path: &str) -> Wanted {
    Wanted { file: path.to_owned(), origin: Origin::Site }
}

/// The address of a path beside the worker's script.
pub(super) fn url(path: &str) -> String {
    let here = js::scope().location().href();
    let folder = here.split(['?', '#']).next().and_then(|href| href.rsplit_once('/'));
    format!("{}/{path}", folder.map_or("", |(folder, _)| folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_needed_files_are_offered() {
        let json = br#"{"models":[{"name":"m l","title":"M","licence":"MIT","origin":"o","files":[
            {"path":"a.gguf","size":10,"sha256":"aa"},{"path":"LICENSE","size":5,"sha256":"bb"},
            {"path":"1_Pooling/config.json","size":1,"sha256":"cc"}]}]}"#;
        let index = SiteIndex::parse(json).unwrap();
        let model = index.find("m l").unwrap();
        assert_eq!(model.offer(true).bytes, 11);
        assert_eq!(model.cache_keys(), ["site/aa", "site/cc"]);
        let file = model.needed().last().unwrap();
        assert_eq!(model.file_path(file), "models/m%20l/1_Pooling/config.json");
        assert!(index.find("x").is_none());
        assert!(SiteIndex::parse(b"<html>").unwrap_err().what.contains("index.json"));
    }
}
